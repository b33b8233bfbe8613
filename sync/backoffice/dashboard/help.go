package dashboard

import (
	"context"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// helpLooked is how many of the last events are looked through for calls for
// help when a store is first shown: a call that old is no longer one.
const helpLooked = 5000

// calls knows in which bays help was called and not cleared. It reads the events
// that came since it was last asked.
type calls struct {
	mu     sync.Mutex
	stores map[string]*called
}

type called struct {
	at    uint64
	since map[string]time.Time // by bay
}

// of lists the calls of a store that are open, by bay.
func (c *calls) of(ctx context.Context, ledger backoffice.Ledger, store string, head uint64) (map[string]time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stores == nil {
		c.stores = map[string]*called{}
	}
	s := c.stores[store]
	if s == nil {
		s = &called{at: head - min(head, helpLooked), since: map[string]time.Time{}}
		c.stores[store] = s
	}
	for {
		rows, err := ledger.Events(ctx, store, s.at, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			s.at = row.Position
			e, err := kiosk.Decode(row.Bytes)
			if err != nil || !row.Counted {
				continue // its bytes are evidence; they call nobody
			}
			e.When = row.When
			s.take(e)
		}
		if len(rows) < 1000 {
			break
		}
	}
	out := map[string]time.Time{}
	for bay, t := range s.since {
		out[bay] = t
	}
	return out, nil
}

func (s *called) take(e kiosk.Event) {
	switch p := e.Data.(type) {
	case *kiosk.HelpCalled:
		s.since[p.Bay] = e.Time()
	case *kiosk.HelpCleared:
		delete(s.since, p.Bay)
	}
}
