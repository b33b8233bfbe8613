package uplink

import (
	"context"
	"fmt"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// Run sends until ctx ends. It is called once; an error means that the journal
// could not be asked at the start.
func (u *Uplink) Run(ctx context.Context) error {
	mark, err := u.src.Receipted()
	if err != nil {
		return fmt.Errorf("start uplink: read receipt mark: %w", err)
	}
	u.core = newCore(u.cfg.limits(), u.src.Epoch(), u.src.Head(), mark)
	if r := u.core.rift; r != nil {
		u.alarm(Alarm{r.Kind, r.Text})
	}
	u.refresh(time.Now())
	close(u.ready)

	var waiter sync.WaitGroup
	sessions := make(chan *link.Session)
	ctx, cancel := context.WithCancel(ctx)
	waiter.Go(func() { u.watch(ctx, sessions) })
	defer waiter.Wait()
	defer cancel()
	defer func() {
		u.hangUp()
		u.keep(1, time.Now())
	}()

	tick := time.NewTicker(max(u.cfg.Progress/30, time.Millisecond))
	defer tick.Stop()
	health := time.NewTicker(u.cfg.HealthEvery)
	defer health.Stop()
	always := make(chan struct{})
	close(always)
	for ctx.Err() == nil {
		u.mend(ctx)
		u.name(ctx)
		var busy <-chan struct{}
		if u.pump() {
			busy = always
		}
		select {
		case <-busy:
		case <-ctx.Done():
		case f := <-u.events:
			f(time.Now())
		case s := <-sessions:
			u.pickUp(ctx, s)
		case <-u.over():
			u.hangUp()
		case <-u.room():
		case <-u.src.Appended():
		case now := <-tick.C:
			u.tick(now)
		case <-health.C:
			u.health()
		}
		u.keep(1000, time.Now())
		u.refresh(time.Now())
	}
	return nil
}

// keep moves the mark to the broker's word where the store settled for that.
func (u *Uplink) keep(every uint64, now time.Time) {
	if !u.cfg.Broker {
		return
	}
	if u.flight != nil {
		u.core.ackedTo(u.flight.acked.Load())
	}
	for _, a := range u.core.keepAcked(u.src, every, now) {
		u.alarm(a)
	}
}

// mend deals with a rift: what was recorded here and the office may not have is
// recorded again under another epoch.
func (u *Uplink) mend(ctx context.Context) {
	r := u.core.rift
	if r == nil || u.retry {
		return
	}
	if err := u.src.Supersede(ctx, *r); err != nil {
		if ctx.Err() == nil {
			u.alarm(Alarm{Journal, fmt.Sprintf("begin another epoch: %v", err)})
			u.retry = true
		}
		return
	}
	u.core.settled()
	was := u.core.epoch
	u.refresh(time.Now())
	u.log.Warn("this board's history was set apart from another one", "kind", string(r.Kind), "epoch", was, "after", r.After, "goes on in", u.core.epoch, "recorded again", u.core.head)
}

// name has a range recorded that is gone and that the office lacks.
func (u *Uplink) name(ctx context.Context) {
	if len(u.core.losses) == 0 || u.retry || u.cfg.Lost == nil {
		return
	}
	l := u.core.losses[0]
	seq, err := u.cfg.Lost(ctx, l)
	if err != nil {
		if ctx.Err() == nil {
			u.alarm(Alarm{Journal, fmt.Sprintf("record that %d to %d of epoch %s are gone: %v", l.From, l.To, l.Epoch, err)})
			u.retry = true
		}
		return
	}
	u.core.heard(l, seq)
	u.log.Warn("the back office lacks events that this board no longer has", "epoch", l.Epoch, "from", l.From, "to", l.To, "named by", seq)
}

// watch tells Run of each new connection.
func (u *Uplink) watch(ctx context.Context, sessions chan<- *link.Session) {
	for n := uint64(0); ; {
		s, err := u.pub.Next(ctx, n)
		if err != nil {
			return
		}
		n = s.Number()
		select {
		case sessions <- s:
		case <-ctx.Done():
			return
		}
	}
}

func (u *Uplink) over() <-chan struct{} {
	if u.session == nil {
		return nil
	}
	return u.session.Over()
}

func (u *Uplink) room() <-chan struct{} {
	if u.flight == nil {
		return nil
	}
	return u.flight.room
}

func (u *Uplink) pickUp(ctx context.Context, s *link.Session) {
	u.hangUp()
	u.session = s
	u.flight = takeOff(ctx, s, u.cfg.Window)
	if u.first == 0 {
		u.first = s.Number()
	}
	u.core.connected(s.Number(), time.Now())
	u.health()
}

func (u *Uplink) hangUp() {
	if u.session == nil {
		return
	}
	u.flight.land()
	u.core.ackedTo(u.flight.acked.Load())
	u.core.disconnected()
	u.session, u.flight = nil, nil
}

func (u *Uplink) tick(now time.Time) {
	u.retry = false
	for _, a := range u.core.keepNow(u.src, now) {
		u.alarm(a)
	}
	u.keep(1, now)
	if u.core.tick(now) {
		u.log.Warn("no receipt for a while, sending again", "after", u.core.mark.Through, "head", u.core.head, "anew", u.core.deaf())
		if u.core.deaf() && u.session != nil {
			u.session.Drop()
		}
	}
	if u.core.unheard(now) && u.session != nil {
		u.log.Warn("nothing was heard of the back office on this connection, connecting anew", "unreceipted", u.core.head-u.core.mark.Through)
		u.session.Drop()
	}
	if u.flight != nil && u.flight.stalled(now, u.cfg.Progress) {
		u.log.Warn("broker acknowledges nothing, connecting anew", "unacked", u.flight.count.Load())
		u.session.Drop()
	}
}

func (u *Uplink) health() {
	if u.cfg.Health == nil || u.session == nil || u.flight.free() < 1 {
		return
	}
	if b := u.cfg.Health(); b != nil {
		u.publish(u.cfg.Kiosk.Health(), true, b, 0)
	}
}

// refresh takes up what the journal appended and shows the present status.
func (u *Uplink) refresh(now time.Time) {
	c := u.core
	if epoch := u.src.Epoch(); epoch != c.epoch {
		if u.session != nil { // acknowledgements under way are about the old epoch
			u.session.Drop()
			u.hangUp()
		}
		c.begin(epoch, u.src.Head(), c.mark)
	}
	c.head = u.src.Head()
	s := Status{Connected: u.session != nil, Office: c.ready(), Stopped: c.stopped, Epoch: c.epoch,
		Head: c.head, Through: c.mark.Through, Depth: c.head - min(c.head, c.mark.Through), Sent: u.sent}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ages.note(c.head, c.mark.Through, now)
	u.status, u.air = s, u.flight
}

// pump sends one batch and reports whether another may follow at once.
func (u *Uplink) pump() bool {
	if u.session == nil || u.retry {
		return false
	}
	a := u.core.ask()
	if a.N == 0 {
		return false
	}
	room := u.flight.starve(2)
	if room < 2 {
		return false
	}
	rows, err := u.read(a, room)
	if err != nil {
		u.alarm(Alarm{Journal, fmt.Sprintf("read events after %d: %v", a.After, err)})
		u.retry = true
		return false
	}
	if len(rows) == 0 {
		if !a.Apart {
			u.alarm(Alarm{Journal, fmt.Sprintf("events after %d are not there, though the journal ends at %d", a.After, u.core.head)})
		}
		u.core.none(a)
	}
	for _, r := range rows {
		if u.flight.free() < 2 {
			break
		}
		u.send(a, r)
		u.core.gave(a, r.Seq)
		u.sent++
	}
	return true
}

func (u *Uplink) read(a Ask, room int) ([]Row, error) {
	if h, ok := u.src.(History); ok && a.Epoch != u.core.epoch {
		rows, err := h.ReadOf(a.Epoch, a.After, min(a.N, room))
		return a.Within(rows), err
	}
	return u.src.Read(a.After, min(a.N, room))
}

// send publishes a row: the event, then its person part.
func (u *Uplink) send(a Ask, r Row) {
	topic, err := u.cfg.Kiosk.Event(r.Type)
	if err != nil {
		// The office reads the bytes; one odd name must not hold up the rest.
		u.alarm(Alarm{BadRow, fmt.Sprintf("event %d: %v", r.Seq, err)})
		topic, _ = u.cfg.Kiosk.Event("unknown")
	}
	done := r.Seq
	if a.Apart {
		done = 0
	}
	if r.Person == nil {
		u.publish(topic, false, r.Bytes, done)
		return
	}
	u.publish(topic, false, r.Bytes, 0)
	part := wire.PersonPart{ID: kiosk.EventID(a.Epoch, r.Seq)}
	if len(r.Person) > 0 {
		part.Person = r.Person
	}
	b, err := part.Encode()
	if err != nil {
		u.alarm(Alarm{BadRow, fmt.Sprintf("event %d: %v", r.Seq, err)})
		part.Person = nil
		if b, err = part.Encode(); err != nil {
			return // the epoch's name is at fault; the event itself is sent
		}
	}
	u.publish(u.cfg.Kiosk.Person(), false, b, done)
}

// publish hands a message over; seq is what its acknowledgement completes, 0: nothing.
func (u *Uplink) publish(topic string, retain bool, payload []byte, seq uint64) {
	u.flight.add(u.session.Publish(topic, wire.QoS, retain, payload), seq)
}
