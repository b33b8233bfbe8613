package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"baylight/kiosk"
)

// verifiedCursor names the mark up to which every event of the epoch was
// checked; Open goes on from there.
const verifiedCursor = "verified"

// Verify is a task that checks every event of a journal again and again, beside
// the work: damage that crept in is then known while the back office still has
// what was destroyed. Make it with NewVerify.
type Verify struct {
	j     *Journal
	every time.Duration
	ready chan struct{}
	after func(time.Duration) <-chan time.Time
}

// Between two looks at 256 events it rests for restFactor times as long as they
// took, so that it takes at most a quarter of one core.
const restFactor = 3

// NewVerify makes the task; every is how long it waits after one pass, 0: a day.
func NewVerify(j *Journal, every time.Duration) *Verify {
	if every <= 0 {
		every = 24 * time.Hour
	}
	return &Verify{j: j, every: every, ready: make(chan struct{}), after: time.After}
}

// String names the task.
func (v *Verify) String() string { return "journal verification" }

// Ready is closed when Run has begun; nobody needs to wait for a pass.
func (v *Verify) Ready() <-chan struct{} { return v.ready }

// Run checks until ctx ends or the journal is closed. Damage ends it as well,
// without an error: it is logged, Damage tells it, and the next Open deals with it.
func (v *Verify) Run(ctx context.Context) error {
	close(v.ready)
	for {
		switch err := v.pass(ctx); {
		case ctx.Err() != nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrDamaged):
			return nil
		case err != nil:
			v.j.log.Warn("journal not verified", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-v.after(v.every):
		}
	}
}

// pass checks every event up to the head of this moment and moves the mark there.
func (v *Verify) pass(ctx context.Context) error {
	v.j.mu.Lock()
	epoch, head := v.j.layout.current().name, v.j.head.seq
	v.j.mu.Unlock()
	start, n := time.Now(), 0
	err := v.j.replayAll(ctx, 0, func(Row, kiosk.Event) error {
		if n++; n%pageRows != 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.after(restFactor * time.Since(start)):
		}
		start = time.Now()
		return nil
	})
	if err != nil {
		return err
	}
	v.j.log.Info("journal verified", "epoch", epoch, "head", head, "events", n)
	return v.j.setVerified(epoch, head)
}

// setVerified moves the mark, unless the epoch has ended meanwhile.
func (j *Journal) setVerified(epoch string, seq uint64) error {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return err
	}
	if j.Epoch() != epoch || seq > j.Head() {
		return nil
	}
	if err := j.commit(func(ctx context.Context) error { return j.putCursor(ctx, epoch, verifiedCursor, seq) }); err != nil {
		return fmt.Errorf("set mark of verification: %w", err)
	}
	return nil
}

// Damage is the first damage that was found since Open, nil if none was.
func (j *Journal) Damage() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.damage
}

// verifyTail checks the events of the current epoch after the last that was
// verified. A mark that cannot be right was checked before.
func (j *Journal) verifyTail(ctx context.Context) error {
	after, err := j.Cursor(verifiedCursor)
	if err != nil {
		return err
	}
	return j.replay(ctx, j.layout, j.layout.current(), after, j.head.seq, func(Row, kiosk.Event) error { return nil })
}

// verify checks every event in the file.
func (j *Journal) verify(ctx context.Context) error {
	return j.replayAll(ctx, 0, func(Row, kiosk.Event) error { return ctx.Err() })
}
