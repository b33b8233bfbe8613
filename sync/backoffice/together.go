package backoffice

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// together lets many goroutines that ask at once be answered at once: while one
// question is on its way the next ones gather, as commits do.
type together[Q comparable, A any] struct {
	ask func(ctx context.Context, questions []Q) (map[Q]A, error)

	mu   sync.Mutex
	next *asked[Q, A] // gathers; nil: nobody waits
	turn chan struct{}
}

// asked is what goes out at once.
type asked[Q comparable, A any] struct {
	questions map[Q]bool
	done      chan struct{}
	answers   map[Q]A
	err       error
}

func newTogether[Q comparable, A any](ask func(context.Context, []Q) (map[Q]A, error)) *together[Q, A] {
	return &together[Q, A]{ask: ask, turn: make(chan struct{}, 1)}
}

// of answers q. The first of those that gather asks for all, under its own ctx;
// if that ends, the others ask again.
func (t *together[Q, A]) of(ctx context.Context, q Q) (answer A, err error) {
	for {
		a, first := t.join(q)
		if first {
			t.lead(ctx, a)
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return answer, ctx.Err()
		}
		if ctx.Err() == nil && !first && (errors.Is(a.err, context.Canceled) || errors.Is(a.err, context.DeadlineExceeded)) {
			continue
		}
		return a.answers[q], a.err
	}
}

func (t *together[Q, A]) join(q Q) (a *asked[Q, A], first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.next, first = &asked[Q, A]{questions: map[Q]bool{}, done: make(chan struct{})}, true
	}
	t.next.questions[q] = true
	return t.next, first
}

// lead waits until the question before is answered, and asks.
func (t *together[Q, A]) lead(ctx context.Context, a *asked[Q, A]) {
	defer close(a.done)
	var waited error
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		waited = ctx.Err()
	}
	t.mu.Lock()
	t.next = nil // who comes now is asked for next
	t.mu.Unlock()
	if a.err = waited; waited == nil {
		a.answers, a.err = t.ask(ctx, slices.Collect(maps.Keys(a.questions)))
	}
}
