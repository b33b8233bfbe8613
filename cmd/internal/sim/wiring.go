package sim

import (
	"context"
	"time"

	"baylight/kiosk"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// connect opens a connection, or tries again later.
func (b *board) connect() {
	w := b.w
	if b.conn != nil {
		return
	}
	epoch := b.disk.Epoch()
	b.session = max(b.session+1, uint64(b.moment().Wall.UnixMilli()))
	session := b.session
	state := func(s wire.State) []byte {
		p, err := wire.Conn{State: s, Session: session, Epoch: epoch, Version: "sim"}.Encode()
		if err != nil {
			panic(err) // it is well formed
		}
		return p
	}
	c := &conn{client: b.name, takes: func(t string) bool { return t == b.topics.Receipt() || t == b.topics.Store().Office() }}
	c.will = func() (string, []byte) { return b.topics.Conn(), state(wire.Lost) }
	life := b.life
	c.gone = func() {
		if b.life == life && b.conn == c {
			b.hangUp()
		}
	}
	c.message = func(topic string, payload []byte, retained bool) {
		if b.life == life && b.conn == c {
			b.hear(topic, payload, retained, session)
		}
	}
	if !w.broker.connect(c) {
		b.later(w.between(time.Second, 20*time.Second), b.connect)
		return
	}
	w.say("%s is connected", b)
	b.conn, b.flight, b.acked, b.lastAck = c, nil, 0, w.now
	c.publish(b.topics.Conn(), true, state(wire.Ready), func() {})
	b.later(w.between(0, w.plan.latency), func() {
		if b.conn == c {
			b.machine.Connected(session, w.wall())
			b.pump()
		}
	})
}

// hangUp is the end of a connection.
func (b *board) hangUp() {
	b.conn.leave()
	b.conn = nil
	b.machine.Acked(b.acked)
	b.machine.Disconnected()
	b.later(b.w.between(500*time.Millisecond, 15*time.Second), b.connect)
}

// hear takes a message from the office.
func (b *board) hear(topic string, payload []byte, retained bool, session uint64) {
	now := b.w.wall()
	if topic == b.topics.Store().Office() {
		o, err := wire.DecodeOffice(payload)
		if err != nil {
			b.w.violated("%s cannot read the office's state: %v", b, err)
			return
		}
		b.machine.Office(o, session, retained, now)
		b.pump()
		return
	}
	r, known := b.w.read[&payload[0]]
	if !known {
		var err error
		if r, err = wire.DecodeReceipt(payload); err != nil {
			b.w.violated("%s cannot read a receipt: %v", b, err)
			return
		}
	}
	b.receipt(r)
	b.pump()
}

// receipt lets the machine take a receipt, and does what its alarms ask for.
func (b *board) receipt(r wire.Receipt) {
	if b.w.opt.Defect == TrustsReceipts {
		b.trust(r)
		return
	}
	for _, a := range b.machine.Receipt(r, b.w.wall()) {
		b.w.say("%s: %s: %s", b, a.Kind, a.Text)
	}
	b.mend()
}

// mend deals with what a receipt showed to be wrong with the journal; what
// fails is tried again at the next tick.
func (b *board) mend() {
	r, ok := b.machine.Rift()
	if !ok || b.w.opt.Defect == KeepsEpoch {
		return
	}
	b.straight = nil
	err := b.disk.Supersede(context.Background(), r)
	if err != nil {
		b.w.say("%s cannot begin an epoch: %v", b, err)
	} else {
		b.machine.Settled()
	}
	if b.machine.Refresh() && b.conn != nil {
		b.hangUp()
	}
	b.rebuild()
	b.w.say("%s is in epoch %.8s with %d events (%s after %d)", b, b.disk.Epoch(), b.disk.Head(), r.Kind, r.After)
}

// trust is the defect of taking a receipt for what it says.
func (b *board) trust(r wire.Receipt) {
	e, ok := r.Find(b.disk.Epoch())
	if !ok {
		return
	}
	e.Through = min(e.Through, b.disk.Head())
	e.Hash, _, _ = b.disk.Hash(e.Through)
	r.Epochs = []wire.Epoch{e}
	b.machine.Receipt(r, b.w.wall())
}

// tick lets time pass for the uplink.
func (b *board) tick() {
	b.mend()
	if b.machine.Tick(b.w.wall()) {
		b.w.say("%s sends again from %d", b, b.machine.Mark().Through+1)
	}
	if b.conn != nil && len(b.flight) > 0 && b.w.now-b.lastAck >= progress {
		b.w.say("%s: the broker acknowledges nothing", b)
		b.conn.end(false)
		b.hangUp()
	}
	b.pump()
	b.later(2*time.Second, b.tick)
}

// pump sends what may be sent, as the uplink does.
func (b *board) pump() {
	if b.machine == nil || b.conn == nil {
		return
	}
	if b.machine.Refresh() {
		b.hangUp()
		return
	}
	for b.conn != nil && b.conn.open {
		a := b.machine.Ask()
		room := window - len(b.flight)
		if a.N == 0 || room < 2 {
			return
		}
		rows, err := b.disk.ReadOf(a.Epoch, a.After, min(a.N, room))
		if rows = a.Within(rows); a.Apart && err == nil && len(rows) == 0 {
			b.machine.Skip(a) // destroyed
			continue
		}
		if err != nil || len(rows) == 0 {
			b.w.violated("%s: events after %d are not there (%v)", b, a.After, err)
			b.machine.Skip(a)
			return
		}
		for _, r := range rows {
			if window-len(b.flight) < 2 {
				break
			}
			b.w.judge.onWire(b, a.Epoch, r)
			b.send(a, r)
			b.machine.Sent(a, r.Seq)
		}
	}
}

// send publishes a row: the event, then its person part.
func (b *board) send(a uplink.Ask, r uplink.Row) {
	topic, err := b.topics.Event(r.Type)
	if err != nil {
		b.w.violated("%s: %v", b, err)
		return
	}
	done := r.Seq
	if a.Apart {
		done = 0
	}
	if r.Person == nil || b.w.opt.Defect == SkipsPersons {
		b.publish(topic, r.Bytes, done)
		return
	}
	b.publish(topic, r.Bytes, 0)
	part := wire.PersonPart{ID: kiosk.EventID(a.Epoch, r.Seq)}
	if len(r.Person) > 0 {
		part.Person = r.Person
	}
	p, err := part.Encode()
	if err != nil {
		b.w.violated("%s: %v", b, err)
		return
	}
	b.publish(b.topics.Person(), p, done)
}

func (b *board) publish(topic string, payload []byte, seq uint64) {
	b.flight = append(b.flight, seq)
	c := b.conn
	c.publish(topic, false, payload, func() {
		if b.conn != c || len(b.flight) == 0 {
			return
		}
		first := b.flight[0]
		b.flight, b.lastAck = b.flight[1:], b.w.now
		b.acked = max(b.acked, first)
		if b.w.opt.Defect == TrustsPuback && first > 0 {
			h, _, _ := b.disk.Hash(first)
			b.machine.Receipt(wire.Receipt{Ledger: b.w.office.ledger.ID(), Term: 1, Epochs: []wire.Epoch{{Epoch: b.disk.Epoch(), Through: first, Hash: h}}}, b.w.wall())
		}
		b.pump()
	})
}
