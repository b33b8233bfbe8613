package uplink

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"baylight/sync/link"
)

// flight holds the messages of one connection that wait for a PUBACK, in the
// order in which they were sent; MQTT acknowledges in that order too.
type flight struct {
	session *link.Session
	window  int
	tokens  chan pending // room for the whole window: adding never blocks
	count   atomic.Int64 // messages without PUBACK
	acked   atomic.Uint64
	acks    atomic.Uint64 // how many PUBACKs came
	starved atomic.Bool   // somebody waits for room
	room    chan struct{} // a signal when starved and a sixteenth of the window is free
	cancel  context.CancelFunc
	waiter  sync.WaitGroup

	seen uint64    // acks at the last look, by stalled
	at   time.Time // when that changed
}

type pending struct {
	token *link.Token
	seq   uint64
}

// takeOff starts the goroutine that waits for acknowledgements.
func takeOff(ctx context.Context, s *link.Session, window int) *flight {
	f := &flight{session: s, window: window, tokens: make(chan pending, window), room: make(chan struct{}, 1)}
	ctx, f.cancel = context.WithCancel(ctx)
	f.waiter.Go(func() { f.wait(ctx) })
	return f
}

// land joins that goroutine.
func (f *flight) land() {
	f.cancel()
	f.waiter.Wait()
}

func (f *flight) free() int { return f.window - int(f.count.Load()) }

// starve tells how much room there is and asks for a signal if it is less than need.
func (f *flight) starve(need int) int {
	if n := f.free(); n >= need {
		return n
	}
	f.starved.Store(true)
	return f.free()
}

func (f *flight) add(t *link.Token, seq uint64) {
	f.count.Add(1)
	f.tokens <- pending{t, seq}
}

func (f *flight) wait(ctx context.Context) {
	for {
		var p pending
		select {
		case p = <-f.tokens:
		case <-ctx.Done():
			return
		}
		if err := p.token.Wait(ctx); err != nil {
			// Whatever follows is unsure too: it is sent again on the next connection.
			f.session.Drop()
			return
		}
		if p.seq > 0 {
			f.acked.Store(max(f.acked.Load(), p.seq))
		}
		f.acks.Add(1)
		if n := int(f.count.Add(-1)); n <= f.window-max(f.window/16, 2) && f.starved.CompareAndSwap(true, false) {
			select {
			case f.room <- struct{}{}:
			default:
			}
		}
	}
}

// stalled reports that messages wait and none was acknowledged for so long.
func (f *flight) stalled(now time.Time, patience time.Duration) bool {
	if n := f.acks.Load(); f.count.Load() == 0 || n != f.seen || f.at.IsZero() {
		f.seen, f.at = n, now
		return false
	}
	return now.Sub(f.at) >= patience
}

// ages knows since when events wait, by a bounded number of marks. What came
// within one step shares a mark.
type ages struct {
	marks []mark
	step  time.Duration
}

// mark says that the events up to head came at or after at.
type mark struct {
	head uint64
	at   time.Time
}

const (
	maxMarks = 256
	minStep  = 100 * time.Millisecond
)

// note forgets what is receipted and marks what is new.
func (a *ages) note(head, through uint64, now time.Time) {
	for len(a.marks) > 0 && a.marks[0].head <= through {
		a.marks = a.marks[1:]
	}
	n := len(a.marks)
	switch {
	case head <= through || n > 0 && a.marks[n-1].head >= head:
		return
	case n == 0:
		a.step = minStep
	case now.Sub(a.marks[n-1].at) < a.step:
		a.marks[n-1].head = head
		return
	case n == maxMarks:
		for i := range n / 2 {
			a.marks[i] = mark{a.marks[2*i+1].head, a.marks[2*i].at}
		}
		a.marks, a.step = a.marks[:n/2], 2*a.step
	}
	a.marks = append(a.marks, mark{head, now})
}

// oldest is how long the oldest event above through has waited, to a step.
func (a *ages) oldest(through uint64, now time.Time) time.Duration {
	for _, m := range a.marks {
		if m.head > through {
			return now.Sub(m.at)
		}
	}
	return 0
}
