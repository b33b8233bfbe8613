// Package metrics tells Prometheus how a back office is, in its text format.
//
//	GET /metrics ─▶ what office, ledger and figures say of themselves ─▶ text
//
// A scrape reads what is kept anyway; nothing is counted twice to be shown here,
// and between scrapes nothing happens (see kiosk/promtext). A test reads the output as
// a scraper does.
//
// No personal data: labels are names of stores and boards.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"baylight/kiosk/health"
	"baylight/kiosk/promtext"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// Office is the back office; *backoffice.Office is one.
type Office interface {
	Stores() []backoffice.Store
	Ledger() backoffice.Ledger
	Now() time.Time
	Kiosks(store string) ([]backoffice.Kiosk, error)
	Counts() backoffice.Counts
	Commits() backoffice.Commits
	Waiting(store string) time.Duration
	Queued() int
	Alarms() []backoffice.Alarm
}

// Config is what is told of.
type Config struct {
	Office Office
	// Calibrated is the end of the period that late-risk of a store was last held
	// against, by shop time; zero if there was none. nil: nothing is told of it.
	Calibrated func(store string) time.Time
	// Reasons are what is not as it should be; nil: nothing is told of it.
	Reasons func(ctx context.Context) []health.Reason
	Version string
	Log     *slog.Logger // nil discards
}

// maxStale bounds how many stale visits of a store are counted.
const maxStale = 1000

// Handler answers a scrape.
func Handler(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := c.text(r.Context())
		if err != nil {
			if r.Context().Err() == nil {
				c.Log.Error("metrics", "err", err)
			}
			http.Error(w, "the back office could not read its ledger; its log says why", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", promtext.ContentType)
		_, _ = w.Write(b) // the reader may have gone
	})
}

func (c Config) text(ctx context.Context) ([]byte, error) {
	w := &promtext.Writer{}
	w.Family("baylight_build_info", promtext.Gauge, "Always 1; the label tells the version.")
	w.Value("baylight_build_info", 1, "version", c.Version)
	if c.Reasons != nil {
		w.One("baylight_office_health_level", promtext.Gauge, "How the back office is: 0 ok, 1 degraded, 2 losing data; /healthz names the reasons.", float64(health.Worst(c.Reasons(ctx)).Number()))
	}
	if err := c.ingest(ctx, w); err != nil {
		return nil, err
	}
	stores := make([]storeState, 0, len(c.Office.Stores()))
	for _, s := range c.Office.Stores() {
		st, err := c.state(ctx, s)
		if err != nil {
			return nil, err
		}
		stores = append(stores, st)
	}
	c.perStore(w, stores)
	c.perKiosk(w, stores)
	return w.Bytes(), nil
}

// ingest is how events come in.
func (c Config) ingest(ctx context.Context, w *promtext.Writer) error {
	position, err := c.Office.Ledger().Position(ctx)
	if err != nil {
		return err
	}
	n := c.Office.Counts()
	w.One("baylight_ledger_position", promtext.Gauge, "Highest position of the ledger.", float64(position))
	w.One("baylight_queue_messages", promtext.Gauge, "Messages that wait to be committed.", float64(c.Office.Queued()))
	w.One("baylight_messages_total", promtext.Counter, "Messages taken in.", float64(n.Messages))
	w.One("baylight_events_total", promtext.Counter, "Events that were new.", float64(n.Events))
	w.One("baylight_duplicates_total", promtext.Counter, "Events that were there already.", float64(n.Duplicates))
	w.One("baylight_conflicts_total", promtext.Counter, "Other events in the place of one.", float64(n.Conflicts))
	w.One("baylight_rejected_total", promtext.Counter, "Messages kept aside.", float64(n.Rejected))
	w.One("baylight_batches_total", promtext.Counter, "Transactions.", float64(n.Batches))
	w.One("baylight_commit_retries_total", promtext.Counter, "Transactions that failed and were tried again.", float64(n.Retries))
	w.One("baylight_receipts_total", promtext.Counter, "Receipts acknowledged by the broker.", float64(n.Receipts))
	w.One("baylight_alarms", promtext.Gauge, "Alarms remembered since the start, at most 100.", float64(len(c.Office.Alarms())))
	t := c.Office.Commits()
	w.Durations("baylight_commit_seconds", "How long transactions of the ingest took.", backoffice.CommitBounds(), t.Buckets, t.N, t.Sum)
	return nil
}

// storeState is what is told of one store.
type storeState struct {
	backoffice.Store
	gaps       uint64
	destroyed  uint64
	stale      int
	through    uint64 // position that figures are true for
	waiting    time.Duration
	calibrated time.Time
	kiosks     []backoffice.Kiosk
}

func (c Config) state(ctx context.Context, s backoffice.Store) (st storeState, err error) {
	st = storeState{Store: s, waiting: c.Office.Waiting(s.Name)}
	book := c.Office.Ledger()
	sources, err := book.Sources(ctx, s.Name)
	if err != nil {
		return st, err
	}
	for _, src := range sources {
		st.destroyed += src.Destroyed
		for _, e := range src.Epochs {
			for _, g := range e.Gaps {
				st.gaps += g.Last - g.First + 1
			}
		}
	}
	folded, err := book.Folded(ctx, s.Name)
	if err != nil {
		return st, err
	}
	stale, err := book.Stale(ctx, s.Name, folded.Next, maxStale)
	if err != nil {
		return st, err
	}
	st.stale, st.through = len(stale), folded.Through
	if c.Calibrated != nil {
		st.calibrated = c.Calibrated(s.Name)
	}
	st.kiosks, err = c.Office.Kiosks(s.Name)
	return st, err
}

func (c Config) perStore(w *promtext.Writer, stores []storeState) {
	each := func(name, kind, help string, v func(storeState) float64) {
		w.Family(name, kind, help)
		for _, s := range stores {
			w.Value(name, v(s), "store", s.Name)
		}
	}
	each("baylight_gap_events", promtext.Gauge, "Events that are missing below others and are asked for again.", func(s storeState) float64 { return float64(s.gaps) })
	each("baylight_destroyed_events", promtext.Gauge, "Events that boards reported as destroyed.", func(s storeState) float64 { return float64(s.destroyed) })
	each("baylight_receipt_wait_seconds", promtext.Gauge, "For how long the oldest receipt waits to be sent; 0 if none does.", func(s storeState) float64 { return s.waiting.Seconds() })
	each("baylight_rollup_stale_visits", promtext.Gauge, "Visits that changed since their figures were folded, counted to "+strconv.Itoa(maxStale)+".", func(s storeState) float64 { return float64(s.stale) })
	each("baylight_rollup_position", promtext.Gauge, "Position of the ledger that folded figures are true for; 0 in the middle of folding.", func(s storeState) float64 { return float64(s.through) })
	if c.Calibrated != nil {
		w.Family("baylight_risk_calibration_age_seconds", promtext.Gauge, "Since the end of the period that late-risk was last held against; absent if there was none.")
		for _, s := range stores {
			if !s.calibrated.IsZero() {
				w.Value("baylight_risk_calibration_age_seconds", c.Office.Now().Sub(s.calibrated).Seconds(), "store", s.Name)
			}
		}
	}
	w.Family("baylight_kiosks", promtext.Gauge, "Boards by the state of their connection.")
	for _, s := range stores {
		states := map[wire.State]int{wire.Ready: 0, wire.Disconnected: 0, wire.Lost: 0}
		for _, k := range s.kiosks {
			if k.Conn.State != "" {
				states[k.Conn.State]++
			}
		}
		for _, state := range []wire.State{wire.Ready, wire.Disconnected, wire.Lost} {
			w.Value("baylight_kiosks", float64(states[state]), "store", s.Name, "state", string(state))
		}
	}
}

// perKiosk is what boards last said of themselves.
func (c Config) perKiosk(w *promtext.Writer, stores []storeState) {
	each := func(name, help string, v func(backoffice.Kiosk) float64) {
		w.Family(name, promtext.Gauge, help)
		for _, s := range stores {
			for _, k := range s.kiosks {
				if !k.Heard.IsZero() {
					w.Value(name, v(k), "store", s.Name, "kiosk", k.Name)
				}
			}
		}
	}
	each("baylight_kiosk_heard_seconds", "Since the board last told its health.", func(k backoffice.Kiosk) float64 { return c.Office.Now().Sub(k.Heard).Seconds() })
	each("baylight_kiosk_outbox_events", "Events that the board has and no receipt covers.", func(k backoffice.Kiosk) float64 { return float64(k.Health.Outbox.Depth) })
	each("baylight_kiosk_outbox_age_seconds", "Age of the oldest of them.", func(k backoffice.Kiosk) float64 { return float64(k.Health.Outbox.OldestMs) / 1000 })
	each("baylight_kiosk_disk_free_bytes", "Free on the board's disk.", func(k backoffice.Kiosk) float64 { return float64(k.Health.DiskFree) })
	each("baylight_kiosk_devices_down", "Devices of the board that do not work.", func(k backoffice.Kiosk) float64 {
		n := 0
		for _, d := range k.Health.Devices {
			if d.State != "up" {
				n++
			}
		}
		return float64(n)
	})
	w.Family("baylight_kiosk_health_level", promtext.Gauge, "How the board says it is: 0 ok, 1 degraded, 2 losing data; absent for boards that do not say.")
	for _, s := range stores {
		for _, k := range s.kiosks {
			if !k.Heard.IsZero() && k.Health.Level != "" {
				w.Value("baylight_kiosk_health_level", float64(health.Level(k.Health.Level).Number()), "store", s.Name, "kiosk", k.Name)
			}
		}
	}
	each("baylight_kiosk_alarms", "What the board says a person must look at.", func(k backoffice.Kiosk) float64 { return float64(len(k.Health.Alarms)) })
}
