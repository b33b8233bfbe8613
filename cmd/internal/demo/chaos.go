package demo

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// Tricks are what a visitor of the demo may do to the shop.
const (
	CutBroker  = "broker"  // gone, and it forgets everything; once more: back
	KillKiosk  = "kiosk"   // kill -9, and start
	KillOffice = "office"  // kill -9, and start
	JumpClock  = "clock"   // the kiosk's wall clock jumps a year ahead; once more: back
	Unplug     = "scanner" // the first bay's scanner is pulled out; once more: back
	CloneCard  = "card"    // the kiosk's card is copied; once more: the old copy is put back
)

// Trick plays one of them.
func (s *Shop) Trick(ctx context.Context, what string) error {
	switch what {
	case CutBroker:
		s.life.Lock()
		defer s.life.Unlock()
		if s.broker != nil {
			return s.BrokerDown()
		}
		return s.BrokerUp()
	case KillKiosk:
		return s.Again(ctx, KioskChild, syscall.SIGKILL)
	case KillOffice:
		return s.Again(ctx, OfficeChild, syscall.SIGKILL)
	case JumpClock:
		s.life.Lock()
		defer s.life.Unlock()
		return s.child(KioskChild).cmd.Process.Signal(leap)
	case CloneCard:
		return s.cloneCard(ctx)
	case Unplug:
		sc := s.Scanner("b1")
		if s.pulled.CompareAndSwap(false, true) {
			return sc.Unplug()
		}
		s.pulled.Store(false)
		return sc.Replug()
	}
	return fmt.Errorf("play a trick: %q is none", what)
}

// BrokerRuns says whether the broker is there.
func (s *Shop) BrokerRuns() bool {
	s.life.Lock()
	defer s.life.Unlock()
	return s.broker != nil
}

// Count is what the independent counter says.
type Count struct {
	Owed    int    `json:"owed"`    // acknowledged by a beep or a screen
	Arrived int    `json:"arrived"` // of them at the back office
	OnWay   int    `json:"on_way"`  // durable at the kiosk, not yet there
	Lost    int    `json:"lost"`
	Twice   int    `json:"twice"` // counted more than once
	Outbox  uint64 `json:"outbox"`
	Broker  bool   `json:"broker"`
	Copied  bool   `json:"copied"` // the card
}

// counter compares, all the time, what people were told with what the back
// office has. It reads the ledger from outside, as anybody could.
type counter struct {
	mu     sync.Mutex
	owed   map[string]int  // scanner ("" for screens) → acknowledged so far
	last   map[string]deed // scanner → the last one, for bounced triggers
	have   map[string]int  // scanner → different causes in the ledger
	causes map[string]bool
	after  uint64

	counted map[string]bool // events that count, by their first names
	twice   int
}

func newCounter() *counter {
	return &counter{owed: map[string]int{}, last: map[string]deed{}, have: map[string]int{}, causes: map[string]bool{}, counted: map[string]bool{}}
}

// acknowledged notes something that was visibly acknowledged. The same code at
// the same scanner within three seconds is one scan.
func (c *counter) acknowledged(d deed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, seen := c.last[d.Scanner]
	c.last[d.Scanner] = d
	if d.Scanner != "" && seen && old.What == d.What && d.At.Sub(old.At) < 3*time.Second {
		return
	}
	c.owed[d.Scanner]++
}

// look reads what is new in the ledger and compares.
func (c *counter) look(ctx context.Context, s *Shop) (Count, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		events, last, err := s.ledgerPage(ctx, c.after)
		if err != nil {
			return Count{}, err
		}
		if len(events) == 0 {
			break
		}
		c.after = last
		for _, e := range events {
			c.take(e)
		}
	}
	st, err := s.Health(ctx)
	if err != nil {
		return Count{}, err
	}
	n := Count{Twice: c.twice, Outbox: st.Outbox.Depth}
	missing := 0
	for scanner, owed := range c.owed {
		n.Owed += owed
		missing += max(0, owed-c.have[scanner])
	}
	n.Arrived = n.Owed - missing
	if st.Outbox.Depth > 0 {
		n.OnWay = missing
	} else {
		n.Lost = missing
	}
	return n, nil
}

func (c *counter) take(e wireEvent) {
	if e.counted && c.counted[e.first()] {
		c.twice++
	}
	c.counted[e.first()] = c.counted[e.first()] || e.counted
	if e.cause == "" || e.Source != "/stores/"+Store+"/kiosks/"+Board || c.causes[e.cause] {
		return
	}
	c.causes[e.cause] = true
	c.have[e.scanner]++
}
