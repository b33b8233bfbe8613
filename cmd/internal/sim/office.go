package sim

import (
	"context"
	"math"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/wire"
)

// receiptEvery is the least time between two receipts to one board.
const receiptEvery = 20 * time.Millisecond

// office is the back office: its decisions are backoffice.Steps, its disk a
// ledger in memory. A commit is whole or not at all, and durable when it returns.
type office struct {
	w       *world
	up      bool
	life    int
	topics  wire.Store
	ledger  *memledger.Ledger
	ledgers map[string]*memledger.Ledger // by id, as each was last
	backup  *memledger.Ledger
	office  *backoffice.Office
	conn    *conn
	session uint64
	inbox   []backoffice.Message
	due     []string // sources whose receipt has to be sent, in order
	busy    bool     // a commit is under way
	sending bool     // receipts are
}

func newOffice(w *world) *office {
	topics, err := wire.NewStore(storeName)
	if err != nil {
		panic(err) // a constant
	}
	o := &office{w: w, topics: topics, ledgers: map[string]*memledger.Ledger{}}
	o.keep(memledger.New(w.name()))
	o.ledger.Defects = memledger.Defects{
		CountTwice: w.opt.Defect == CountsTwice, IgnoreWas: w.opt.Defect == IgnoresWas,
		Overwrite: w.opt.Defect == Overwrites, HideGaps: w.opt.Defect == HidesGaps,
		TakesStrays: w.opt.Defect == TakesStrays, HidesTaken: w.opt.Defect == HidesTaken,
	}
	return o
}

func (o *office) keep(l *memledger.Ledger) { o.ledger, o.ledgers[l.ID()] = l, l }

// start begins the process.
func (o *office) start() {
	o.up, o.life = true, o.life+1
	o.inbox, o.due, o.busy, o.sending, o.conn = nil, nil, false, false, nil
	var err error
	o.office, err = backoffice.New(backoffice.Config{
		Ledger: o.ledger, Now: o.w.wall,
		Stores: []backoffice.Store{{Name: storeName, Calendar: shopCalendar(), Staff: shopStaff()}},
	})
	if err != nil {
		o.w.violated("the office does not start: %v", err)
		return
	}
	o.session = o.ledger.Opened() << 20
	o.later(o.w.between(0, 3*time.Second), o.connect)
}

func (o *office) later(d time.Duration, do func()) {
	life := o.life
	o.w.after(d, func() {
		if o.life == life {
			do()
		}
	})
}

// crash ends the process; it is started again later.
func (o *office) crash(d time.Duration) {
	if !o.up {
		return
	}
	o.w.fault(OfficeCrash, "%d messages not committed", len(o.inbox))
	o.stop()
	o.later(d, o.restart)
}

func (o *office) stop() {
	o.up, o.life = false, o.life+1
	o.conn.leave()
	o.conn = nil
}

func (o *office) restart() {
	o.ledger.Reopen()
	o.start()
}

func (o *office) wake() {
	if !o.up {
		o.restart()
	}
}

// restore puts an earlier state of the ledger back, under a new id.
func (o *office) restore() {
	if o.backup == nil {
		return
	}
	at, _ := o.ledger.Position(context.Background())
	to, _ := o.backup.Position(context.Background())
	o.w.fault(LedgerRestored, "from position %d to %d", at, to)
	o.stop()
	o.keep(o.backup.Copy(o.w.name()))
	o.w.judge.restored(o.ledger.ID())
	o.later(o.w.between(time.Second, time.Minute), o.start)
}

func (o *office) connect() {
	if o.conn != nil {
		return
	}
	o.session++
	ready := wire.Office{State: wire.Ready, Session: o.session, Ledger: o.ledger.ID()}
	state := func(s wire.State) []byte {
		said := ready
		said.State = s
		p, err := said.Encode()
		if err != nil {
			panic(err) // it is well formed
		}
		return p
	}
	lost, life := state(wire.Lost), o.life
	c := &conn{client: "office", takes: isEvent}
	if _, late := o.w.plan.rate[WillLate]; late {
		c.takes = func(topic string) bool { return isEvent(topic) || topic == o.topics.Office() }
	}
	c.will = func() (string, []byte) { return o.topics.Office(), lost }
	c.gone = func() {
		if o.life == life && o.conn == c {
			o.hangUp()
		}
	}
	c.message = func(topic string, payload []byte, retained bool) {
		switch {
		case o.life != life || o.conn != c:
		case topic == o.topics.Office():
			said, err := wire.DecodeOffice(payload)
			if err == nil && !retained && said.Belies(ready) && o.w.opt.Defect != LeavesWill {
				c.publish(topic, true, state(wire.Ready), func() {})
			}
		default:
			o.inbox = append(o.inbox, backoffice.Message{Topic: topic, Payload: payload})
			o.commitSoon()
		}
	}
	if !o.w.broker.connect(c) {
		o.later(o.w.between(time.Second, 10*time.Second), o.connect)
		return
	}
	o.w.say("the office is connected, ledger %.8s", o.ledger.ID())
	o.conn = c
	c.publish(o.topics.Office(), true, state(wire.Ready), func() {})
	sources, err := o.ledger.Sources(context.Background(), storeName)
	if err != nil {
		o.w.violated("the office cannot list sources: %v", err)
	}
	for _, s := range sources {
		o.owe(s.Source)
	}
}

func (o *office) hangUp() {
	o.conn.leave()
	o.conn, o.sending = nil, false
	o.later(o.w.between(100*time.Millisecond, 5*time.Second), o.connect)
}

func (o *office) commitSoon() {
	if o.busy {
		return
	}
	o.busy = true
	o.later(o.w.between(time.Millisecond, 40*time.Millisecond), o.commit)
}

// commit takes what is there into the ledger, as the office does: until it
// succeeds, then the receipts are owed.
func (o *office) commit() {
	w := o.w
	n := len(o.inbox)
	batch, sources := o.office.Steps().Read(o.inbox)
	batch.At = w.wall()
	if w.opt.Defect == ReceiptFirst {
		o.tooEarly(batch, sources)
		o.later(w.between(0, 2*time.Second), func() { o.apply(batch, sources, n) })
		return
	}
	o.apply(batch, sources, n)
}

func (o *office) apply(batch backoffice.Batch, sources []string, n int) {
	w := o.w
	if w.strikes(LedgerFailed, 0.1) {
		w.fault(LedgerFailed, "%d messages", n)
		o.later(w.between(50*time.Millisecond, 5*time.Second), o.commit)
		return
	}
	if w.strikes(OfficeCrash, 0.01) {
		o.crash(w.between(time.Second, time.Minute))
		return
	}
	out, err := o.ledger.Commit(context.Background(), batch)
	if err != nil {
		w.violated("the ledger refuses a batch: %v", err)
	}
	w.happened("commit", nil, out.Position)
	w.judge.committed(o.ledger, batch)
	for _, p := range out.Problems {
		w.say("office: %s", p)
	}
	if w.strikes(LedgerUnsure, 0.1) {
		w.fault(LedgerUnsure, "%d messages", n)
		o.later(w.between(50*time.Millisecond, 5*time.Second), o.commit)
		return
	}
	if w.strikes(OfficeCrash, 0.01) {
		o.crash(w.between(time.Second, time.Minute))
		return
	}
	o.inbox = slices.Clone(o.inbox[n:])
	for _, s := range sources {
		o.owe(s)
	}
	w.judge.owed(sources)
	o.busy = false
	if len(o.inbox) > 0 {
		o.commitSoon()
	}
}

// tooEarly is the defect of a receipt sent before its commit.
func (o *office) tooEarly(batch backoffice.Batch, sources []string) {
	real := o.ledger
	ahead := real.Copy(real.ID())
	if _, err := ahead.Commit(context.Background(), batch); err != nil {
		return
	}
	early, err := backoffice.New(backoffice.Config{Ledger: ahead, Stores: []backoffice.Store{{Name: storeName, Calendar: shopCalendar()}}})
	if err != nil || o.conn == nil {
		return
	}
	for _, s := range sources {
		if topic, payload, ok, err := early.Steps().Receipt(context.Background(), storeName, s); err == nil && ok {
			o.conn.publish(topic, true, payload, func() {})
		}
	}
}

// owe notes that a source has to be told.
func (o *office) owe(source string) {
	if !slices.Contains(o.due, source) {
		o.due = append(o.due, source)
	}
	if !o.sending && o.conn != nil {
		o.sending = true
		o.later(receiptEvery, o.tell)
	}
}

// tell sends every receipt that is due.
func (o *office) tell() {
	o.sending = false
	c := o.conn
	if c == nil {
		return // what is due is said again on the next connection
	}
	for len(o.due) > 0 {
		source := o.due[0]
		topic, payload, ok, err := o.office.Steps().Receipt(context.Background(), storeName, source)
		if err != nil {
			o.w.violated("no receipt for %s: %v", source, err)
		}
		o.due = o.due[1:]
		if !ok || err != nil {
			continue
		}
		o.w.judge.receipted(source, payload)
		if o.w.strikes(ReceiptFailed, 0.1) {
			o.w.fault(ReceiptFailed, "to %s", source)
			c.end(true)
			return
		}
		c.publish(topic, true, payload, func() {})
		if o.w.strikes(ReceiptUnsure, 0.1) {
			o.w.fault(ReceiptUnsure, "to %s", source)
			o.w.after(o.w.plan.latency+time.Millisecond, func() { c.end(true) })
		}
	}
}

// visits are the folded visits as the dashboard has them.
func (o *office) visits() ([]*kiosk.Visit, error) {
	return backoffice.Recompute(context.Background(), o.ledger, storeName, math.MaxInt64, shopCalendar())
}
