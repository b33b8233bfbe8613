package kioskapp

import (
	"context"
	"fmt"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/sync/uplink"
)

// source is the journal as the uplink reads it: the journal is the outbox.
type source struct {
	j        *journal.Journal
	appended <-chan struct{}
	renew    func(ctx context.Context, begin func() error) error            // station.Renew
	do       func(ctx context.Context, in floor.Input) (floor.Reply, error) // station.Do
	moved    func()                                                         // a receipt is durable; nil: nobody asks
}

func (s source) Epoch() string                             { return s.j.Epoch() }
func (s source) Knows(epoch string) bool                   { return s.j.Knows(epoch) }
func (s source) Owns(epoch string) bool                    { return s.j.Owns(epoch) }
func (s source) Head() uint64                              { return s.j.Head() }
func (s source) Hash(seq uint64) (kiosk.Hash, bool, error) { return s.j.Hash(seq) }
func (s source) Appended() <-chan struct{}                 { return s.appended }

func (s source) Read(after uint64, limit int) ([]uplink.Row, error) {
	return sent(s.j.Read(after, limit))
}

func (s source) ReadOf(epoch string, after uint64, limit int) ([]uplink.Row, error) {
	return sent(s.j.ReadOf(epoch, after, limit))
}

func (s source) Eras() ([]uplink.Era, error) {
	eras, err := s.j.Eras()
	out := make([]uplink.Era, len(eras))
	for i, e := range eras {
		out[i] = uplink.Era(e)
	}
	return out, err
}

// lost records that a range was pruned, once in an epoch.
func (s source) lost(ctx context.Context, l uplink.Loss) (uint64, error) {
	cursor := "lost " + l.Epoch
	at, err := s.j.Cursor(cursor)
	if err != nil {
		return 0, err
	}
	if at > 0 {
		if seq, err := s.naming(l, at-1); seq > 0 || err != nil {
			return seq, err
		}
	}
	head := s.j.Head()
	if _, err := s.do(ctx, floor.Lost{Epoch: l.Epoch, From: l.From, To: l.To}); err != nil {
		return 0, err
	}
	seq, err := s.naming(l, head)
	if err == nil && seq == 0 {
		err = fmt.Errorf("no event after %d names it", head)
	}
	if err != nil {
		return 0, err
	}
	return seq, s.j.SetCursor(cursor, seq)
}

// naming is the event that names a range, among the first after a sequence; 0: none of them.
func (s source) naming(l uplink.Loss, after uint64) (uint64, error) {
	rows, err := s.j.Read(after, 256)
	for _, r := range rows {
		if e, err := kiosk.Decode(r.Bytes); err == nil {
			if d, ok := e.Data.(*kiosk.JournalLost); ok && d.Epoch == l.Epoch && d.From <= l.From && d.To >= l.To {
				return r.Seq, nil
			}
		}
	}
	return 0, err
}

func sent(rows []journal.Row, err error) ([]uplink.Row, error) {
	out := make([]uplink.Row, len(rows))
	for i, r := range rows {
		out[i] = uplink.Row{Seq: r.Seq, Type: string(r.Type), Bytes: r.Bytes, Person: r.Person}
	}
	return out, err
}

func (s source) Receipted() (uplink.Mark, error) {
	r, ok, err := s.j.Receipt()
	if err != nil || !ok {
		return uplink.Mark{}, err
	}
	left, err := s.j.LeftLedgers()
	return uplink.Mark{Epoch: s.j.Epoch(), Ledger: r.Ledger, Term: r.Term, Through: r.Through, Left: left}, err
}

// SetReceipted keeps the mark; the journal remembers the ledgers it left itself.
func (s source) SetReceipted(m uplink.Mark) error {
	through := m.Through
	if m.Epoch != s.j.Epoch() {
		through = 0
	}
	err := s.j.SetReceipt(journal.Receipt{Ledger: m.Ledger, Term: m.Term, Through: through})
	if err == nil && s.moved != nil {
		s.moved()
	}
	return err
}

// Supersede begins another epoch under the running station, which folds the
// journal again. What the epoch before records after r.After is recorded again,
// and the back office counts it once; before it what the office can never have
// under an earlier epoch.
func (s source) Supersede(ctx context.Context, r uplink.Rift) error {
	apart, err := s.j.Apart()
	if err != nil {
		return err
	}
	if apart && r.Kind == uplink.Unknown {
		return s.j.Disown(r.Text, r.Others...)
	}
	return s.renew(ctx, func() error {
		var parts []journal.Part
		for _, p := range r.Again {
			parts = append(parts, journal.Part(p))
		}
		_, err := s.j.BeginEpochWith(parts, r.Text, r.After, r.Others...)
		return err
	})
}
