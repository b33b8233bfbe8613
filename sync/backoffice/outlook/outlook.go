// Package outlook keeps late-risk up to date: a [risk.Model] for each store,
// trained anew a few times a day on what its folder of figures knows, and how well
// it did on a hold-out period. A model that does no better there than guessing is
// not used. Everything follows from the ledger; nothing is kept on disk.
//
// Of offices that share a ledger each trains the stores it has, and forgets what it
// learnt of a store that moves to another. Training one store after the other takes
// at most a twentieth of the time, so that taking in events comes first.
//
// Times come from Config.Now, pauses from package time; Run is the only goroutine
// that outlives a call.
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

// ErrElsewhere says that another back office has the store, and estimates.
var ErrElsewhere = errors.New("another back office has the store and estimates there")

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
	Every   time.Duration    // between two trainings of a store; 6 h if 0
	Look    time.Duration    // between two looks for stores to train; 10 s if 0

	// Ours says whether a store is trained here; nil: all are.
	Ours func(store string) bool

	Log *slog.Logger // nil discards
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
	Err         error            // why: risk.ErrHistory (not enough yet), ErrNoBetter, ErrElsewhere, or reading failed
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
	cfg.Every, cfg.Look = cmp.Or(cfg.Every, 6*time.Hour), cmp.Or(cfg.Look, 10*time.Second)
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

const (
	restFor = 19              // a pause is so many times as long as the training before it
	again   = 5 * time.Minute // until a store whose history could not be read is tried again
)

// Run trains the model of each store that is ours, and again every Config.Every,
// until ctx ends.
func (o *Outlook) Run(ctx context.Context) error {
	close(o.ready)
	trained := map[string]time.Time{}
	for {
		pause := o.cfg.Look
		if store := o.next(trained); store != "" {
			began := time.Now()
			err := o.Train(ctx, store)
			trained[store] = began
			pause = restFor * time.Since(began)
			if err != nil && ctx.Err() == nil && !errors.Is(err, risk.ErrHistory) {
				o.log.Warn("late-risk is not estimated", "store", store, "err", err)
				if !errors.Is(err, ErrNoBetter) { // it could not be read
					trained[store], pause = began.Add(again-o.cfg.Every), o.cfg.Look
				}
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// next is the store of ours whose training is due, that which was never trained or
// longest ago; "" if none is. What was learnt of stores that left is forgotten.
func (o *Outlook) next(trained map[string]time.Time) (store string) {
	for _, s := range o.cfg.Stores {
		if !o.ours(s.Name) {
			delete(trained, s.Name)
			o.set(s.Name, State{Calendar: s.Calendar, Bays: len(s.Bays), Err: ErrElsewhere})
			continue
		}
		at, done := trained[s.Name]
		if done && time.Since(at) < o.cfg.Every {
			continue
		}
		if store == "" || at.Before(trained[store]) {
			store = s.Name
		}
	}
	return store
}

func (o *Outlook) ours(store string) bool { return o.cfg.Ours == nil || o.cfg.Ours(store) }

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
		err = fmt.Errorf("train late-risk of %s: %w", store, err)
		if s.Model == nil {
			s.Err = err
			o.set(store, s)
		}
		return err
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
	o.set(store, s)
	return s.Err
}

func (o *Outlook) set(store string, s State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stores[store] = s
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
