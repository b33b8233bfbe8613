package rule

import (
	"bytes"
	"fmt"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Proof holds the events of one epoch against what the ledger kept of them when
// they came: the hash of each, the chain, and the prefix that receipts tell. Whatever
// was taken in is sound, also what two histories left in one epoch: what is asked of
// Excuses was noted then.
type Proof struct {
	Store   string
	At      Place
	Through uint64 // the contiguous prefix, read before the first event
	Hash    []byte // of the event at Through
	Excuses Excuses
	Found   func(backoffice.Damaged) error

	next  uint64 // of the prefix, the first not looked for yet
	last  AtRest // its bytes aside
	known bool   // whether what comes next has to follow last
}

// AtRest is a row as it is read: nothing of it is believed.
type AtRest struct {
	Position    int64
	Seq         uint64
	State       State
	Hash, Bytes []byte
}

// Excuses is what a ledger noted of an epoch that is not one chain.
type Excuses interface {
	// Noted says whether the event after seq was taken in although it does not
	// follow the one at seq, or that cannot be told any more; the later of the two
	// came at a position.
	Noted(seq uint64, position int64) (bool, error)
	// Destroyed is the end of a destroyed range that covers seq, 0 if none does.
	Destroyed(seq uint64) (end uint64, err error)
}

// All looks at every event of the epoch. page gives those after a sequence, in
// order, as many as it likes; none: there are no more. Nothing has to be held
// between two pages: an event stays as it came.
func (p *Proof) All(page func(after int64) ([]AtRest, error)) error {
	for after := int64(-1); ; {
		rows, err := page(after)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return p.here(p.Through + 1)
		}
		for _, r := range rows {
			if err := p.take(r); err != nil {
				return err
			}
			after = int64(r.Seq)
		}
	}
}

func (p *Proof) take(r AtRest) error {
	if err := p.here(r.Seq); err != nil {
		return err
	}
	p.next = max(p.next, r.Seq+1)
	what, err := p.wrong(&r)
	if err == nil && what != "" {
		err = p.Found(backoffice.Damaged{Store: p.Store, Source: p.At.Source, Epoch: p.At.Epoch, Seq: r.Seq, Position: uint64(r.Position), What: what})
	}
	p.known = what == "" && r.State != Malformed // else what follows cannot be told
	p.last = AtRest{Position: r.Position, Seq: r.Seq, Hash: r.Hash}
	return err
}

// here names what receipts cover before a sequence and is neither here nor destroyed.
func (p *Proof) here(seq uint64) error {
	p.next = max(p.next, 1)
	for end := min(seq, p.Through+1); p.next < end; {
		destroyed, err := p.Excuses.Destroyed(p.next)
		if err != nil {
			return err
		}
		if destroyed > 0 {
			p.next = destroyed + 1
			continue
		}
		what := "it is gone, and receipts cover it"
		if end-1 > p.next {
			what = fmt.Sprintf("it is gone, with others up to %d, and receipts cover it", end-1)
		}
		gone := p.next
		p.next = end
		return p.Found(backoffice.Damaged{Store: p.Store, Source: p.At.Source, Epoch: p.At.Epoch, Seq: gone, What: what})
	}
	return nil
}

// wrong is what is wrong with a row, "" if nothing is.
func (p *Proof) wrong(r *AtRest) (string, error) {
	hash := kiosk.HashOf(r.Bytes)
	if !bytes.Equal(hash[:], r.Hash) {
		return "its bytes are not those that came: their hash is not the one that was kept", nil
	}
	if r.Seq == p.Through && !bytes.Equal(r.Hash, p.Hash) {
		return "it is another one than receipts prove", nil
	}
	if r.State == Malformed {
		return "", nil
	}
	e, err := kiosk.Decode(r.Bytes)
	if err != nil {
		return "", nil // they are the bytes that came; a newer program understood them
	}
	if e.Source != p.At.Source || e.Epoch != p.At.Epoch || e.Seq != r.Seq {
		return fmt.Sprintf("its bytes are of another place: they say %.80q of %.200q", e.ID(), e.Source), nil
	}
	if !p.known || r.Seq != p.last.Seq+1 || bytes.Equal(e.Prev[:], p.last.Hash) {
		return "", nil
	}
	if noted, err := p.Excuses.Noted(p.last.Seq, max(p.last.Position, r.Position)); noted || err != nil {
		return "", err
	}
	return "it does not follow the event that is before it: one of the two was exchanged", nil
}
