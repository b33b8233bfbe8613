package rule

import (
	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// mixed says whether two histories may have gone on in an epoch: another one stands
// right behind an event, or it is not one chain and was left. In the epoch a
// source is at, what is missing may still come.
func (ep *Epoch) mixed(rows Rows) (bool, error) {
	if !ep.Seamed {
		return false, nil
	}
	if forked, err := rows.Forked(); forked || err != nil {
		return forked, err
	}
	return rows.Left()
}

// Seams is called before an event takes its place; prev is zero if that cannot
// be told. 0 stands for what the first event of an epoch follows. Events come in
// order nearly always: then nothing is asked or written.
func (ep *Epoch) Seams(rows Rows, seq uint64, prev, hash kiosk.Hash) error {
	if ep.Max == 0 {
		if err := rows.Leave(); err != nil { // the times of the epochs before it, if they are not one chain, are derived anew
			return err
		}
	}
	if seq > ep.Max {
		if seq == ep.Max+1 && !ep.Broken {
			return nil // the ledger compared them: what strays is evidence
		}
		return ep.seam(rows, ep.Max, seq, prev, nil)
	}
	before, err := rows.Below(seq)
	if err != nil {
		return err
	}
	if err := ep.seam(rows, before, seq, prev, nil); err != nil {
		return err
	}
	after, b, err := rows.Above(seq)
	if err != nil || after == 0 {
		return err
	}
	return ep.seam(rows, seq, after, backoffice.Prev(b), &hash)
}

// seam notes whether next, which says that it follows the event with the hash
// prev, follows the one at seq. hash is of that one, nil: it is here already.
func (ep *Epoch) seam(rows Rows, seq, next uint64, prev kiosk.Hash, hash *kiosk.Hash) error {
	switch {
	case hash != nil || next != seq+1:
	case seq == 0:
		hash = &kiosk.Hash{}
	default:
		there, err := rows.HashAt(seq)
		if err != nil {
			return err
		}
		hash = &there
	}
	if next == seq+1 && *hash == prev {
		mixed, err := ep.mixed(rows)
		if err != nil {
			return err
		}
		closed, err := rows.Close(seq)
		if mixed && closed {
			ep.Again(1)
		}
		return err
	}
	ep.Seamed, ep.Opened = true, true
	if next == seq+1 {
		ep.Again(1)
	}
	return rows.Seam(seq)
}
