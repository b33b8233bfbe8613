package staff

import (
	"sync"
	"time"
)

// Usual is how long a place stays usual after somebody last signed in there.
const Usual = 30 * 24 * time.Hour

// places are where people signed in well: a person and an address each. They are
// in memory; after a restart each is usual again with the first good sign-in.
type places struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]time.Time
}

func newPlaces(now func() time.Time) *places {
	return &places{now: now, all: map[string]time.Time{}}
}

func (p *places) knows(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.all[key]
	return ok && p.now().Sub(at) < Usual
}

func (p *places) remember(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.all[key]; !ok && len(p.all) >= maxKeys {
		oldest := ""
		for k, at := range p.all {
			if oldest == "" || at.Before(p.all[oldest]) {
				oldest = k
			}
		}
		delete(p.all, oldest)
	}
	p.all[key] = p.now()
}
