package backoffice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// Term is the lease number under which a single office writes receipts: it holds
// every store for good, under the first.
const Term = 1

// Line is the office's way to the broker for one store.
type Line interface {
	// Publish returns nil once the broker acknowledged.
	Publish(ctx context.Context, topic string, retain bool, payload []byte) error
	// Next waits for a connection whose number is above after.
	Next(ctx context.Context, after uint64) (uint64, error)
}

// Connect makes the link of one store: it says that the office is there
// (birth and will on {store}/office), subscribes to what the boards of the
// store send and hands it to Take. Call it before Run, once for each store; run
// the link beside the Office. base says where the broker is.
func (o *Office) Connect(store string, base link.Config, log *slog.Logger) (*link.Link, error) {
	r, err := o.room(store)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	topics, err := wire.NewStore(store)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	says := func(s wire.State, session uint64) wire.Office {
		return wire.Office{State: s, Session: session, Ledger: o.cfg.Ledger.ID()}
	}
	state := func(s wire.State) func(uint64) []byte {
		return func(session uint64) []byte {
			b, _ := says(s, session).Encode() // a ledger's id is well formed
			return b
		}
	}
	base.Presence = &link.Presence{Topic: topics.Office(), Birth: state(wire.Ready), Lost: state(wire.Lost), Bye: state(wire.Lost)}
	base.FirstSession = o.firstSession(r)
	l, err := link.New(base, log)
	if err != nil {
		return nil, fmt.Errorf("connect store %s: %w", store, err)
	}
	for _, filter := range []string{topics.AllEvents(), topics.AllPersons(), topics.AllConns(), topics.AllHealth()} {
		l.HandleAck(filter, wire.QoS, func(ctx context.Context, m link.Message) {
			_ = o.Take(ctx, Message{Topic: m.Topic, Payload: m.Payload, Ack: m.Ack}) // it fails only when the link stops
		})
	}
	l.Handle(topics.Office(), wire.QoS, func(_ context.Context, m link.Message) {
		// Retained is what stood there before this connection's birth.
		if said, err := wire.DecodeOffice(m.Payload); err == nil && !m.Retained && said.Belies(says(wire.Ready, m.Session)) {
			l.Announce(m.Session)
		}
	})
	l.Handle(topics.AllTimes(), wire.QoS, func(_ context.Context, m link.Message) {
		if t, err := wire.ParseTopic(m.Topic); err == nil && !m.Retained {
			r.ask(t, m.Payload, time.Now())
		}
	})
	l.Handle(topics.AllReceipts(), wire.QoS, func(ctx context.Context, m link.Message) {
		if t, err := wire.ParseTopic(m.Topic); err == nil && m.Retained {
			o.compare(ctx, t, m.Payload)
		}
	})
	l.Handle(topics.AllVisits(), wire.QoS, func(_ context.Context, m link.Message) {
		if t, err := wire.ParseTopic(m.Topic); err == nil {
			r.find(t, m.Payload)
		}
	})
	r.line = paho{l}
	return l, nil
}

// Attach gives a store another Line than Connect's. Call it before Run.
func (o *Office) Attach(store string, line Line) error {
	r, err := o.room(store)
	if err == nil {
		r.line = line
	}
	return err
}

type paho struct{ l *link.Link }

func (p paho) Publish(ctx context.Context, topic string, retain bool, payload []byte) error {
	return p.l.Publish(topic, wire.QoS, retain, payload).Wait(ctx)
}

func (p paho) Next(ctx context.Context, after uint64) (uint64, error) {
	s, err := p.l.Next(ctx, after)
	if err != nil {
		return 0, err
	}
	return s.Number(), nil
}

// send tells the boards of one store what was committed, and the world what the
// office recorded. After each new connection everything is said again: the
// broker may have forgotten.
func (o *Office) send(ctx context.Context, r *room) {
	session, err := r.line.Next(ctx, 0)
	for err == nil {
		if err := o.oweAll(ctx, r); err != nil {
			o.alarm("receipts cannot be made: " + err.Error())
		}
		during, end := context.WithCancel(ctx)
		var work sync.WaitGroup
		work.Go(func() { o.attend(during, r) })
		work.Go(func() { o.showVisits(during, r) })
		work.Go(func() { o.answerTime(during, r) })
		work.Go(func() { o.tellErasures(during, r) })
		session, err = r.line.Next(ctx, session) // until a later connection takes over
		end()
		work.Wait()
	}
}

func (o *Office) oweAll(ctx context.Context, r *room) error {
	r.own.Store(true)
	sources, err := o.cfg.Ledger.Sources(ctx, r.Name)
	for _, s := range sources {
		r.owe(s.Source)
	}
	poke(r.wake)
	return err
}

// errUnsent is the error of a message that the broker did not acknowledge.
var errUnsent = errors.New("not acknowledged by the broker")

// attend sends until a message cannot be sent (then the connection is over) or ctx ends.
func (o *Office) attend(ctx context.Context, r *room) {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		err := o.flush(ctx, r)
		pause := o.receiptPause(time.Since(began))
		if errors.Is(err, errUnsent) {
			o.log.Info("receipts wait for a connection", "store", r.Name, "err", err)
			return
		} else if err != nil && ctx.Err() == nil {
			o.alarm("receipts cannot be made: " + err.Error())
			pause = time.Second
			poke(r.wake)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// receiptPause follows on a round of receipts that took so long: where rounds
// take long there is much to do, and a board is told less often, each time of
// more, but within receiptsWithin.
func (o *Office) receiptPause(took time.Duration) time.Duration {
	return max(o.cfg.ReceiptEvery, min(receiptShare*took, receiptsWithin-took))
}

const (
	receiptsWithin = 200 * time.Millisecond // sync/DESIGN.md, The office, 2
	receiptShare   = 20
)

// flush sends every receipt that is due and every event of the office not yet published.
func (o *Office) flush(ctx context.Context, r *room) error {
	r.mu.Lock()
	due := r.due
	r.due = map[string]bool{}
	r.mu.Unlock()
	for source := range due {
		if err := o.receipt(ctx, r, source); err != nil {
			for s := range due {
				r.owe(s)
			}
			return err
		}
		delete(due, source)
	}
	r.mu.Lock()
	if r.owing = (time.Time{}); len(r.due) > 0 { // came while the others were sent
		r.owing = time.Now()
	}
	r.mu.Unlock()
	if !r.own.Swap(false) {
		return nil
	}
	err := o.publish(ctx, r)
	if err != nil {
		r.own.Store(true)
	}
	return err
}

func (o *Office) receipt(ctx context.Context, r *room, source string) error {
	topic, b, ok, err := o.receiptFor(ctx, r, source)
	if err != nil || !ok {
		return err
	}
	if err := r.line.Publish(ctx, topic, true, b); err != nil {
		return fmt.Errorf("send receipt to %s: %w: %w", source, errUnsent, err)
	}
	o.mu.Lock()
	o.counts.Receipts++
	o.mu.Unlock()
	return nil
}

// receiptFor is the receipt of a source as the ledger stands; the office itself
// gets none.
func (o *Office) receiptFor(ctx context.Context, r *room, source string) (topic string, payload []byte, ok bool, err error) {
	name, ok := board(r.Name, source)
	if !ok {
		return "", nil, false, nil
	}
	topics, err := wire.NewKiosk(r.Name, name)
	if err != nil {
		return "", nil, false, err
	}
	epochs, err := o.epochs(ctx, source)
	if err != nil {
		return "", nil, false, err
	}
	if payload, err = encodeReceipt(wire.Receipt{Ledger: o.cfg.Ledger.ID(), Term: r.term.Load(), Epochs: epochs}); err != nil {
		return "", nil, false, fmt.Errorf("receipt for %s: %w", source, err)
	}
	return topics.Receipt(), payload, true, nil
}

// encodeReceipt leaves out the oldest epochs, their highest gaps and lowest
// taken places if a receipt would be too long to be read.
func encodeReceipt(r wire.Receipt) ([]byte, error) {
	for {
		b, err := r.Encode()
		if err == nil || len(r.Epochs) == 0 {
			return b, err
		}
		oldest := &r.Epochs[0]
		switch n := len(oldest.Taken); {
		case len(oldest.Gaps) > 1:
			oldest.Gaps = oldest.Gaps[:1]
		case n > 1:
			oldest.TakenAfter, oldest.Taken = oldest.Taken[n-2].Seq, oldest.Taken[n-1:]
		default:
			r.Epochs = r.Epochs[1:]
		}
	}
}

// board is the name of the board whose source it is.
func board(store, source string) (string, bool) {
	prefix := kiosk.KioskSource(store, "")
	if len(source) <= len(prefix) || source[:len(prefix)] != prefix {
		return "", false
	}
	return source[len(prefix):], true
}

// publish sends the events of the office that were not acknowledged yet. The
// mark moves after the acknowledgement, so that each is published at least once.
func (o *Office) publish(ctx context.Context, r *room) error {
	mark := "published/" + r.Name + "/" + o.cfg.Ledger.ID()
	done, err := o.cfg.Ledger.Marked(ctx, mark)
	if err != nil {
		return err
	}
	head, _, err := o.head(ctx, r.Name)
	if err != nil || done >= head {
		return err
	}
	topics, err := wire.NewStore(r.Name)
	if err != nil {
		return err
	}
	for seq := done + 1; seq <= head; seq++ {
		row, found, err := o.cfg.Ledger.Event(ctx, r.Name, kiosk.EventID(o.cfg.Ledger.ID(), seq))
		if err != nil || !found {
			return err
		}
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			return err
		}
		topic, err := topics.Event(string(e.Type()))
		if err != nil {
			return err
		}
		if err := r.line.Publish(ctx, topic, false, row.Bytes); err != nil {
			return fmt.Errorf("publish event %s: %w: %w", e.ID(), errUnsent, err)
		}
		if err := o.cfg.Ledger.Mark(ctx, mark, seq); err != nil {
			return err
		}
	}
	return nil
}
