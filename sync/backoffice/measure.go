package backoffice

import (
	"slices"
	"time"
)

// CommitBounds are the upper bounds of the buckets of [Commits].
func CommitBounds() []time.Duration {
	return []time.Duration{time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second}
}

// Commits is how long transactions of the ingest took, by real time.
type Commits struct {
	N       uint64
	Sum     time.Duration
	Buckets []uint64 // transactions no longer than each of CommitBounds
}

// took notes one transaction. The caller holds the lock.
func (c *Commits) took(d time.Duration) {
	c.N++
	c.Sum += d
	if c.Buckets == nil {
		c.Buckets = make([]uint64, len(CommitBounds()))
	}
	for i, most := range CommitBounds() {
		if d <= most {
			c.Buckets[i]++
		}
	}
}

// Commits tells how long transactions took since the start.
func (o *Office) Commits() Commits {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.commits
	c.Buckets = slices.Clone(c.Buckets)
	return c
}

// Waiting is for how long, by real time, the oldest receipt that a store owes its
// boards has waited to be sent; 0 if none does.
func (o *Office) Waiting(store string) time.Duration {
	r, err := o.room(store)
	if err != nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owing.IsZero() {
		return 0
	}
	return time.Since(r.owing)
}
