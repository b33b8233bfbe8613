package link

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"pgregory.net/rapid"

	"baylight/sync/broker/brokertest"
)

// TestLane holds the lane against a map: acknowledgements come in any order,
// twice, and for what was never sent.
func TestLane(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &lane{id: rapid.SampledFrom([]int{0, 1, maxOpen - 3, maxOpen - 1}).Draw(t, "first number")}
		open := make(map[uint16]*Token)
		next := l.id
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					if l.full() {
						return
					}
					tok := &Token{}
					id := l.add(tok)
					if want := uint16(ownIDs + next%maxOpen); id != want {
						t.Fatalf("number %d, want %d", id, want)
					}
					next++
					if open[id] != nil {
						t.Fatalf("number %d is given twice", id)
					}
					open[id] = tok
				}
			},
			"ack": func(t *rapid.T) {
				ids := []uint16{rapid.Uint16().Draw(t, "any")}
				for id := range open {
					ids = append(ids, id)
				}
				slices.Sort(ids)
				id := rapid.SampledFrom(ids).Draw(t, "id")
				tok := open[id]
				for range 2 {
					if l.ack(id); tok != nil && !tok.acked.Load() {
						t.Fatalf("%d is not acknowledged", id)
					}
				}
				delete(open, id)
			},
			"in order": func(t *rapid.T) {
				for n := rapid.IntRange(0, 200).Draw(t, "n"); n > 0 && l.n > 0; n-- {
					id := uint16(ownIDs + l.id)
					l.ack(id)
					delete(open, id)
				}
			},
			"": func(t *rapid.T) {
				for id, tok := range open {
					if tok.acked.Load() {
						t.Fatalf("%d was never acknowledged", id)
					}
				}
				if len(open) == 0 && l.n != 0 || l.n < len(open) {
					t.Fatalf("%d wait, the lane says %d", len(open), l.n)
				}
			},
		})
	})
}

func TestLaneHasAsManyNumbersAsMQTT(t *testing.T) {
	l := &lane{id: 7}
	given := make(map[uint16]bool)
	for !l.full() {
		given[l.add(&Token{})] = true
	}
	if len(given) != maxOpen || given[ownIDs-1] || !given[ownIDs] || !given[65535] {
		t.Errorf("%d numbers", len(given))
	}
	if l.ack(ownIDs + 8); !l.full() {
		t.Error("a number is free again while the one before it waits")
	}
	if l.ack(ownIDs + 7); l.n != maxOpen-2 {
		t.Errorf("%d wait", l.n)
	}
}

// packet is one of n bytes after the length.
func packet(first byte, n int) []byte {
	b := []byte{first}
	for v := n; ; {
		c := byte(v & 0x7f)
		if v >>= 7; v > 0 {
			b = append(b, c|0x80)
			continue
		}
		return append(append(b, c), make([]byte, n)...)
	}
}

func TestSifter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 40_000
		var stream, pass []byte
		var acks []uint16
		tooLarge, over := false, 0
		for range rapid.IntRange(1, 20).Draw(t, "packets") {
			id := rapid.SampledFrom([]uint16{0, 1, ownIDs - 1, ownIDs, ownIDs + 1, 65535}).Draw(t, "id")
			puback := []byte{packetPuback, 2, byte(id >> 8), byte(id)}
			if rapid.Bool().Draw(t, "puback") {
				stream = append(stream, puback...)
				if id >= ownIDs {
					acks = append(acks, id)
				} else {
					pass = append(pass, puback...)
				}
				continue
			}
			n := rapid.SampledFrom([]int{0, 1, 2, 3, 127, 128, 16383, 16384, limit, limit + 1}).Draw(t, "size")
			p := packet(rapid.SampledFrom([]byte{0x30, 0x32, 0x41, 0x50, 0x90, 0xd0}).Draw(t, "kind"), n)
			for i := len(p) - n; i+4 <= len(p); i += 4 {
				copy(p[i:], puback) // a body is not looked into
			}
			stream = append(stream, p...)
			if n > limit && p[0]&0xf0 != packetPublish {
				tooLarge = true
				break
			}
			if n > limit {
				over++
				continue
			}
			pass = append(pass, p...)
		}
		s := sifter{max: limit, told: func(*oversize) { over-- }}
		var gotPass []byte
		var gotAcks []uint16
		var err error
		for len(stream) > 0 && err == nil {
			n := rapid.IntRange(1, min(len(stream), 9000)).Draw(t, "cut")
			gotPass, gotAcks, err = s.sift(stream[:n], gotPass, gotAcks)
			stream = stream[n:]
		}
		if errors.Is(err, errTooLarge) != tooLarge || over != 0 || !bytes.Equal(gotPass, pass) || !slices.Equal(gotAcks, acks) {
			t.Fatalf("%v; passed %d bytes of %d, acks %v of %v", err, len(gotPass), len(pass), gotAcks, acks)
		}
	})
}

// FuzzSifter: it does not matter how the stream is cut; nothing is lost but
// PUBACKs; and paho reads of what is passed on what it reads of the stream.
func FuzzSifter(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x80, 0x01, 1}, uint8(3))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, uint8(1))
	f.Add(append(packet(0x30, 300), 0x40, 2, 4, 0, 0xd0, 0), uint8(2))
	f.Add(append(append([]byte{0x30, 0x80, 0x20, 0, 1, 'x'}, make([]byte, 4093)...), 0x40, 2, 4, 0, 0xd0, 0), uint8(2))
	f.Add([]byte{0x40, 2, 0xff, 0xff, 0x40, 0x82, 0, 4, 1, 0x40, 2, 0, 1}, uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		dropped := false
		whole, parts := sifter{max: 1000, told: func(*oversize) { dropped = true }}, sifter{max: 1000}
		pass, acks, want := whole.sift(b, nil, nil)
		var gotPass []byte
		var gotAcks []uint16
		var got error
		for rest := b; len(rest) > 0 && got == nil; {
			n := min(int(cut)+1, len(rest))
			gotPass, gotAcks, got = parts.sift(rest[:n], gotPass, gotAcks)
			rest = rest[n:]
		}
		if (want == nil) != (got == nil) || !bytes.Equal(pass, gotPass) || !slices.Equal(acks, gotAcks) {
			t.Fatalf("read at once %v, %x, %v, in parts %v, %x, %v", want, pass, acks, got, gotPass, gotAcks)
		}
		if whole.over != nil || dropped {
			return // what paho would read of it is not what it gets
		}
		if want == nil && len(pass)+4*len(acks)+whole.n != len(b) {
			t.Errorf("of %d bytes %d are passed on, %d are of acknowledgements, %d are waited for", len(b), len(pass), 4*len(acks), whole.n)
		}
		if left, right := others(b), others(pass); !slices.Equal(left[:min(len(left), len(right))], right[:min(len(left), len(right))]) {
			t.Errorf("paho reads %v of the stream and %v of what is passed on", left, right)
		}
	})
}

// others are the packets that paho reads and that are not the lane's.
func others(b []byte) (all []string) {
	for r := bytes.NewReader(b); ; {
		if rest := b[len(b)-r.Len():]; len(rest) < 2 || len(rest) >= 5 && rest[1]&rest[2]&rest[3]&0x80 != 0 {
			return all // paho would make room for what the length says
		}
		p, err := packets.ReadPacket(r)
		if err != nil {
			return all
		}
		if a, ok := p.(*packets.PubackPacket); !ok || a.MessageID < ownIDs || a.RemainingLength != 2 || a.Qos != 0 || a.Dup || a.Retain {
			all = append(all, p.String())
		}
	}
}

// TestPublishPacket: paho reads what is written here.
func TestPublishPacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := rapid.StringN(1, 300, 4000).Draw(t, "topic")
		qos, retain := byte(rapid.IntRange(0, 1).Draw(t, "qos")), rapid.Bool().Draw(t, "retain")
		id, payload := rapid.Uint16Min(1).Draw(t, "id"), rapid.SliceOfN(rapid.Byte(), 0, 20_000).Draw(t, "payload")
		if err := checkPublish(topic, qos, payload); err != nil {
			t.Fatal(err)
		}
		got, err := packets.ReadPacket(bytes.NewReader(appendPublish(nil, topic, qos, retain, id, payload)))
		if err != nil {
			t.Fatal(err)
		}
		p := got.(*packets.PublishPacket)
		if p.TopicName != topic || p.Qos != qos || p.Retain != retain || p.Dup || qos == 1 && p.MessageID != id || !bytes.Equal(p.Payload, payload) {
			t.Fatalf("paho reads %v", p)
		}
		ack, err := packets.ReadPacket(bytes.NewReader(appendPuback(nil, id)))
		if err != nil || ack.(*packets.PubackPacket).MessageID != id {
			t.Fatalf("paho reads %v, %v", ack, err)
		}
	})
}

func TestWhatDoesNotFitIntoAPacketIsRefused(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{})
	l, _ := start(t, quick(b.URL()), nil)
	s := next(t, l, 0)
	for _, row := range []struct {
		topic string
		qos   byte
	}{{"", 1}, {strings.Repeat("x", maxTopic+1), 1}, {"a", 2}} {
		if err := s.Publish(row.topic, row.qos, false, nil).Wait(t.Context()); err == nil || errors.Is(err, ErrNotConnected) {
			t.Errorf("a topic of %d bytes at %d gives %v", len(row.topic), row.qos, err)
		}
	}
	if err := s.Publish("a", 1, false, []byte("x")).Wait(t.Context()); err != nil {
		t.Errorf("then nothing more is sent: %v", err)
	}
	if p := <-b.Seen(); string(p.Payload) != "x" {
		t.Errorf("the broker got %q", p.Topic)
	}
}

func TestAcknowledgementsInAnyOrder(t *testing.T) {
	// Numbers never given, the greatest number, and paho's own, before anything is sent.
	lies := []byte{0x40, 2, 0, 0, 0x40, 2, 0xff, 0xff, 0x40, 2, 0, 9, 0x40, 2, 5, 0}
	for _, f := range []brokertest.Faults{{AckBackwards: 7, Inject: lies}, {AckTwice: true, Inject: lies}} {
		b := startFaulty(t, f)
		got := make(chan struct{}, 1)
		l, _ := start(t, quick(b.URL()), func(l *Link) { l.Handle("x", 1, func(context.Context, Message) { got <- struct{}{} }) })
		s := next(t, l, 0)
		var tokens []*Token
		for i := range 700 {
			tokens = append(tokens, s.Publish("a", 1, false, []byte{byte(i >> 8), byte(i)}))
		}
		for i, tok := range tokens {
			if err := tok.Wait(t.Context()); err != nil {
				t.Fatalf("%+v: message %d: %v", f, i, err)
			}
			if p := <-b.Seen(); int(p.Payload[0])<<8|int(p.Payload[1]) != i {
				t.Fatalf("%+v: message %d comes as %x", f, i, p.Payload)
			}
		}
	}
}

// TestNothingIsSentBehindAFailure: what comes on a connection has no holes.
func TestNothingIsSentBehindAFailure(t *testing.T) {
	ours, theirs := net.Pipe()
	g := guard(ours, time.Minute, time.Minute, 1<<20)
	first := g.publish("a", 1, false, []byte("1"))
	if _, err := theirs.Read(make([]byte, 1)); err != nil { // the rest never gets through
		t.Fatal(err)
	}
	g.drop(errDropped)
	if err := first.Wait(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("the message that was under way: %v", err)
	}
	if err := g.publish("a", 1, false, []byte("2")).Wait(t.Context()); !errors.Is(err, ErrNotConnected) || !errors.Is(err, errDropped) {
		t.Errorf("one behind it: %v", err)
	}
	if _, err := g.Read(make([]byte, 1)); !errors.Is(err, errDropped) {
		t.Errorf("reading ends with %v", err)
	}
	if _, err := g.Write([]byte{0xc0, 0}); !errors.Is(err, errDropped) {
		t.Errorf("paho's writing ends with %v", err)
	}
	if err := g.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	_ = theirs.Close()
}

// TestSilence: acknowledgements are signs of life that paho does not see; when
// nothing comes any more, the connection ends on the dot.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const silence = 8 * time.Second
		ours, theirs := net.Pipe()
		g := guard(ours, time.Second, silence, 1<<20)
		var ended time.Duration
		var work sync.WaitGroup
		began := time.Now()
		work.Go(func() {
			if _, err := g.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "says nothing for 8s") {
				t.Errorf("reading ends with %v", err)
			}
			ended = time.Since(began)
		})
		for i := range 10 {
			<-time.After(silence - time.Second)
			if _, err := theirs.Write(appendPuback(nil, uint16(ownIDs+i))); err != nil {
				t.Fatal(err)
			}
		}
		work.Wait()
		if want := 10*(silence-time.Second) + silence; ended != want {
			t.Errorf("given up after %v, want %v", ended, want)
		}
		<-g.gone
		_ = g.Close()
		_ = theirs.Close()
	})
}

// TestSlowLineIsNoDeadLine: a line that takes 16 KiB in the write time-out goes
// on; one that takes nothing ends.
func TestSlowLineIsNoDeadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		g := guard(ours, 2*time.Second, time.Hour, 1<<20)
		g.publish("a", 1, false, make([]byte, 60_000))
		for got := 0; got < 60_000; {
			<-time.After(900 * time.Millisecond)
			n, err := theirs.Read(make([]byte, 8<<10))
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += n
		}
		stuck := g.publish("a", 1, false, make([]byte, 60_000))
		if err := stuck.Wait(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("a message that nobody reads: %v", err)
		}
		_ = g.Close()
		_ = theirs.Close()
	})
}
