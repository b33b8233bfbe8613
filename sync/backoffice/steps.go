package backoffice

import (
	"context"
	"slices"
)

// Steps are the decisions of an [Office] one by one, without its goroutines,
// queue and line: whoever drives them says when. Run takes the same ones; the
// simulation (cmd/internal/sim) takes these. An Office that runs is not driven.
type Steps struct{ o *Office }

// Steps gives the decisions of an office that does not run.
func (o *Office) Steps() Steps { return Steps{o} }

// Read makes of messages the batch for one transaction, and names the sources
// whose receipt it changes, in order. The batch still lacks its time.
func (s Steps) Read(ms []Message) (Batch, []string) {
	b, owed := s.o.read(ms)
	sources := make([]string, 0, len(owed))
	for source := range owed {
		sources = append(sources, source)
	}
	slices.Sort(sources)
	return b, sources
}

// Receipt is the retained message that tells a source how far its events are
// committed. ok is false for what gets none: the office itself.
func (s Steps) Receipt(ctx context.Context, store, source string) (topic string, payload []byte, ok bool, err error) {
	r, err := s.o.room(store)
	if err != nil {
		return "", nil, false, err
	}
	return s.o.receiptFor(ctx, r, source)
}
