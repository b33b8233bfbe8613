package screen

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/promtext"
	"baylight/kiosk/words"
)

// bay is the screen beside a bay's lamp.
func (h *handler) bay(w http.ResponseWriter, r *http.Request) {
	p := h.page(r, "bay", "screen.bay")
	b, ok := p.Snap.Bay(r.PathValue("id"))
	if !ok {
		h.refuse(w, r, http.StatusNotFound, notFound)
		return
	}
	p.Place, p.Data = b.Bay.ID, b
	h.show(w, http.StatusOK, p)
}

// calledFor is how long a called number stays on the board.
const calledFor = 10 * time.Minute

// boardView is the waiting room's board.
type boardView struct {
	Called []*kiosk.Visit // lately, the latest first
	Visits []*kiosk.Visit
	Many   bool // more than are large on one page
}

func (h *handler) board(w http.ResponseWriter, r *http.Request) {
	p := h.page(r, "board", "screen.board")
	var d boardView
	for _, v := range p.Snap.Visits {
		if !v.Known() {
			continue
		}
		d.Visits = append(d.Visits, v)
		if !v.Called.IsZero() && p.Now.Sub(v.Called) < calledFor {
			d.Called = append(d.Called, v)
		}
	}
	slices.SortStableFunc(d.Called, func(a, b *kiosk.Visit) int { return b.Called.Compare(a.Called) })
	d.Called = d.Called[:min(len(d.Called), 3)]
	d.Many = len(d.Visits) > 24
	p.Data = d
	h.show(w, http.StatusOK, p)
}

// condition is what /healthz says.
type condition struct {
	OK        bool           `json:"ok"`
	Level     health.Level   `json:"level"` // ok, degraded or losing
	Reasons   []reason       `json:"reasons"`
	Version   string         `json:"version"`
	Head      uint64         `json:"head"`
	Clock     kiosk.Quality  `json:"clock"`
	Outbox    outboxHealth   `json:"outbox"`
	Paper     int            `json:"paper_pending"`
	Visits    int            `json:"visits_open"`
	Devices   []deviceHealth `json:"devices"`
	HelpCalls []string       `json:"help"`
}

// reason is one thing that is not as it should be, for machines and people.
type reason struct {
	Level  health.Level `json:"level"`
	Code   string       `json:"code"`
	ZH     string       `json:"zh"`
	EN     string       `json:"en"`
	Detail string       `json:"detail,omitempty"`
}

type outboxHealth struct {
	Depth     uint64 `json:"depth"`
	OldestMS  int64  `json:"oldest_ms"`
	Receipted uint64 `json:"receipted"`
	Connected bool   `json:"connected"`
}

type deviceHealth struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Up         bool   `json:"up"`
	Reason     string `json:"reason,omitempty"`
	Reconnects int    `json:"reconnects"`
}

// healthz says how the kiosk is. OK, and a status of 200, mean that it takes scans
// and stores them: a missing device or back office does not stop that. The level
// tells a printer without paper from a board that loses data.
func (h *handler) healthz(w http.ResponseWriter, _ *http.Request) {
	s := h.st.Snapshot()
	out := condition{OK: s.Ready, Level: health.Worst(s.Reasons), Reasons: []reason{}, Version: s.Version, Head: s.Head, Clock: s.Clock, Paper: s.Paper, Visits: len(s.Visits), HelpCalls: s.Help,
		Outbox: outboxHealth{Depth: s.Outbox.Depth, OldestMS: s.Outbox.Oldest.Milliseconds(), Receipted: s.Outbox.Receipted, Connected: s.Outbox.Connected}}
	for _, d := range s.Devices {
		out.Devices = append(out.Devices, deviceHealth{Name: d.Name, Kind: d.Kind, Up: d.Up, Reason: d.Reason, Reconnects: d.Reconnects})
	}
	for _, r := range s.Reasons {
		out.Reasons = append(out.Reasons, reason{r.Level, r.Code, r.Text.In(words.ZH), r.Text.In(words.EN), r.Detail})
	}
	status := http.StatusOK
	if !s.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, "application/json", status, out)
}

func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) {
	ready := h.st.Snapshot().Ready
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, "application/json", status, map[string]bool{"ready": ready})
}

// metrics are the same figures for Prometheus, and what Config.Metrics adds.
func (h *handler) metrics(w http.ResponseWriter, _ *http.Request) {
	s := h.st.Snapshot()
	b := &promtext.Writer{}
	b.Family("baylight_build_info", promtext.Gauge, "Always 1; the label tells the version.")
	b.Value("baylight_build_info", 1, "version", s.Version)
	b.One("baylight_journal_head", promtext.Gauge, "Sequence of the last durable event.", float64(s.Head))
	b.One("baylight_outbox_depth", promtext.Gauge, "Events without receipt from the back office.", float64(s.Outbox.Depth))
	b.One("baylight_outbox_oldest_seconds", promtext.Gauge, "Age of the oldest event without receipt.", s.Outbox.Oldest.Seconds())
	b.One("baylight_outbox_receipted", promtext.Gauge, "All events up to this sequence are receipted.", float64(s.Outbox.Receipted))
	b.One("baylight_broker_connected", promtext.Gauge, "1 while connected to the broker.", promtext.Bit(s.Outbox.Connected))
	b.One("baylight_paper_pending", promtext.Gauge, "Documents not yet sent to a printer.", float64(s.Paper))
	b.One("baylight_clock_synced", promtext.Gauge, "1 if the clock is synchronised.", promtext.Bit(s.Clock == kiosk.Synced))
	b.One("baylight_streams", promtext.Gauge, "Browsers that listen for changes.", float64(h.streams.Load()))
	stages := map[kiosk.Stage]int{}
	for _, v := range s.Visits {
		stages[v.StageAt(h.now())]++
	}
	b.Family("baylight_visits_open", promtext.Gauge, "Open visits by stage.")
	for _, stage := range kiosk.Stages() {
		b.Value("baylight_visits_open", float64(stages[stage]), "stage", string(stage))
	}
	b.Family("baylight_bay_state", promtext.Gauge, "1 for the present state of each bay.")
	for _, bay := range s.Bays {
		b.Value("baylight_bay_state", 1, "bay", bay.Bay.ID, "state", string(cmp.Or(bay.State, floor.LampFree)))
	}
	b.Family("baylight_device_up", promtext.Gauge, "1 while the device works.")
	for _, d := range s.Devices {
		b.Value("baylight_device_up", promtext.Bit(d.Up), "device", d.Name, "kind", d.Kind)
	}
	b.Family("baylight_device_reconnects_total", promtext.Counter, "How often the device came back.")
	for _, d := range s.Devices {
		b.Value("baylight_device_reconnects_total", float64(d.Reconnects), "device", d.Name, "kind", d.Kind)
	}
	b.One("baylight_health_level", promtext.Gauge, "How the board is: 0 ok, 1 degraded, 2 losing data.", float64(health.Worst(s.Reasons).Number()))
	b.Family("baylight_health_reasons", promtext.Gauge, "What is not as it should be, by code.")
	for _, code := range codes(s.Reasons) {
		b.Value("baylight_health_reasons", float64(code.n), "code", code.code)
	}
	if h.cfg.Metrics != nil {
		h.cfg.Metrics(b)
	}
	w.Header().Set("Content-Type", promtext.ContentType)
	w.Write(b.Bytes())
}

// counted is how many reasons have a code.
type counted struct {
	code string
	n    int
}

func codes(reasons []health.Reason) (out []counted) {
	for _, r := range reasons {
		i := slices.IndexFunc(out, func(c counted) bool { return c.code == r.Code })
		if i < 0 {
			out, i = append(out, counted{r.Code, 0}), len(out)
		}
		out[i].n++
	}
	return out
}

// change is what every open browser hears: counters, nothing personal.
type change struct {
	Run  string            `json:"run"` // another one: the daemon was restarted, forms have expired
	Head uint64            `json:"head"`
	Said map[string]uint64 `json:"said"`
}

// stream tells a browser that something changed, as server-sent events; it ends
// with the browser or with the server.
func (h *handler) stream(w http.ResponseWriter, r *http.Request) {
	if h.streams.Add(1) > maxStreams {
		h.streams.Add(-1)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	defer h.streams.Add(-1)
	if r.URL.Query().Get("at") == floor.Reception {
		defer h.st.Attend()()
	}
	changed, cancel := h.st.Subscribe()
	defer cancel()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	_ = out.SetReadDeadline(time.Time{}) // nothing more is read; the server's limit would end the stream
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	message := h.change()
	for {
		_ = out.SetWriteDeadline(time.Now().Add(writeWithin))
		if _, err := w.Write(message); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
			message = h.change()
		case <-beat.C:
			message = []byte(":\n\n")
		}
	}
}

func (h *handler) change() []byte {
	s := h.st.Snapshot()
	c := change{Run: h.run, Head: s.Head, Said: map[string]uint64{}}
	for place, said := range s.Said {
		c.Said[place] = said.N
	}
	b, err := json.Marshal(c)
	if err != nil {
		return []byte(":\n\n")
	}
	return fmt.Appendf(nil, "retry: 1000\nevent: change\ndata: %s\n\n", b)
}
