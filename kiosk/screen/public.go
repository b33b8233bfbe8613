package screen

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
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

// health is what /healthz says.
type health struct {
	OK        bool           `json:"ok"`
	Version   string         `json:"version"`
	Head      uint64         `json:"head"`
	Clock     kiosk.Quality  `json:"clock"`
	Outbox    outboxHealth   `json:"outbox"`
	Paper     int            `json:"paper_pending"`
	Visits    int            `json:"visits_open"`
	Devices   []deviceHealth `json:"devices"`
	HelpCalls []string       `json:"help"`
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

// healthz says how the kiosk is. OK means that it takes scans and stores them; a
// missing device or back office does not stop that.
func (h *handler) healthz(w http.ResponseWriter, _ *http.Request) {
	s := h.st.Snapshot()
	out := health{OK: s.Ready, Version: s.Version, Head: s.Head, Clock: s.Clock, Paper: s.Paper, Visits: len(s.Visits), HelpCalls: s.Help,
		Outbox: outboxHealth{Depth: s.Outbox.Depth, OldestMS: s.Outbox.Oldest.Milliseconds(), Receipted: s.Outbox.Receipted, Connected: s.Outbox.Connected}}
	for _, d := range s.Devices {
		out.Devices = append(out.Devices, deviceHealth{Name: d.Name, Kind: d.Kind, Up: d.Up, Reason: d.Reason, Reconnects: d.Reconnects})
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

// metrics are the same figures for Prometheus.
func (h *handler) metrics(w http.ResponseWriter, _ *http.Request) {
	s := h.st.Snapshot()
	var b strings.Builder
	metric := func(name, kind, help string, samples ...string) {
		fmt.Fprintf(&b, "# HELP baylight_%s %s\n# TYPE baylight_%s %s\n", name, help, name, kind)
		for _, line := range samples {
			fmt.Fprintf(&b, "baylight_%s%s\n", name, line)
		}
	}
	one := func(v any) string { return fmt.Sprintf(" %v", v) }
	metric("build_info", "gauge", "Version of the daemon.", label("version", s.Version)+" 1")
	metric("journal_head", "gauge", "Sequence of the last durable event.", one(s.Head))
	metric("outbox_depth", "gauge", "Events without receipt from the back office.", one(s.Outbox.Depth))
	metric("outbox_oldest_seconds", "gauge", "Age of the oldest event without receipt.", one(s.Outbox.Oldest.Seconds()))
	metric("outbox_receipted", "gauge", "All events up to this sequence are receipted.", one(s.Outbox.Receipted))
	metric("broker_connected", "gauge", "1 while connected to the broker.", one(bit(s.Outbox.Connected)))
	metric("paper_pending", "gauge", "Documents not yet sent to a printer.", one(s.Paper))
	metric("clock_synced", "gauge", "1 if the clock is synchronised.", one(bit(s.Clock == kiosk.Synced)))
	metric("streams", "gauge", "Browsers that listen for changes.", one(h.streams.Load()))
	stages := map[kiosk.Stage]int{}
	for _, v := range s.Visits {
		stages[v.StageAt(h.now())]++
	}
	var lines []string
	for _, stage := range kiosk.Stages() {
		lines = append(lines, label("stage", string(stage))+one(stages[stage]))
	}
	metric("visits_open", "gauge", "Open visits by stage.", lines...)
	lines = nil
	for _, bay := range s.Bays {
		lines = append(lines, label("bay", bay.Bay.ID, "state", string(cmp.Or(bay.State, floor.LampFree)))+" 1")
	}
	metric("bay_state", "gauge", "Present state of each bay.", lines...)
	var reconnects []string
	lines = nil
	for _, d := range s.Devices {
		l := label("device", d.Name, "kind", d.Kind)
		lines = append(lines, l+one(bit(d.Up)))
		reconnects = append(reconnects, l+one(d.Reconnects))
	}
	metric("device_up", "gauge", "1 while the device works.", lines...)
	metric("device_reconnects_total", "counter", "How often the device came back.", reconnects...)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write([]byte(b.String()))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// label is {name="value",…} as Prometheus escapes it.
func label(pairs ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+`="`+escape.Replace(pairs[i+1])+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}"
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
