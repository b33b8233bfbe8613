// Package outlook keeps late-risk up to date: a [risk.Model] for each store,
// trained anew a few times a day on what its folder of figures knows, and how well
// it did on a hold-out period. A model that does no better there than guessing is
// not used. Everything follows from the ledger; nothing is kept on disk.
//
// Times come from Config.Now; Run is the only goroutine that outlives a call.
package outlook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/risk"
	"baylight/sync/wire"
)

// ErrNoBetter says that estimates did no better than guessing on the hold-out period.
var ErrNoBetter = errors.New("the estimates do no better than guessing")

// History is what an Outlook learns from; a figures.Folder is one.
type History interface {
	// Facts are those with a part in the period of a question.
	Facts(ctx context.Context, store string, q figures.Query) ([]kpi.Fact, figures.Answer, error)
	// Open are the visits that have not ended.
	Open(ctx context.Context, store string) ([]*kiosk.Visit, uint64, error)
}

// Config is what an Outlook is made of.
type Config struct {
	History History
	Stores  []backoffice.Store
	Now     func() time.Time // shop time; time.Now if nil
	Every   time.Duration    // between two trainings; 6 h if 0
	Log     *slog.Logger     // nil discards
}

// Outlook estimates late-risk. It may be used by many goroutines.
type Outlook struct {
	cfg   Config
	log   *slog.Logger
	ready chan struct{}

	mu     sync.RWMutex
	stores map[string]State
}

// State is what is known about a store's risks.
type State struct {
	Calendar    kiosk.Calendar
	Bays        int              // that take work
	Model       *risk.Model      // nil: there is none
	Err         error            // why: risk.ErrHistory (not enough yet), ErrNoBetter, or reading failed
	Calibration risk.Calibration // zero without enough history
}

// New makes an Outlook.
func New(cfg Config) (*Outlook, error) {
	if cfg.History == nil || len(cfg.Stores) == 0 {
		return nil, errors.New("make outlook: a history and at least one store are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Every = cmp.Or(cfg.Every, 6*time.Hour)
	o := &Outlook{cfg: cfg, log: cfg.Log, ready: make(chan struct{}), stores: map[string]State{}}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	for _, s := range cfg.Stores {
		o.stores[s.Name] = State{Calendar: s.Calendar, Bays: len(s.Bays), Err: risk.ErrHistory}
	}
	return o, nil
}

// String names the task.
func (o *Outlook) String() string { return "outlook" }

// Ready is closed at once: what there is to say is said without a model, too.
func (o *Outlook) Ready() <-chan struct{} { return o.ready }

// Run trains every store's model, and again every Config.Every, until ctx ends.
func (o *Outlook) Run(ctx context.Context) error {
	close(o.ready)
	tick := time.NewTicker(o.cfg.Every)
	defer tick.Stop()
	for {
		for _, s := range o.cfg.Stores {
			if err := o.Train(ctx, s.Name); err != nil && ctx.Err() == nil && !errors.Is(err, risk.ErrHistory) {
				o.log.Warn("late-risk is not estimated", "store", s.Name, "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Train makes a store's model anew. If history cannot be read the old one stays.
func (o *Outlook) Train(ctx context.Context, store string) error {
	s, err := o.State(store)
	if err != nil {
		return err
	}
	now := o.cfg.Now()
	facts, _, err := o.cfg.History.Facts(ctx, store, figures.Query{
		From: s.Calendar.Midnight(now.Add(-risk.Window)), To: s.Calendar.Midnight(s.Calendar.Midnight(now).Add(36 * time.Hour))})
	if err != nil {
		return fmt.Errorf("train late-risk of %s: %w", store, err)
	}
	s.Bays = max(s.Bays, baysOf(facts, now))
	s.Calibration, s.Err = risk.Calibrate(facts, s.Calendar, s.Bays, now)
	if s.Err == nil && !s.Calibration.Better() {
		s.Err = ErrNoBetter
	}
	s.Model = nil
	if s.Err == nil {
		s.Model, s.Err = risk.Train(facts, s.Calendar, s.Bays, now)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stores[store] = s
	return s.Err
}

// baysOf is how many bays had work in the last month.
func baysOf(facts []kpi.Fact, now time.Time) int {
	since, bays := kpi.InstantOf(now.AddDate(0, -1, 0)), map[string]bool{}
	for i := range facts {
		for k := range facts[i].Jobs {
			for _, s := range facts[i].Jobs[k].Spans {
				if s.From >= since {
					bays[s.Bay] = true
				}
			}
		}
	}
	return len(bays)
}

// State is what is known about a store's risks.
func (o *Outlook) State(store string) (State, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	s, ok := o.stores[store]
	if !ok {
		return State{}, fmt.Errorf("read late-risk: store %.60q is not one of this back office", store)
	}
	return s, nil
}

// Of estimates the risks of open visits, by id: of those that have one; nil
// without a model.
func (o *Outlook) Of(store string, open []*kiosk.Visit, now time.Time) map[string]risk.Risk {
	s, err := o.State(store)
	if err != nil || s.Model == nil {
		return nil
	}
	out := map[string]risk.Risk{}
	for _, v := range open {
		if r, ok := s.Model.Assess(v, risk.ShopOf(v, open, s.Calendar, s.Bays, now), now); ok {
			out[v.ID] = r
		}
	}
	return out
}

// Risks is Of for the visits that are open now.
func (o *Outlook) Risks(ctx context.Context, store string) (map[string]risk.Risk, error) {
	open, _, err := o.cfg.History.Open(ctx, store)
	if err != nil {
		return nil, err
	}
	return o.Of(store, open, o.cfg.Now()), nil
}

// Shown is Of as boards are told (backoffice.Config Risks).
func (o *Outlook) Shown(store string, open []*kiosk.Visit, now time.Time) map[string]wire.Risk {
	out := map[string]wire.Risk{}
	for id, r := range o.Of(store, open, now) {
		out[id] = wire.Risk{P: wire.Probability(r.P), Reason: string(r.Reason), At: r.At}
	}
	return out
}
