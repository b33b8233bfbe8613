// Package metrics tells Prometheus how a back office is, in its text format.
//
//	GET /metrics ─▶ what office, ledger and figures say of themselves ─▶ text
//
// A scrape reads what is kept anyway; nothing is counted twice to be shown here,
// and between scrapes nothing happens. That is why the few lines of the format
// are written here and not by prometheus/client_golang: its registry would hold
// copies of numbers that others own, for a dozen more modules. A test reads the
// output as a scraper does.
//
// No personal data: labels are names of stores and boards.
package metrics

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	Version    string
	Log        *slog.Logger // nil discards
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
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(b) // the reader may have gone
	})
}

// writer writes families of metrics.
type writer struct{ bytes.Buffer }

// Kinds of metric.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

func (w *writer) family(name, kind, help string) {
	w.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// value writes one line; labels are names and values in turn.
func (w *writer) value(name string, v float64, labels ...string) {
	w.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		w.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		w.WriteString(labels[i] + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		w.WriteByte('}')
	}
	w.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

func (w *writer) one(name, kind, help string, v float64) {
	w.family(name, kind, help)
	w.value(name, v)
}

func (c Config) text(ctx context.Context) ([]byte, error) {
	w := &writer{}
	w.family("baylight_build_info", gauge, "Always 1; the label tells the version.")
	w.value("baylight_build_info", 1, "version", c.Version)
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
func (c Config) ingest(ctx context.Context, w *writer) error {
	position, err := c.Office.Ledger().Position(ctx)
	if err != nil {
		return err
	}
	n := c.Office.Counts()
	w.one("baylight_ledger_position", gauge, "Highest position of the ledger.", float64(position))
	w.one("baylight_queue_messages", gauge, "Messages that wait to be committed.", float64(c.Office.Queued()))
	w.one("baylight_messages_total", counter, "Messages taken in.", float64(n.Messages))
	w.one("baylight_events_total", counter, "Events that were new.", float64(n.Events))
	w.one("baylight_duplicates_total", counter, "Events that were there already.", float64(n.Duplicates))
	w.one("baylight_conflicts_total", counter, "Other events in the place of one.", float64(n.Conflicts))
	w.one("baylight_rejected_total", counter, "Messages kept aside.", float64(n.Rejected))
	w.one("baylight_batches_total", counter, "Transactions.", float64(n.Batches))
	w.one("baylight_commit_retries_total", counter, "Transactions that failed and were tried again.", float64(n.Retries))
	w.one("baylight_receipts_total", counter, "Receipts acknowledged by the broker.", float64(n.Receipts))
	w.one("baylight_alarms", gauge, "Alarms remembered since the start, at most 100.", float64(len(c.Office.Alarms())))
	t := c.Office.Commits()
	w.family("baylight_commit_seconds", histogram, "How long transactions of the ingest took.")
	for i, most := range backoffice.CommitBounds() {
		count := uint64(0)
		if i < len(t.Buckets) {
			count = t.Buckets[i]
		}
		w.value("baylight_commit_seconds_bucket", float64(count), "le", strconv.FormatFloat(most.Seconds(), 'g', -1, 64))
	}
	w.value("baylight_commit_seconds_bucket", float64(t.N), "le", "+Inf")
	w.value("baylight_commit_seconds_sum", t.Sum.Seconds())
	w.value("baylight_commit_seconds_count", float64(t.N))
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

func (c Config) perStore(w *writer, stores []storeState) {
	each := func(name, kind, help string, v func(storeState) float64) {
		w.family(name, kind, help)
		for _, s := range stores {
			w.value(name, v(s), "store", s.Name)
		}
	}
	each("baylight_gap_events", gauge, "Events that are missing below others and are asked for again.", func(s storeState) float64 { return float64(s.gaps) })
	each("baylight_destroyed_events", gauge, "Events that boards reported as destroyed.", func(s storeState) float64 { return float64(s.destroyed) })
	each("baylight_receipt_wait_seconds", gauge, "For how long the oldest receipt waits to be sent; 0 if none does.", func(s storeState) float64 { return s.waiting.Seconds() })
	each("baylight_rollup_stale_visits", gauge, "Visits that changed since their figures were folded, counted to "+strconv.Itoa(maxStale)+".", func(s storeState) float64 { return float64(s.stale) })
	each("baylight_rollup_position", gauge, "Position of the ledger that folded figures are true for; 0 in the middle of folding.", func(s storeState) float64 { return float64(s.through) })
	if c.Calibrated != nil {
		w.family("baylight_risk_calibration_age_seconds", gauge, "Since the end of the period that late-risk was last held against; absent if there was none.")
		for _, s := range stores {
			if !s.calibrated.IsZero() {
				w.value("baylight_risk_calibration_age_seconds", c.Office.Now().Sub(s.calibrated).Seconds(), "store", s.Name)
			}
		}
	}
	w.family("baylight_kiosks", gauge, "Boards by the state of their connection.")
	for _, s := range stores {
		states := map[wire.State]int{wire.Ready: 0, wire.Disconnected: 0, wire.Lost: 0}
		for _, k := range s.kiosks {
			if k.Conn.State != "" {
				states[k.Conn.State]++
			}
		}
		for _, state := range []wire.State{wire.Ready, wire.Disconnected, wire.Lost} {
			w.value("baylight_kiosks", float64(states[state]), "store", s.Name, "state", string(state))
		}
	}
}

// perKiosk is what boards last said of themselves.
func (c Config) perKiosk(w *writer, stores []storeState) {
	each := func(name, help string, v func(backoffice.Kiosk) float64) {
		w.family(name, gauge, help)
		for _, s := range stores {
			for _, k := range s.kiosks {
				if !k.Heard.IsZero() {
					w.value(name, v(k), "store", s.Name, "kiosk", k.Name)
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
	each("baylight_kiosk_alarms", "What the board says a person must look at.", func(k backoffice.Kiosk) float64 { return float64(len(k.Health.Alarms)) })
}
