package kioskapp

import (
	"context"

	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/uplink"
)

// source is the journal as the uplink reads it: the journal is the outbox.
type source struct {
	j        *journal.Journal
	appended <-chan struct{}
	renew    func(ctx context.Context, begin func() error) error // station.Renew
}

func (s source) Epoch() string                             { return s.j.Epoch() }
func (s source) Knows(epoch string) bool                   { return s.j.Knows(epoch) }
func (s source) Owns(epoch string) bool                    { return s.j.Owns(epoch) }
func (s source) Head() uint64                              { return s.j.Head() }
func (s source) Hash(seq uint64) (kiosk.Hash, bool, error) { return s.j.Hash(seq) }
func (s source) Appended() <-chan struct{}                 { return s.appended }

func (s source) Read(after uint64, limit int) ([]uplink.Row, error) {
	rows, err := s.j.Read(after, limit)
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
	return s.j.SetReceipt(journal.Receipt{Ledger: m.Ledger, Term: m.Term, Through: through})
}

// Supersede begins another epoch under the running station, which folds the
// journal again. What the epoch before records after r.After is recorded again,
// and the back office counts it once.
func (s source) Supersede(ctx context.Context, r uplink.Rift) error {
	apart, err := s.j.Apart()
	if err != nil {
		return err
	}
	if apart && r.Kind == uplink.Unknown {
		return s.j.Disown(r.Text, r.Others...)
	}
	return s.renew(ctx, func() error {
		_, err := s.j.BeginEpoch(r.Text, r.After, r.Others...)
		return err
	})
}
