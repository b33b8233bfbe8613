package officeapp_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

const (
	shop     = "sh-test"
	topics   = wire.Prefix + shop + "/k1/"
	epoch    = "0b9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e11"
	patience = 20 * time.Second
)

var zone = time.FixedZone("CST", 8*3600)

// rig is a real back office on an embedded broker, and a board that is played.
type rig struct {
	t      *testing.T
	dir    string
	http   string
	broker *broker.Broker
	wire   *relay // between office and broker
	board  *link.Link
	done   chan struct{}
	err    error

	options officeapp.Options
	stop    func()

	seq  uint64 // last event of the board
	prev kiosk.Hash
	cars int // check-ins that have to count

	mu      sync.Mutex
	receipt map[string]wire.Receipt // by kiosk
	said    []wire.Receipt          // to k1, in order
	office  wire.Office             // as it last said
}

func newRig(t *testing.T) *rig {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	must(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	r := &rig{t: t, broker: b, http: cmdtest.Address(t), receipt: map[string]wire.Receipt{}}
	r.wire = newRelay(t, b.Addr())
	r.dir = t.TempDir()
	dir := r.dir
	config := fmt.Sprintf("schema = 1\n[office]\ndata = \"office\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[[store]]\nname = %q\ntag = \"0A7\"\nkey_file = \"store.key\"\n",
		r.http, "mqtt://"+r.wire.l.Addr().String(), shop)
	must(t, os.WriteFile(filepath.Join(dir, "backoffice.toml"), []byte(config), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte("0123456789abcdef0123456789abcdef"), 0o600))
	set, err := settings.LoadOffice(filepath.Join(dir, "backoffice.toml"))
	must(t, err)
	evening := time.Date(2026, 3, 2, 18, 0, 0, 0, zone)
	now, err := clock.NewLead(kiosk.Moment{Wall: evening, Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
	must(t, err)
	t.Cleanup(func() { check(t, now.Close()) })
	r.options = officeapp.Options{Settings: set, Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Clock: now,
		ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond}
	r.start()
	t.Cleanup(func() { r.stop() })
	r.play()
	return r
}

// start runs the office; stop ends it.
func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan struct{})
	o := r.options
	o.Ready = func() { close(ready) }
	r.done = done
	go func() {
		defer close(done)
		r.err = officeapp.Run(ctx, o)
	}()
	r.stop = func() {
		cancel()
		<-done
		check(r.t, r.err)
	}
	select {
	case <-ready:
	case <-done:
		r.t.Fatalf("the office ended at its start: %v", r.err)
	}
}

// play connects the board.
func (r *rig) play() {
	r.t.Helper()
	var err error
	r.board, err = link.New(link.Config{Broker: r.broker.URL(), ClientID: "board", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(r.t, err)
	for _, k := range []string{"k1", "k2"} {
		r.board.Handle(wire.Prefix+shop+"/"+k+"/receipt", wire.QoS, func(_ context.Context, m link.Message) {
			x, err := wire.DecodeReceipt(m.Payload)
			check(r.t, err)
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.receipt[k] = x; k == "k1" {
				r.said = append(r.said, x)
			}
		})
	}
	r.board.Handle(wire.Prefix+shop+"/office", wire.QoS, func(_ context.Context, m link.Message) {
		x, err := wire.DecodeOffice(m.Payload)
		check(r.t, err)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.office = x
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(r.t, r.board.Run(ctx)) })
	r.t.Cleanup(func() { cancel(); running.Wait() })
	soon, end := context.WithTimeout(r.t.Context(), patience)
	defer end()
	_, err = r.board.Next(soon, 0)
	must(r.t, err)
}

func (r *rig) await(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-r.done:
			r.t.Fatalf("%s: the office has ended: %v", what, r.err)
		case <-deadline:
			r.t.Fatalf("%s: not within %v; receipts %+v", what, patience, r.receipt)
		}
	}
}

// publish sends a message and waits until the broker has it.
func (r *rig) publish(topic string, payload []byte) {
	r.t.Helper()
	ctx, end := context.WithTimeout(r.t.Context(), patience)
	defer end()
	must(r.t, r.board.Publish(topic, wire.QoS, false, payload).Wait(ctx))
}

// checkIn is the board's next event: a car arrives. Its bytes are not yet sent.
func (r *rig) checkIn(digest string) (id string, bytes []byte) {
	r.t.Helper()
	r.seq++
	e := kiosk.Event{Source: kiosk.KioskSource(shop, "k1"), Epoch: epoch, Seq: r.seq, Prev: r.prev,
		Moment: kiosk.Moment{Wall: time.Date(2026, 3, 2, 9, 0, int(r.seq), 0, zone), Boot: "b", Up: time.Hour + time.Duration(r.seq)*time.Second, Clock: kiosk.Synced},
		Data: &kiosk.CheckedIn{Visit: fmt.Sprintf("0A7A12%04d", r.seq), Ticket: fmt.Sprintf("A%03d", r.seq), Purpose: "other", Language: "zh-CN", Means: "scan",
			Meta: kiosk.Meta{PersonDigest: digest}}}
	b, err := kiosk.Encode(e)
	must(r.t, err)
	r.prev = kiosk.HashOf(b)
	return e.ID(), b
}

// changed is the board's next event with a text in its bytes replaced: its place
// is right, and something in it is not.
func (r *rig) changed(old, new string) []byte {
	r.t.Helper()
	_, b := r.checkIn("")
	text := strings.Replace(string(b), old, new, 1)
	if text == string(b) {
		r.t.Fatalf("%q does not stand in %s", old, b)
	}
	r.prev = kiosk.HashOf([]byte(text))
	return []byte(text)
}

// session is the office's present session, 0 while it is away.
func (r *rig) session() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.office.State != wire.Ready {
		return 0
	}
	return r.office.Session
}

// through is how far the receipts of the board have come.
func (r *rig) through() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, _ := r.receipt["k1"].Find(epoch)
	return e.Through
}

// good sends a good event, and waits until it is receipted and counted.
func (r *rig) good() {
	r.t.Helper()
	_, b := r.checkIn("")
	r.cars++
	r.publish(topics+"event/visit.checked_in", b)
	r.await("receipt of the next good event", func() bool { return r.through() == r.seq })
	r.counts()
}

// counts waits until the figures show the cars.
func (r *rig) counts() {
	r.t.Helper()
	got := -1
	r.await(fmt.Sprintf("%d arrivals in the figures", r.cars), func() bool {
		var a struct{ Rows []struct{ Arrivals int } }
		r.get("/api/v1/kpi?store="+shop+"&from=2026-03-02&to=2026-03-03&by=day", &a)
		got = 0
		for _, row := range a.Rows {
			got += row.Arrivals
		}
		return got >= r.cars
	})
	if got != r.cars {
		r.t.Errorf("%d arrivals are counted, want %d", got, r.cars)
	}
}

func (r *rig) get(path string, into any) {
	r.t.Helper()
	res, err := http.Get("http://" + r.http + path)
	must(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s: %s", path, res.Status, b)
	}
	must(r.t, json.Unmarshal(b, into))
}

// kiosks is what the page of the boards says.
func (r *rig) kiosks() string {
	r.t.Helper()
	var raw json.RawMessage
	r.get("/api/v1/kiosks?store="+shop, &raw)
	return string(raw)
}

// Whatever comes over the wire, the office goes on, and the next good event is
// receipted and counted. What was bad is told to people.
func TestBadMessages(t *testing.T) {
	r := newRig(t)
	r.good()
	event := topics + "event/"
	for _, c := range []struct {
		name string
		send func()
		told string // in the kiosks' alarms or quarantine; "": nothing is wrong with it
	}{
		{"a topic nobody knows", func() { r.publish(topics+"nonsense/x", []byte("x")) }, ""},
		{"an unknown payload", func() { r.publish(event+"job.started", []byte("\x00\x01\xff\xfe not an event")) }, "decode event"},
		{"no payload", func() { r.publish(event+"job.started", nil) }, "decode event"},
		{"malformed JSON", func() { r.publish(event+"job.started", []byte(`{"specversion":"1.0","id":`)) }, "decode event"},
		{"JSON of another shape", func() { r.publish(event+"job.started", []byte(`[[[[{"specversion":1}]]]]`)) }, "decode event"},
		{"900 kB of nothing", func() { r.publish(event+"job.started", []byte(strings.Repeat("A", 900_000))) }, "900000 bytes"},
		{"an unknown type", func() {
			r.publish(event+"lunch.eaten", r.changed("visit.checked_in.v1", "lunch.eaten.v1"))
		}, ""},
		{"a newer version", func() {
			r.publish(event+"visit.checked_in", r.changed("visit.checked_in.v1", "visit.checked_in.v2"))
		}, ""},
		{"an older version", func() {
			r.publish(event+"visit.checked_in", r.changed("visit.checked_in.v1", "visit.checked_in.v0"))
		}, ""},
		{"malformed data at a place that can be told", func() {
			r.publish(event+"visit.checked_in", r.changed(`"waiting":false`, `"waiting":"perhaps"`))
		}, "waiting"},
		{"a malformed time", func() { r.publish(event+"visit.checked_in", r.changed("2026-03-02T", "2026-13-99T")) }, "RFC 3339"},
		{"an event of another kiosk", func() {
			seq, prev := r.seq, r.prev
			b := r.changed("/kiosks/k1", "/kiosks/k2")
			r.seq, r.prev = seq, prev // it takes no place of this board's
			r.publish(event+"visit.checked_in", b)
		}, "/kiosks/k2"},
		{"an event of another store", func() {
			seq, prev := r.seq, r.prev
			b := r.changed("/stores/"+shop, "/stores/elsewhere")
			r.seq, r.prev = seq, prev
			r.publish(event+"visit.checked_in", b)
		}, "/stores/elsewhere"},
		{"an event of the back office's own", func() {
			r.publish(wire.Prefix+shop+"/backoffice/event/rework.confirmed", []byte(`{"specversion":"1.0"}`))
		}, ""},
		{"a person part of no event", func() {
			r.publish(topics+"person", []byte(`{"id":"`+epoch+`-999999","person":{"salt":"00","name":"SECRETNAME"}}`))
		}, ""},
		{"a person part with no id", func() { r.publish(topics+"person", []byte(`{"person":{"name":"SECRETNAME"}}`)) }, "person part"},
		{"a connection state that is none", func() { r.publish(topics+"conn", []byte(`{"state":"asleep"}`)) }, "asleep"},
		{"health that is none", func() { r.publish(topics+"health", []byte(`"ill"`)) }, "health"},
		{"a packet of 10 MB", func() {
			before := r.session()
			r.wire.flood(10 << 20)
			r.good() // behind it, on the same connection
			if now := r.session(); now != before {
				r.t.Errorf("session %d follows %d: one large message ends a connection", now, before)
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			c.send()
			r.good()
			r.await("words about it", func() bool { return strings.Contains(r.kiosks(), c.told) })
			if said := r.kiosks(); strings.Contains(said, "SECRETNAME") {
				t.Errorf("a person's name is shown: %s", said)
			}
		})
	}
	r.t = t
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.receipt["k2"].Find(epoch); ok && e.Through > 0 {
		t.Errorf("the other kiosk got a receipt for what this one sent: %+v", e)
	}
}

// An event with a person part is receipted when both are there, whichever came first.
func TestPersonParts(t *testing.T) {
	r := newRig(t)
	r.good()
	part := func(n string) (body []byte, digest string) {
		b, digest, err := kiosk.Person{Salt: "5a17", VIN: "LSVAA4182E2184" + n}.Encode()
		must(t, err)
		return b, digest
	}
	send := func(id string, body []byte) {
		b, err := wire.PersonPart{ID: id, Person: body}.Encode()
		must(t, err)
		r.publish(topics+"person", b)
	}
	first, digest := part("001")
	id, e := r.checkIn(digest)
	r.cars++
	send(id, first) // before its event
	r.publish(topics+"event/visit.checked_in", e)
	r.await("receipt for a part that came first", func() bool { return r.through() == r.seq })

	second, digest := part("002")
	id, e = r.checkIn(digest)
	r.cars++
	r.publish(topics+"event/visit.checked_in", e) // before its part
	_, after := r.checkIn("")
	r.cars++
	r.publish(topics+"event/visit.checked_in", after)
	r.counts() // the event counts all the same
	if got := r.through(); got != r.seq-2 {
		t.Errorf("receipts are through %d, the person part of %d is still missing", got, r.seq-1)
	}
	send(id, first) // somebody else's: its digest is not the event's
	r.publish(topics+"event/visit.checked_in", e)
	r.counts()
	if got := r.through(); got != r.seq-2 {
		t.Errorf("receipts are through %d with a person part that is not that of %d", got, r.seq-1)
	}
	send(id, second)
	r.await("receipt for a part that came last", func() bool { return r.through() == r.seq })
	r.good()
}

// What was sent twice counts once.
func TestTwice(t *testing.T) {
	r := newRig(t)
	_, e := r.checkIn("")
	r.cars++
	for range 3 {
		r.publish(topics+"event/visit.checked_in", e)
	}
	r.good()
}

// relay passes bytes between office and broker, and can say something in the
// broker's place.
type relay struct {
	l  net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex
	office net.Conn // the present connection
	conns  []net.Conn
}

func newRelay(t *testing.T, broker string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	x := &relay{l: l}
	x.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", broker)
			if err != nil {
				c.Close()
				continue
			}
			x.mu.Lock()
			x.office, x.conns = c, append(x.conns, c, up)
			x.mu.Unlock()
			for _, pair := range [][2]net.Conn{{c, up}, {up, c}} {
				x.wg.Go(func() {
					io.Copy(pair[0], pair[1]) // the office or the broker may hang up
					pair[0].Close()
					pair[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		x.mu.Lock()
		for _, c := range x.conns {
			c.Close()
		}
		x.mu.Unlock()
		x.wg.Wait()
	})
	return x
}

// flood sends the office a PUBLISH of n bytes, as a broker without a limit would.
func (x *relay) flood(n int) {
	x.mu.Lock()
	c := x.office
	x.mu.Unlock()
	topic := topics + "event/job.started"
	head := []byte{0x30} // PUBLISH, QoS 0
	for left := n + len(topic) + 2; ; left >>= 7 {
		if left < 128 {
			head = append(head, byte(left))
			break
		}
		head = append(head, byte(left)|0x80)
	}
	head = binary.BigEndian.AppendUint16(head, uint16(len(topic)))
	c.Write(append(head, topic...)) // the office hangs up somewhere in here
	for chunk := make([]byte, 64<<10); n > 0; n -= len(chunk) {
		if _, err := c.Write(chunk[:min(n, len(chunk))]); err != nil {
			return
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
