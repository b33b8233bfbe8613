package staff

import (
	"sync"
	"time"
)

// Share is how much a key may do: Burst at once, and one more after every Every.
type Share struct {
	Key   string
	Burst int
	Every time.Duration
}

// Pace lets through what people do and holds up floods. Unlike [Limits] nothing of
// it is a failure, and nobody is locked out: who waits may go on. It remembers one
// time for each of at most 4096 keys; those with the most left of their share are
// forgotten first.
type Pace struct {
	now  func() time.Time
	mu   sync.Mutex
	keys map[string]time.Time // when the share is whole again
}

// NewPace makes a pace that tells time by now.
func NewPace(now func() time.Time) *Pace {
	return &Pace{now: now, keys: map[string]time.Time{}}
}

// Take takes one of each share. If one of them is used up nothing is taken, and
// wait says for how long.
func (p *Pace) Take(shares ...Share) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	whole := make([]time.Time, len(shares))
	for i, s := range shares {
		most := time.Duration(s.Burst) * s.Every
		at := p.keys[s.Key]
		if at.Before(now) {
			at = now
		}
		if at.Sub(now) > most { // the clock went back
			at = now.Add(most)
		}
		whole[i] = at.Add(s.Every)
		wait = max(wait, whole[i].Sub(now)-most)
	}
	if wait > 0 {
		return wait
	}
	for i, s := range shares {
		p.room(s.Key)
		p.keys[s.Key] = whole[i]
	}
	return 0
}

// room makes place for a new key.
func (p *Pace) room(key string) {
	if _, ok := p.keys[key]; ok || len(p.keys) < maxKeys {
		return
	}
	least, first := "", true
	for k, whole := range p.keys {
		if first || whole.Before(p.keys[least]) {
			least, first = k, false
		}
	}
	delete(p.keys, least)
}
