package staff

import (
	"cmp"
	"sync"
	"time"
)

// Limits on attempts: after Failures failures in a row a key is locked, first
// for FirstLock, then twice as long for each further failure up to LongestLock.
// A key's failures are forgotten Forget after the last one.
const (
	Failures    = 5
	FirstLock   = 30 * time.Second
	LongestLock = time.Hour
	Forget      = 12 * time.Hour
	maxKeys     = 4096
)

// Bound is what one key may do. Zero values are Failures and LongestLock.
type Bound struct {
	Key     string
	Free    int           // failures until the first lock
	Longest time.Duration // of a lock
}

// Limits counts failed attempts by key (a badge, an address).
type Limits struct {
	now  func() time.Time
	mu   sync.Mutex
	keys map[string]attempts
}

type attempts struct {
	failed int
	last   time.Time // of the last attempt
	until  time.Time // locked until
}

// NewLimits makes limits that tell time by now.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{now: now, keys: map[string]attempts{}}
}

// Take counts an attempt by all keys as failed before it is judged, so that
// attempts made at the same time cannot slip past together; [Limits.Forgive]
// takes it back. If one of the keys is locked, nothing is counted and wait says
// for how long.
func (l *Limits) Take(keys ...string) (wait time.Duration) {
	bounds := make([]Bound, len(keys))
	for i, k := range keys {
		bounds[i].Key = k
	}
	return l.TakeWithin(bounds...)
}

// TakeWithin is Take with a bound of its own for each key.
func (l *Limits) TakeWithin(bounds ...Bound) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, b := range bounds {
		wait = max(wait, l.keys[b.Key].until.Sub(now))
	}
	if wait > 0 {
		return wait
	}
	for _, b := range bounds {
		a := l.keys[b.Key]
		if now.Sub(a.last) > Forget {
			a = attempts{}
		}
		a.failed++
		a.last = now
		if over := a.failed - cmp.Or(b.Free, Failures); over >= 0 {
			a.until = now.Add(min(FirstLock<<min(over, 20), cmp.Or(b.Longest, LongestLock)))
		}
		l.room(b.Key)
		l.keys[b.Key] = a
	}
	return 0
}

// Forgive takes back the failures of a key: the attempt was a good one.
func (l *Limits) Forgive(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}

// Return takes back the one attempt just counted by a key, and leaves its
// earlier failures: a good PIN does not make an address good.
func (l *Limits) Return(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.keys[key]
	if !ok {
		return
	}
	a.failed--
	a.until = time.Time{} // it was free when the attempt was let in
	l.keys[key] = a
}

// room makes place for a new key: the oldest attempt goes first.
func (l *Limits) room(key string) {
	if _, ok := l.keys[key]; ok || len(l.keys) < maxKeys {
		return
	}
	oldest, first := "", true
	for k, a := range l.keys {
		if first || a.last.Before(l.keys[oldest].last) {
			oldest, first = k, false
		}
	}
	delete(l.keys, oldest)
}
