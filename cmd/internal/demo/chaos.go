package demo

import (
	"context"
	"fmt"
	"sync"
	"syscall"
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
	mu    sync.Mutex
	deeds []deed // in the order they were acknowledged in; only ever longer

	reading sync.Mutex
	tally   *tally
	after   uint64 // position in the ledger
	settled int    // so many of the deeds have to be in the ledger
}

func newCounter() *counter { return &counter{tally: newTally()} }

// acknowledged notes something that was visibly acknowledged.
func (c *counter) acknowledged(d deed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deeds = append(c.deeds, d)
}

// look reads what is new in the ledger and compares.
func (c *counter) look(ctx context.Context, s *Shop) (Count, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.mu.Lock()
	deeds := c.deeds
	c.mu.Unlock()
	// What was acknowledged is recorded, what is recorded and receipted is in the
	// ledger: asked in this order, nothing is missed that is only on its way.
	st, err := s.Health(ctx)
	if err != nil {
		return Count{}, err
	}
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
			c.tally.take(e)
		}
	}
	n := c.count(deeds, st.drained())
	n.Outbox = st.Outbox.Depth
	return n, nil
}

// count holds the deeds against the ledger as it was read since they were
// acknowledged. drained says that the kiosk had receipts for all it had
// recorded by then; what was on its way until then has to be there now.
func (c *counter) count(deeds []deed, drained bool) Count {
	if drained {
		c.settled = len(deeds)
	}
	a := c.tally.hold(deeds)
	n := Count{Owed: a.owed, Arrived: a.owed - len(a.missing), Twice: len(c.tally.twice)}
	for _, i := range a.missing {
		if i < c.settled {
			n.Lost++
		} else {
			n.OnWay++
		}
	}
	return n
}
