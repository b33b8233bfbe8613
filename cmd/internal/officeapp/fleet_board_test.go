package officeapp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// thin is a board that costs little, so that what is measured is the office: a
// journal in memory and MQTT by hand. It sends each event as it is recorded, and
// all without receipt again when an office begins to answer for its store; it
// believes receipts as a board does: of one ledger, of no lower term, and with the
// hash of its own event.
type thin struct {
	*small
	topics wire.Kiosk

	wire sync.Mutex // of conn's writing side
	conn net.Conn
	id   uint16
	out  []byte

	office uint64 // the session of the office last heard
}

// dial connects and subscribes. The reader ends with the connection.
func (b *thin) dial(t *testing.T, addr string, readers *sync.WaitGroup) {
	t.Helper()
	var err error
	b.topics, err = wire.NewKiosk(b.store, b.name)
	must(t, err)
	b.conn, err = net.Dial("tcp", addr)
	must(t, err)
	client := b.topics.ClientID()
	hello := append([]byte("\x00\x04MQTT\x04\x02\x00\x00"), lengthed(client)...)                                      // a clean session, no keep-alive
	asked := []byte{0, 1}                                                                                             // packet number
	asked = append(append(append(asked, lengthed(b.topics.Receipt())...), 1), lengthed(b.topics.Store().Office())...) // QoS 1 each
	must(t, b.write(appendPacket(appendPacket(nil, 0x10, hello), 0x82, append(asked, 1))))
	state, err := wire.Conn{State: wire.Ready, Session: 1, Epoch: b.epoch, Version: "test"}.Encode()
	must(t, err)
	must(t, b.publish(b.topics.Conn(), true, state))
	readers.Go(func() {
		if err := b.read(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Errorf("board %s of %s: %v", b.name, b.store, err)
		}
	})
}

func lengthed(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func appendPacket(out []byte, first byte, body []byte) []byte {
	return append(binary.AppendUvarint(append(out, first), uint64(len(body))), body...)
}

func (b *thin) write(p []byte) error {
	b.wire.Lock()
	defer b.wire.Unlock()
	_, err := b.conn.Write(p)
	return err
}

// publish sends a message at QoS 1.
func (b *thin) publish(topic string, retain bool, payload []byte) error {
	b.wire.Lock()
	defer b.wire.Unlock()
	if b.id++; b.id == 0 {
		b.id = 1
	}
	first := byte(0x32)
	if retain {
		first |= 1
	}
	b.out = binary.AppendUvarint(append(b.out[:0], first), uint64(4+len(topic)+len(payload)))
	b.out = append(binary.BigEndian.AppendUint16(b.out, uint16(len(topic))), topic...)
	b.out = append(binary.BigEndian.AppendUint16(b.out, b.id), payload...)
	_, err := b.conn.Write(b.out)
	return err
}

// append records an event and sends it.
func (b *thin) append(t *testing.T, n int) {
	t.Helper()
	from := b.Head()
	b.small.append(t, n)
	if b.conn != nil { // else its uplink sends
		b.send(t.Errorf, from)
	}
}

// send sends what was recorded after a sequence.
func (b *thin) send(fail func(string, ...any), after uint64) {
	rows, _ := b.Read(after, 1<<30) // it never fails
	for _, r := range rows {
		topic, err := b.topics.Event(r.Type)
		if err == nil {
			err = b.publish(topic, false, r.Bytes)
		}
		if err != nil {
			fail("board %s of %s: send event %d: %v", b.name, b.store, r.Seq, err)
			return
		}
	}
}

// read takes in what the broker sends until the connection ends.
func (b *thin) read() error {
	in := bufio.NewReader(b.conn)
	var body []byte
	for {
		first, err := in.ReadByte()
		if err != nil {
			if err == io.EOF {
				err = fmt.Errorf("the broker ended the connection")
			}
			return err
		}
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		if uint64(cap(body)) < n {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		if first>>4 != 3 { // only messages say something here
			continue
		}
		size := int(binary.BigEndian.Uint16(body))
		topic, rest := string(body[2:2+size]), body[2+size:]
		if first&6 != 0 {
			if err := b.write([]byte{0x40, 2, rest[0], rest[1]}); err != nil {
				return err
			}
			rest = rest[2:]
		}
		if err := b.heard(topic, rest); err != nil {
			return err
		}
	}
}

func (b *thin) heard(topic string, payload []byte) (err error) {
	if topic == b.topics.Receipt() {
		r, err := wire.DecodeReceipt(payload)
		if err != nil {
			return err
		}
		return b.believe(r)
	}
	o, err := wire.DecodeOffice(payload)
	if err != nil || o.State != wire.Ready || o.Session == b.office {
		return err
	}
	b.office = o.Session
	b.send(func(text string, args ...any) { err = fmt.Errorf(text, args...) }, b.state().Through)
	return err
}

func (b *thin) believe(r wire.Receipt) error {
	e, ok := r.Find(b.epoch)
	was := b.state()
	if !ok || was.Ledger != "" && was.Ledger != r.Ledger || r.Term < was.Term || e.Through <= was.Through {
		return nil
	}
	if want, here, _ := b.Hash(e.Through); !here || want != e.Hash {
		return fmt.Errorf("a receipt through %d is of another history", e.Through)
	}
	return b.SetReceipted(uplink.Mark{Ledger: r.Ledger, Term: r.Term, Through: e.Through})
}

// life is what a board of a fleet records: one visit after the other, from
// check-in to delivery in twelve events.
func life(name string) func(seq uint64) kiosk.Payload {
	return func(seq uint64) kiosk.Payload {
		n := (seq - 1) / 12
		id := fmt.Sprintf("0A7A%s%05d", name[1:], n)
		job := kiosk.Job{Visit: id, Bay: "b" + name[1:], Technician: "t" + name[1:], Item: 1}
		switch (seq - 1) % 12 {
		case 0:
			return &kiosk.CheckedIn{Visit: id, Ticket: fmt.Sprintf("A%03d", n%1000), Vehicle: fmt.Sprintf("LSVAA%012d", n), Purpose: "maintenance", Language: "zh-CN", Means: "keyed"}
		case 1:
			return &kiosk.Accepted{Visit: id, Adviser: "a1"}
		case 2:
			due := fleetDay.Add(time.Duration(seq)*time.Second + 2*time.Hour)
			return &kiosk.Signed{Visit: id, Order: "R" + id, Adviser: "a1", Promise: &due, Items: []kiosk.Item{
				{No: 1, Code: "M01", Category: "maintenance", Payer: "customer", StandardMinutes: 12}, {No: 2, Code: "R02", Category: "maintenance", Payer: "warranty", StandardMinutes: 6}}}
		case 3:
			return &kiosk.Started{Job: job}
		case 4:
			return &kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts}}
		case 5:
			return &kiosk.Resumed{Job: job}
		case 6:
			return &kiosk.Finished{Job: job}
		case 7:
			job.Item = 2
			return &kiosk.Started{Job: job}
		case 8:
			job.Item = 2
			return &kiosk.Finished{Job: job}
		case 9:
			return &kiosk.Passed{Visit: id, Inspector: "q1", Bay: job.Bay}
		case 10:
			return &kiosk.Called{Visit: id, Place: "lounge"}
		}
		return &kiosk.Delivered{Visit: id, Adviser: "a1"}
	}
}

// fleetDay is when the boards of small journals begin.
var fleetDay = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
