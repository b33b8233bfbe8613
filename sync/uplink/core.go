package uplink

import (
	"fmt"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Kind names what an Alarm is about.
type Kind string

// The kinds of alarm.
const (
	// The receipt is not one: it is ignored.
	Malformed Kind = "receipt_malformed"
	// The office has more of this epoch than this journal: it was rolled back
	// or its card was cloned. Another epoch begins.
	Ahead Kind = "receipt_ahead"
	// The office has other events under this epoch's numbers: as Ahead.
	Foreign Kind = "receipt_foreign"
	// The office names an epoch that this journal never knew: the board had
	// another journal before, or another board has its name. As Ahead, once; the
	// cursor need not wait for it.
	Unknown Kind = "epoch_unknown"
	// The office can never have some events under an earlier epoch: it has others in
	// their places, or took them for destroyed. Another epoch begins with them.
	Overtaken Kind = "epoch_overtaken"
	// Another board speaks under this one's name.
	Twin Kind = "twin"
	// The receipted event is no longer here, so its hash cannot be compared. A
	// restored ledger is taken at its word; otherwise the cursor stays.
	Unproven Kind = "receipt_unproven"
	// The journal could not be read or written; it is tried again.
	Journal Kind = "journal"
	// A row of the journal cannot be put into a message as it is.
	BadRow Kind = "row"
)

// Alarm is something a person must look at.
type Alarm struct {
	Kind Kind
	Text string
}

// Mark is what the office has receipted, kept in the journal. It concerns the
// present epoch only: when the journal begins another, Through counts as 0.
type Mark struct {
	Epoch   string
	Ledger  string   // the office's ledger, "" before the first receipt
	Term    uint64   // highest lease number seen of that ledger
	Through uint64   // the office has 1..Through
	Left    []string // ledgers once left: their receipts are ignored; at most maxLeft, oldest first
}

const maxLeft = 64

// Rift is that the office has of this board what this journal cannot have: the
// journal was rolled back, its card was cloned, or another board has its name.
type Rift struct {
	Kind   Kind     // Ahead, Foreign, Unknown or Overtaken
	Text   string   // of the alarm
	After  uint64   // the office surely has the present epoch up to here
	Others []string // epochs that the office has and this journal never knew
	Again  []Part   // of earlier epochs, oldest first: what has to be recorded again before what follows After
}

// Part is what follows a sequence of an earlier epoch.
type Part struct {
	Epoch string
	After uint64
}

// limits are what core keeps to; see Config.
type limits struct {
	batch     int           // rows read at once
	unreceipt uint64        // events without receipt while the office is ready
	progress  time.Duration // without progress: resend
	gapEvery  time.Duration // from seeing a gap to sending it again
	broker    bool          // the broker's acknowledgement moves the mark, not receipts
}

// span is a range of sequences to be sent again, both ends included.
type span struct{ from, to uint64 }

// core holds the positions and decides; it does no input or output.
type core struct {
	lim   limits
	epoch string
	head  uint64
	mark  Mark

	session   uint64 // of the connection; 0: none
	office    wire.Office
	start     uint64    // next when it stood
	officeOn  uint64    // session that brought office
	officeOld bool      // it was retained: the office was there before us
	since     time.Time // when the connection stood
	quiet     int       // connections in a row that brought no word of the office
	readyOn   uint64    // connection on which the office session below was answered by a resend
	answered  wire.Office
	next      uint64 // the run's next sequence
	acked     uint64 // the broker acknowledged all up to here, on any connection
	extra     []span // sent before the run goes on
	progress  time.Time
	vain      int                    // resends since the mark last moved
	missing   []wire.Gap             // as the last receipt says
	gapSeen   map[wire.Gap]time.Time // since when, or when last sent again
	stopped   bool                   // the mark does not prove: it no longer moves in this epoch
	rift      *Rift                  // not yet dealt with, nil: none
	unkept    *wire.Receipt          // the last one, if the journal could not say or keep what it asks for
	unknownIs map[string]bool

	eras     []Era             // nil: not asked since the ledger or the epoch changed
	compared map[string]string // of each earlier epoch the last receipt that was compared
	olders   []older           // earlier epochs that the office lacks something of, oldest first
	pruned   uint64            // 1..pruned of the present epoch are gone
	named    []Loss            // ranges named to this ledger, or about to be
	losses   []Loss            // still to be named
	herald   uint64            // the event that names what is gone of the present epoch, 0: none
	heralded bool              // it was sent in this run
}

func newCore(lim limits, epoch string, head uint64, mark Mark) *core {
	c := &core{lim: lim, gapSeen: make(map[wire.Gap]time.Time), unknownIs: make(map[string]bool)}
	c.begin(epoch, head, mark)
	return c
}

// begin takes up an epoch.
func (c *core) begin(epoch string, head uint64, mark Mark) {
	if mark.Epoch != epoch {
		mark.Epoch, mark.Through = epoch, 0
	}
	c.epoch, c.head, c.mark = epoch, head, mark
	c.next, c.acked = mark.Through+1, mark.Through
	c.extra, c.missing, c.stopped, c.rift, c.unkept = nil, nil, false, nil, nil
	clear(c.gapSeen)
	c.turn()
	if mark.Through > head {
		c.stopped = true
		c.rift = &Rift{Kind: Ahead, Text: fmt.Sprintf("receipts of epoch %s stand at %d, this journal ends at %d", epoch, mark.Through, head)}
	}
}

// settled: the rift was dealt with.
func (c *core) settled() { c.rift, c.eras, c.compared = nil, nil, map[string]string{} }

// connected: a new connection stands. What the broker has not acknowledged is
// sent again; what the office has not receipted follows once it is ready.
func (c *core) connected(session uint64, now time.Time) {
	c.session, c.since = session, now
	c.from(c.acked + 1)
	c.reopen(now)
	c.start = c.next
	c.greet(now)
}

func (c *core) disconnected() { c.session = 0 }

// rewind starts a new run behind the receipt.
func (c *core) rewind(now time.Time) {
	c.from(c.mark.Through + 1)
	c.progress, c.heralded = now, false
	clear(c.gapSeen)
}

// from starts a new run. Only ranges that it does not touch are still sent apart.
func (c *core) from(seq uint64) {
	c.next = seq
	c.extra = slices.DeleteFunc(c.extra, func(s span) bool { return s.to >= seq })
}

// tick resends after a while without progress.
func (c *core) tick(now time.Time) (resent bool) {
	c.gaps(now)
	c.patience(now)
	if !c.ready() || c.stopped || c.next <= c.mark.Through+1 {
		c.progress = now
		return false
	}
	if now.Sub(c.progress) < c.lim.progress {
		return false
	}
	c.rewind(now)
	c.vain++
	return true
}

// want says which rows to read next: up to n after a sequence. n is 0 if there
// is nothing to send now.
func (c *core) want() (after uint64, n int) {
	if c.session == 0 {
		return 0, 0
	}
	if len(c.extra) > 0 {
		s := c.extra[0]
		return s.from - 1, int(min(s.to-s.from+1, uint64(c.lim.batch)))
	}
	last := c.head
	if c.ready() {
		last = min(last, max(c.mark.Through, c.pruned)+c.lim.unreceipt)
	}
	if c.next > last {
		return 0, 0
	}
	return c.next - 1, int(min(last-c.next+1, uint64(c.lim.batch)))
}

// sent notes that the row seq, the first that want asked for, was handed over.
func (c *core) sent(seq uint64) {
	if len(c.extra) > 0 {
		if c.extra[0].from = seq + 1; c.extra[0].from > c.extra[0].to {
			c.extra = c.extra[1:]
		}
		return
	}
	c.next = seq + 1
}

// skip notes that the journal has no rows where want asked for some.
func (c *core) skip() {
	if len(c.extra) > 0 {
		c.extra = c.extra[1:]
		return
	}
	c.next = c.head + 1
}

func (c *core) ackedTo(seq uint64) { c.acked = max(c.acked, seq) }

// brokerLedger stands for the ledger where the broker's word is all there is.
const brokerLedger = "broker"

// keepAcked moves the mark to what the broker acknowledged, where that is what
// the store settled for; every so many events, or when it is time.
func (c *core) keepAcked(src Source, every uint64, now time.Time) []Alarm {
	if !c.lim.broker || c.acked < c.mark.Through+every {
		return nil
	}
	m := c.moved(wire.Receipt{Ledger: brokerLedger}, c.acked)
	if err := src.SetReceipted(m); err != nil {
		return []Alarm{{Journal, fmt.Sprintf("keep the broker's acknowledgement through %d: %v", m.Through, err)}}
	}
	c.move(m, now)
	return nil
}

// again queues a range by hand.
func (c *core) again(from, to uint64) {
	from, to = max(from, 1), min(to, c.next-1)
	if from <= to && len(c.extra) < 2*wire.MaxGaps {
		c.extra = append(c.extra, span{from, to})
	}
}

// receipt takes a receipt and keeps the mark it moves to. What does not fit
// leaves a rift.
func (c *core) receipt(r wire.Receipt, src Source, now time.Time) []Alarm {
	if slices.Contains(c.mark.Left, r.Ledger) || r.Ledger == c.mark.Ledger && r.Term < c.mark.Term {
		return nil
	}
	others, alarms := c.unknown(r, src)
	c.unkept = nil
	if !c.stopped {
		failed := c.believe(r, src, now)
		if len(failed) > 0 && failed[0].Kind == Journal {
			c.unkept = &r
		}
		alarms = append(alarms, failed...)
	}
	alarms = append(alarms, c.lacking(r, src, now)...)
	if len(others) > 0 {
		if c.rift == nil {
			c.rift = &Rift{Kind: Unknown, Text: alarms[0].Text, After: c.certain(r.Ledger)}
		}
		c.rift.Others = append(c.rift.Others, others...)
	}
	return alarms
}

// keepNow takes again the receipt that the journal could not keep: the office of
// a restored ledger has no reason to send another.
func (c *core) keepNow(src Source, now time.Time) []Alarm {
	if c.unkept == nil {
		return nil
	}
	return c.receipt(*c.unkept, src, now)
}

// certain is up to where a ledger surely has the present epoch.
func (c *core) certain(ledger string) uint64 {
	if ledger != c.mark.Ledger {
		return 0
	}
	return c.mark.Through
}

// believe moves the mark to a receipt that holds.
func (c *core) believe(r wire.Receipt, src Source, now time.Time) []Alarm {
	e, _ := r.Find(c.epoch)
	same := r.Ledger == c.mark.Ledger
	if same && e.Through < c.mark.Through {
		return nil
	}
	var alarms []Alarm
	a, ok := c.taken(e, c.certain(r.Ledger), src)
	if ok && (!same || e.Through > c.mark.Through) {
		a, ok = c.prove(e, src)
	}
	if !ok && a.Kind == Unproven && !same {
		alarms = append(alarms, a) // older than all that is here: nobody can tell
	} else if !ok {
		if a.Kind == Ahead || a.Kind == Foreign {
			c.stopped = true
			c.rift = &Rift{Kind: a.Kind, Text: a.Text, After: c.certain(r.Ledger)}
		}
		return []Alarm{a}
	}
	if m := c.moved(r, e.Through); m.Through != c.mark.Through || m.Term != c.mark.Term || !same {
		if err := src.SetReceipted(m); err != nil {
			return []Alarm{{Journal, fmt.Sprintf("keep receipt through %d: %v", m.Through, err)}}
		}
		c.move(m, now)
		if !same {
			c.turn()
		}
	}
	c.missing = e.Gaps
	for g := range c.gapSeen {
		if !slices.Contains(c.missing, g) {
			delete(c.gapSeen, g)
		}
	}
	c.gaps(now)
	return alarms
}

// move takes up a mark that is kept.
func (c *core) move(m Mark, now time.Time) {
	back := m.Through < c.mark.Through
	if m.Through != c.mark.Through {
		c.progress, c.vain = now, 0
	}
	c.mark = m
	if back && c.ready() {
		c.rewind(now)
	}
	c.next = max(c.next, c.mark.Through+1)
	c.acked = max(c.acked, c.mark.Through)
}

// taken compares the places that a chain does not prove. Those below certain were
// compared before; one that is no longer here cannot be.
func (c *core) taken(e wire.Epoch, certain uint64, src Source) (Alarm, bool) {
	if e.TakenAfter > certain {
		return Alarm{Foreign, fmt.Sprintf("epoch %s holds events of another history in more places up to %d than a receipt can name", c.epoch, e.TakenAfter)}, false
	}
	for _, t := range e.Taken {
		switch {
		case t.Seq < certain:
			continue
		case t.Seq > c.head:
			return Alarm{Ahead, fmt.Sprintf("the office has event %d of epoch %s, this journal ends at %d", t.Seq, c.epoch, c.head)}, false
		}
		if a, ok := c.place(e, t, src); !ok {
			return a, false
		}
	}
	return Alarm{}, true
}

// place compares one such place, and what follows it here.
func (c *core) place(e wire.Epoch, t wire.Taken, src Source) (Alarm, bool) {
	h, ok, err := kiosk.Hash{}, true, error(nil)
	if t.Seq > 0 {
		h, ok, err = src.Hash(t.Seq)
	}
	if err == nil && ok && h != t.Hash {
		return Alarm{Foreign, fmt.Sprintf("the place of event %d of epoch %s is taken at the office by %s, here it is %s", t.Seq, c.epoch, t.Hash, h)}, false
	}
	if err == nil && ok && t.Seq < e.Through {
		if _, ok, err = src.Hash(t.Seq + 1); err == nil && ok {
			return Alarm{Foreign, fmt.Sprintf("at the office something else follows event %d of epoch %s than here", t.Seq, c.epoch)}, false
		}
	}
	if err != nil {
		return Alarm{Journal, fmt.Sprintf("read hash of event %d: %v", t.Seq, err)}, false
	}
	return Alarm{}, true
}

// prove compares what the office has with what this journal has.
func (c *core) prove(e wire.Epoch, src Source) (Alarm, bool) {
	if e.Through == 0 {
		return Alarm{}, true
	}
	if e.Through > c.head {
		return Alarm{Ahead, fmt.Sprintf("the office has epoch %s through %d, this journal ends at %d", c.epoch, e.Through, c.head)}, false
	}
	h, ok, err := src.Hash(e.Through)
	switch {
	case err != nil:
		return Alarm{Journal, fmt.Sprintf("read hash of event %d: %v", e.Through, err)}, false
	case !ok:
		return Alarm{Unproven, fmt.Sprintf("event %d of epoch %s is no longer here to prove the receipt", e.Through, c.epoch)}, false
	case h != e.Hash:
		return Alarm{Foreign, fmt.Sprintf("event %d of epoch %s has hash %s at the office and %s here", e.Through, c.epoch, e.Hash, h)}, false
	}
	return Alarm{}, true
}

// moved is the mark after a proven receipt.
func (c *core) moved(r wire.Receipt, through uint64) Mark {
	m := c.mark
	if m.Ledger != r.Ledger {
		if m.Ledger != "" {
			m.Left = append(slices.Clone(m.Left), m.Ledger)
			m.Left = m.Left[max(0, len(m.Left)-maxLeft):]
		}
		m.Ledger = r.Ledger
	}
	m.Term, m.Through = r.Term, through
	return m
}

// unknown gives and reports each epoch that this journal never knew, once.
func (c *core) unknown(r wire.Receipt, src Source) (others []string, alarms []Alarm) {
	for _, e := range r.Epochs {
		if e.Epoch == c.epoch || e.Through == 0 || c.unknownIs[e.Epoch] || src.Knows(e.Epoch) {
			continue
		}
		if len(c.unknownIs) < wire.MaxEpochs {
			c.unknownIs[e.Epoch] = true
			others = append(others, e.Epoch)
			alarms = append(alarms, Alarm{Unknown, fmt.Sprintf("the office has %d events of epoch %s, which this journal never knew", e.Through, e.Epoch)})
		}
	}
	return others, alarms
}

// gaps queues what the office has missed for a while: a gap just seen may
// still be on its way.
func (c *core) gaps(now time.Time) {
	if !c.ready() || len(c.extra) > 0 {
		return
	}
	for _, g := range c.missing {
		if g.First >= c.next {
			break
		}
		if at, known := c.gapSeen[g]; !known {
			c.gapSeen[g] = now
		} else if now.Sub(at) >= c.lim.gapEvery {
			c.gapSeen[g] = now
			c.extra = append(c.extra, span{g.First, min(g.Last, c.next-1)})
		}
	}
}
