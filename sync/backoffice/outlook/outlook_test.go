package outlook_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/backoffice/outlook"
	"baylight/sync/backoffice/risk"
)

var (
	zone = time.FixedZone("CST", 8*3600)
	cal  = kiosk.ShanghaiWeek(zone)
)

// shop records a store's orders: every third is of two standard hours and takes a
// little longer, the others take half an hour; every promise is for an hour and a half.
type shop struct {
	t     testing.TB
	board *ledgertest.Board
	book  *memledger.Ledger
	made  int
	now   atomic.Int64 // the board's clock, for those who only read it
}

func newShop(t testing.TB) *shop {
	return &shop{t: t, board: ledgertest.NewBoard(t, "sh", "k1", "e1"), book: memledger.New("l")}
}

func (s *shop) id() string { return fmt.Sprintf("0A7A%06d", s.made) }

// sign opens a visit and begins its job.
func (s *shop) sign() {
	s.made++
	standard := 30
	if s.made%3 == 0 {
		standard = 120
	}
	due := s.board.Now.Wall.Add(90 * time.Minute)
	s.record(s.board.CheckIn(s.id()), s.board.Event(&kiosk.Signed{Visit: s.id(), Order: s.id(), Adviser: "a1", Promise: &due,
		Items: []kiosk.Item{{No: 1, Code: "C", Category: kiosk.Minor, Payer: "customer", StandardMinutes: standard}}}),
		s.board.Event(&kiosk.Started{Job: kiosk.Job{Visit: s.id(), Bay: fmt.Sprint("b", s.made%2), Technician: "t1"}}))
}

func (s *shop) finish() {
	s.record(s.board.Event(&kiosk.Finished{Job: kiosk.Job{Visit: s.id(), Bay: fmt.Sprint("b", s.made%2), Technician: "t1"}}),
		s.board.Event(&kiosk.Passed{Visit: s.id(), Inspector: "q"}), s.board.Event(&kiosk.Delivered{Visit: s.id(), Adviser: "a1"}))
}

func (s *shop) record(entries ...backoffice.Entry) {
	s.t.Helper()
	s.wait(0)
	if _, err := s.book.Commit(s.t.Context(), backoffice.Batch{Entries: entries}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) wait(d time.Duration) {
	s.board.Now = s.board.Now.Add(d)
	s.now.Store(s.board.Now.Wall.UnixNano())
}

// days lets days of four orders go by.
func (s *shop) days(n int) {
	for range n {
		for range 4 {
			s.sign()
			if s.made%3 == 0 {
				s.wait(125 * time.Minute)
			} else {
				s.wait(30 * time.Minute)
			}
			s.finish()
		}
		s.wait(24*time.Hour - s.board.Now.Wall.Sub(cal.Midnight(s.board.Now.Wall)) + 9*time.Hour)
	}
}

func (s *shop) outlook() *outlook.Outlook {
	s.t.Helper()
	stores := []backoffice.Store{{Name: "sh", Calendar: cal}}
	s.wait(0)
	now := func() time.Time { return time.Unix(0, s.now.Load()).In(zone) }
	f, err := figures.New(figures.Config{Ledger: s.book, Stores: stores, Now: now})
	if err != nil {
		s.t.Fatal(err)
	}
	o, err := outlook.New(outlook.Config{History: f, Stores: stores, Now: now})
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func TestFromEventsToRisks(t *testing.T) {
	s := newShop(t)
	s.days(60)
	o := s.outlook()
	if err := o.Train(t.Context(), "sh"); err != nil {
		t.Fatal(err)
	}
	state, err := o.State("sh")
	if err != nil || state.Bays != 2 || state.Model.Orders < 200 || !state.Calibration.Better() {
		t.Errorf("the state is %+v (%v)", state, err)
	}
	rep, err := o.Report("sh")
	if err != nil || !rep.Estimating || rep.Why != "" || rep.Calibration == nil || len(rep.Calibration.Deciles) != 10 || rep.Calibration.Brier >= rep.Calibration.Base {
		t.Errorf("the report is %+v (%v)", rep, err)
	}
	for range 3 {
		s.sign()
		risks, err := o.Risks(t.Context(), "sh")
		if err != nil {
			t.Fatal(err)
		}
		r, late := risks[s.id()], s.made%3 == 0
		if len(risks) != 1 || late != (r.P > 0.7) || !late != (r.P < 0.3) || r.Reason != risk.Behind {
			t.Errorf("order %d: %+v, that it is late is %v", s.made, r, late)
		}
		open := []*kiosk.Visit{{}}
		if shown := o.Shown("sh", open, s.board.Now.Wall); len(shown) != 0 {
			t.Errorf("a visit without an order risks %+v", shown)
		}
		s.finish()
	}
	if risks, err := o.Risks(t.Context(), "sh"); err != nil || len(risks) != 0 {
		t.Errorf("nothing is open and at risk is %v (%v)", risks, err)
	}
	if _, err := o.State("nowhere"); err == nil {
		t.Error("a store of others has a state")
	}
}

// TestNotEnoughHistory: nothing is estimated, and it says why, until there is enough.
func TestNotEnoughHistory(t *testing.T) {
	s := newShop(t)
	s.days(10)
	o := s.outlook()
	if err := o.Train(t.Context(), "sh"); !errors.Is(err, risk.ErrHistory) {
		t.Errorf("forty orders: %v", err)
	}
	if rep, err := o.Report("sh"); err != nil || rep.Estimating || rep.Why != "not enough history yet" || rep.Calibration != nil {
		t.Errorf("without history the report is %+v (%v)", rep, err)
	}
	s.sign()
	if risks, err := o.Risks(t.Context(), "sh"); err != nil || risks != nil {
		t.Errorf("without history the risks are %v (%v)", risks, err)
	}
	s.finish()
	s.days(40)
	if err := o.Train(t.Context(), "sh"); err != nil {
		t.Errorf("two hundred orders: %v", err)
	}
}

// TestTrainsAgain: a running outlook learns as history grows.
func TestTrainsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		o := s.outlook()
		done := make(chan error, 1)
		ctx := t.Context()
		go func() { done <- o.Run(ctx) }()
		<-o.Ready()
		synctest.Wait()
		if state, _ := o.State("sh"); !errors.Is(state.Err, risk.ErrHistory) {
			t.Errorf("at first: %v", state.Err)
		}
		s.days(60)
		time.Sleep(6*time.Hour + time.Second)
		synctest.Wait()
		if state, _ := o.State("sh"); state.Err != nil || state.Model == nil {
			t.Errorf("six hours later: %v", state.Err)
		}
	})
}

// counted counts how often a store's history is read, and may refuse.
type counted struct {
	outlook.History

	mu     sync.Mutex
	read   map[string]int
	refuse error
	has    string // the store that is ours
}

func (c *counted) set(has string, refuse error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has, c.refuse = has, refuse
}

func (c *counted) ours(store string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return store == c.has
}

func (c *counted) Facts(ctx context.Context, store string, q figures.Query) ([]kpi.Fact, figures.Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read[store]++
	if c.refuse != nil {
		return nil, figures.Answer{}, c.refuse
	}
	return c.History.Facts(ctx, store, q)
}

// TestTrainsItsOwn: an office trains the stores it has and no others, one that comes
// to it soon, forgets one that leaves, and tries again when history cannot be read.
func TestTrainsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.days(60)
		stores := []backoffice.Store{{Name: "sh", Calendar: cal}, {Name: "bj", Calendar: cal}}
		now := func() time.Time { return time.Unix(0, s.now.Load()).In(zone) }
		f, err := figures.New(figures.Config{Ledger: s.book, Stores: stores, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		h := &counted{History: f, read: map[string]int{}, has: "bj"}
		o, err := outlook.New(outlook.Config{History: h, Stores: stores, Now: now, Ours: h.ours})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = o.Run(t.Context()) }()
		later := func(d time.Duration) {
			time.Sleep(d) // of the bubble
			synctest.Wait()
		}
		later(time.Hour)
		if h.read["bj"] != 1 || h.read["sh"] != 0 {
			t.Errorf("with one store of two they were read %v times", h.read)
		}
		if rep, err := o.Report("sh"); err != nil || rep.Estimating || rep.Why != outlook.ErrElsewhere.Error() {
			t.Errorf("of a store that another has: %+v (%v)", rep, err)
		}
		h.set("sh", errors.New("no ledger"))
		later(time.Minute)
		if rep, err := o.Report("sh"); err != nil || rep.Why != "history cannot be read" || h.read["sh"] != 1 {
			t.Errorf("without a ledger, read %v times: %+v (%v)", h.read, rep, err)
		}
		h.set("sh", nil)
		later(10 * time.Minute)
		if rep, err := o.Report("sh"); err != nil || !rep.Estimating || h.read["sh"] != 2 || h.read["bj"] != 1 {
			t.Errorf("after it came, read %v times: %+v (%v)", h.read, rep, err)
		}
		h.set("", nil)
		later(time.Minute)
		if state, _ := o.State("sh"); state.Model != nil || !errors.Is(state.Err, outlook.ErrElsewhere) {
			t.Errorf("a store that left keeps %+v", state)
		}
	})
}
