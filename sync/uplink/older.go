package uplink

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Era is what a journal holds of one of its epochs.
type Era struct {
	Epoch  string
	Pruned uint64 // 1..Pruned are no longer here
	Last   uint64 // the last event that counts under this epoch: what was recorded again in a later one comes with that
	// Had is how far each ledger had the epoch when it ended, as far as is known.
	Had map[string]uint64
}

// History is a Source that tells of its earlier epochs and of what it pruned. An
// office that was restored gets from it what it has lost, and learns what
// nobody has any more.
type History interface {
	// Eras are the epochs that have events, oldest first, the present one last.
	Eras() ([]Era, error)
	// ReadOf is Read for any of them.
	ReadOf(epoch string, after uint64, limit int) ([]Row, error)
}

// Loss is a range that was pruned and that a ledger lacks.
type Loss struct {
	Epoch    string
	From, To uint64
}

// Ask is what to read and send next.
type Ask struct {
	Epoch string
	After uint64
	N     int // 0: nothing
	// Apart says that these rows are not part of the run: the broker's
	// acknowledgement of them tells nothing of those before.
	Apart bool
}

// Within are those of the rows read for an Ask that it was for: behind a hole
// more are read than are wanted of an earlier epoch.
func (a Ask) Within(rows []Row) []Row {
	for a.Apart && len(rows) > 0 && rows[len(rows)-1].Seq > a.After+uint64(a.N) {
		rows = rows[:len(rows)-1]
	}
	return rows
}

// older is what the office lacks of an earlier epoch.
type older struct {
	era     Era
	through uint64 // the office has 1..through
	next    uint64 // to be sent next
	moved   time.Time
	vain    int // resends since through last grew
}

// maxVain is how often what an office lacks of an earlier epoch is sent on one
// connection, if the office takes none of it.
const maxVain = 3

// floor is up to where the office has all that there is of it.
func (o *older) floor() uint64 { return max(o.through, o.era.Pruned) }

func (o *older) again(now time.Time) { o.next, o.moved = o.floor()+1, now }

// lacking compares a receipt that was believed with what the journal has.
func (c *core) lacking(r wire.Receipt, src Source, now time.Time) []Alarm {
	h, ok := src.(History)
	if !ok || c.stopped || c.rift != nil || r.Ledger != c.mark.Ledger {
		return nil
	}
	if c.eras == nil {
		eras, err := h.Eras()
		if err != nil {
			return []Alarm{{Journal, fmt.Sprintf("read epochs: %v", err)}}
		}
		c.eras = eras[max(0, len(eras)-wire.MaxEpochs):] // a receipt tells of no more
	}
	var again []Part
	for _, era := range c.eras {
		e, _ := r.Find(era.Epoch)
		if era.Epoch == c.epoch {
			e.Through = c.mark.Through
			c.pruned = era.Pruned
		} else {
			from, err := c.overtaken(era, e, r.Ledger, h)
			if err != nil {
				return []Alarm{{Journal, fmt.Sprintf("read epoch %s: %v", era.Epoch, err)}}
			}
			if from < era.Last {
				again = append(again, Part{era.Epoch, from})
				continue
			}
			c.owe(era, e.Through, now)
		}
		if e.Through < era.Pruned {
			c.lose(Loss{era.Epoch, e.Through + 1, era.Pruned})
		}
	}
	if len(again) == 0 {
		return nil
	}
	text := fmt.Sprintf("the office has other events than this journal in epoch %s after %d", again[0].Epoch, again[0].After)
	c.rift = &Rift{Kind: Overtaken, Text: text, After: c.certain(r.Ledger), Again: again}
	return []Alarm{{Overtaken, text}}
}

// overtaken compares what the office has of an earlier epoch with what is here, and
// gives the last event before those that the office can never have under that
// epoch: era.Last if there are none. What a ledger had when the epoch ended is not
// compared again.
func (c *core) overtaken(era Era, e wire.Epoch, ledger string, h History) (uint64, error) {
	proven := max(era.Pruned, era.Had[ledger])
	said := fmt.Sprint(e)
	if proven >= era.Last || c.compared[era.Epoch] == said {
		return era.Last, nil
	}
	if e.TakenAfter > proven {
		return proven, nil
	}
	for _, t := range places(e) {
		if t.Seq < proven || proven >= era.Last {
			continue
		}
		if t.Seq > proven {
			if same, err := held(h, era.Epoch, t); err != nil || !same {
				first, other := h.ReadOf(era.Epoch, 0, 1)
				if err != nil || other != nil || len(first) > 0 && first[0].Seq <= t.Seq {
					return proven, errors.Join(err, other)
				}
				c.eras = nil // it was pruned since they were read
				return era.Last, nil
			}
			proven = t.Seq
		}
		if t.Seq < min(e.Through, era.Last) { // something else follows at the office
			if rows, err := h.ReadOf(era.Epoch, t.Seq, 1); err != nil || len(rows) > 0 && rows[0].Seq == t.Seq+1 {
				return proven, err
			}
		}
	}
	c.compared[era.Epoch] = said
	return era.Last, nil
}

// places are those of which a receipt tells the hash, in order.
func places(e wire.Epoch) (out []wire.Taken) {
	out = append(out, e.Taken...)
	if e.Through > 0 {
		out = append(out, wire.Taken{Seq: e.Through, Hash: e.Hash})
	}
	slices.SortFunc(out, func(a, b wire.Taken) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// held says whether an event is here as the office has it.
func held(h History, epoch string, t wire.Taken) (bool, error) {
	rows, err := h.ReadOf(epoch, t.Seq-1, 1)
	return err == nil && len(rows) > 0 && rows[0].Seq == t.Seq && kiosk.HashOf(rows[0].Bytes) == t.Hash, err
}

// owe notes how far the office has an earlier epoch.
func (c *core) owe(era Era, through uint64, now time.Time) {
	i := c.owed(era.Epoch)
	switch {
	case through >= era.Last || era.Pruned >= era.Last:
		if i >= 0 {
			c.olders = append(c.olders[:i], c.olders[i+1:]...)
		}
	case i < 0:
		o := older{era: era, through: through}
		o.again(now)
		c.olders = append(c.olders, o)
	case through > c.olders[i].through:
		o := &c.olders[i]
		o.through, o.moved, o.vain = through, now, 0
		o.next = max(o.next, o.floor()+1)
	}
}

func (c *core) owed(epoch string) int {
	for i := range c.olders {
		if c.olders[i].era.Epoch == epoch {
			return i
		}
	}
	return -1
}

// lose notes a range to be named, once for each ledger.
func (c *core) lose(l Loss) {
	for _, known := range c.named {
		if known.Epoch == l.Epoch && known.To >= l.To {
			return
		}
	}
	c.named = append(c.named, l)
	c.losses = append(c.losses, l)
}

// heard notes the event that names a range. It goes before all others, since
// what stands between may be more than can be sent without receipt.
func (c *core) heard(l Loss, seq uint64) {
	c.losses = c.losses[1:]
	if l.Epoch == c.epoch {
		c.herald, c.heralded = seq, false
	}
}

// turn forgets what was about the ledger before.
func (c *core) turn() {
	c.eras, c.olders, c.losses, c.named = nil, nil, nil, nil
	c.compared = map[string]string{}
	c.pruned, c.herald, c.heralded = 0, 0, false
}

// reopen begins the earlier epochs again, on a new connection or for a new
// session of the office.
func (c *core) reopen(now time.Time) {
	c.heralded = false
	for i := range c.olders {
		c.olders[i].again(now)
		c.olders[i].vain = 0
	}
}

// patience sends again what an earlier epoch's receipts do not confirm.
func (c *core) patience(now time.Time) {
	for i := range c.olders {
		o := &c.olders[i]
		if !c.ready() || o.next == o.floor()+1 {
			o.moved = now
		} else if now.Sub(o.moved) >= c.lim.progress && o.vain < maxVain {
			o.again(now)
			o.vain++
		}
	}
}

// ask says what to send next: what names a hole, then earlier epochs, oldest
// first, as long as the office takes them, then the run.
func (c *core) ask() Ask {
	if c.ready() {
		if !c.heralded && c.herald > c.mark.Through && c.pruned > c.mark.Through {
			return Ask{c.epoch, c.herald - 1, 1, true}
		}
		for i := range c.olders {
			o := &c.olders[i]
			if last := min(o.era.Last, o.floor()+c.lim.unreceipt); o.next <= last && o.vain < maxVain {
				return Ask{o.era.Epoch, o.next - 1, int(min(last-o.next+1, uint64(c.lim.batch))), true}
			}
		}
	}
	after, n := c.want()
	return Ask{c.epoch, after, n, false}
}

// gave notes that the row seq, the first that an Ask was for, was handed over.
func (c *core) gave(a Ask, seq uint64) {
	switch i := c.owed(a.Epoch); {
	case !a.Apart:
		c.sent(seq)
	case a.Epoch == c.epoch:
		c.heralded = true
	case i >= 0:
		c.olders[i].next = seq + 1
	}
}

// none notes that the journal has no rows where an Ask was for some.
func (c *core) none(a Ask) {
	switch i := c.owed(a.Epoch); {
	case !a.Apart:
		c.skip()
	case a.Epoch == c.epoch:
		c.heralded = true
	case i >= 0:
		c.olders = append(c.olders[:i], c.olders[i+1:]...)
	}
}
