package dashboard

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

func answer(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the reader may have gone
	return nil
}

// kpiAnswer is GET /api/v1/kpi. Asking again with as_of and now gives the same
// figures to the letter.
type kpiAnswer struct {
	Definition string    `json:"definition"`
	Store      string    `json:"store"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	By         kpi.By    `json:"by"`
	AsOf       string    `json:"as_of"`
	Now        string    `json:"now"`
	Rows       []kpi.Row `json:"rows"`
}

func (d *dashboard) apiKPI(w http.ResponseWriter, r *http.Request) error {
	q, err := d.query(r)
	if err != nil {
		return err
	}
	rows := kpi.Compute(q.in, q.by)
	if rows == nil {
		rows = []kpi.Row{}
	}
	return answer(w, http.StatusOK, kpiAnswer{kpi.Definition, q.store.Name, q.fromDay, q.toDay, q.by, d.stamp(q.at), stampTime(q.store, q.in.Now), rows})
}

func stampTime(s backoffice.Store, t time.Time) string {
	return t.In(s.Calendar.Zone).Format("2006-01-02T15:04:05.000Z07:00")
}

// summary is one visit as lists show it. Absent times are null.
type summary struct {
	Visit        string           `json:"visit"`
	Order        string           `json:"order,omitempty"`
	Ticket       string           `json:"ticket"`
	Adviser      string           `json:"adviser"`
	Categories   []kiosk.Category `json:"categories"`
	CheckedIn    *string          `json:"checked_in"`
	Accepted     *string          `json:"accepted"`
	Signed       *string          `json:"signed"`
	FirstPromise *string          `json:"first_promise"`
	LastPromise  *string          `json:"last_promise"` // the last effective one
	Passed       *string          `json:"passed"`
	Washed       *string          `json:"washed"`
	Delivered    *string          `json:"delivered"`
	Cancelled    *string          `json:"cancelled"`
	Outcome      string           `json:"outcome,omitempty"`
	Stage        kiosk.Stage      `json:"stage"`
	Flags        []kiosk.Flag     `json:"flags"`
}

func summarise(s backoffice.Store, v *kiosk.Visit, now time.Time) summary {
	at := func(t time.Time) *string {
		if t.IsZero() {
			return nil
		}
		text := stampTime(s, t)
		return &text
	}
	out := summary{Visit: v.ID, Ticket: v.Ticket, Adviser: v.Adviser, Categories: []kiosk.Category{}, CheckedIn: at(v.Arrived), Accepted: at(v.Accepted),
		Passed: at(v.Passed), Washed: at(v.Washed), Delivered: at(v.Delivered), Outcome: v.Outcome, Stage: v.StageAt(now), Flags: slices.Clone(v.Flags)}
	if out.Flags == nil {
		out.Flags = []kiosk.Flag{}
	}
	if o := v.Order; o != nil {
		out.Order, out.Adviser, out.Signed, out.Cancelled = o.ID, o.Adviser, at(o.Signed), at(o.Cancelled)
		out.Categories = append(out.Categories, o.Categories()...)
	}
	if p, ok := v.FirstPromise(); ok {
		out.FirstPromise = at(p.Due)
	}
	if p, ok := v.EffectivePromise(); ok {
		out.LastPromise = at(p.Due)
	}
	return out
}

// apiOrders lists the visits behind a figure.
func (d *dashboard) apiOrders(w http.ResponseWriter, r *http.Request) error {
	q, err := d.query(r)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	variant, err := kpi.ParseVariant(v.Get("variant"))
	if err != nil {
		return bad("variant", err)
	}
	behind, err := kpi.Behind(q.in, cmp.Or(v.Get("kpi"), "orders"), v.Get("value"), variant)
	if err != nil {
		return bad("kpi", err)
	}
	orders := make([]summary, 0, len(behind))
	for _, b := range behind {
		orders = append(orders, summarise(q.store, b, q.in.Now))
	}
	return answer(w, http.StatusOK, map[string]any{"definition": kpi.Definition, "store": q.store.Name, "from": q.fromDay, "to": q.toDay,
		"kpi": cmp.Or(v.Get("kpi"), "orders"), "value": v.Get("value"), "variant": variant.String(), "as_of": d.stamp(q.at), "orders": orders})
}

// step is one event of a visit's history.
type step struct {
	Position  uint64            `json:"position"`
	ID        string            `json:"id"`
	Type      kiosk.Type        `json:"type"`
	Time      string            `json:"time"`     // the one that counts: stated, else corrected
	Recorded  string            `json:"recorded"` // corrected time of recording
	Stated    bool              `json:"stated"`   // Time was stated by a person
	Uncertain bool              `json:"uncertain"`
	Counted   bool              `json:"counted"`
	Voided    bool              `json:"voided"`
	Person    string            `json:"person"`         // none, present, erased or missing
	Scan      *kiosk.ScanRecord `json:"scan,omitempty"` // the raw scan that caused it
	Event     json.RawMessage   `json:"event"`          // its bytes

	decoded kiosk.Event
}

// history lists the events of a visit in the order in which they happened.
func (d *dashboard) history(ctx context.Context, s backoffice.Store, visit string) ([]step, error) {
	rows, err := d.Office.Ledger().Visit(ctx, s.Name, visit)
	if err != nil {
		return nil, err
	}
	steps := make([]step, 0, len(rows))
	scans, voids := map[string]*kiosk.ScanRecord{}, map[string]bool{}
	for _, row := range rows {
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read event at position %d: %w", row.Position, err)
		}
		e.When, e.Uncertain = row.When, row.Uncertain
		if m := e.Data.Common(); m.Scan != nil {
			scans[cmp.Or(m.Cause, e.ID())] = m.Scan
		}
		if v, ok := e.Data.(*kiosk.Voided); ok && row.Counted {
			voids[v.Event] = true
		}
		steps = append(steps, step{Position: row.Position, ID: e.ID(), Type: e.Type(), Time: stampTime(s, e.Time()), Recorded: stampTime(s, e.Recorded()),
			Stated: e.Data.Common().At != nil, Uncertain: row.Uncertain, Counted: row.Counted, Person: row.Person, Event: row.Bytes, decoded: e})
	}
	for i := range steps {
		st := &steps[i]
		st.Scan = scans[cmp.Or(st.decoded.Data.Common().Cause, st.ID)]
		_, isVoid := st.decoded.Data.(*kiosk.Voided)
		st.Voided = voids[st.ID] && !isVoid
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		return cmp.Or(a.decoded.Time().Compare(b.decoded.Time()), cmp.Compare(a.decoded.Source, b.decoded.Source), cmp.Compare(a.decoded.Seq, b.decoded.Seq))
	})
	return steps, nil
}

func (d *dashboard) apiOrder(w http.ResponseWriter, r *http.Request) error {
	s, err := d.store(r)
	if err != nil {
		return err
	}
	v, err := d.find(r.Context(), s.Name, r.PathValue("id"))
	if err != nil {
		return err
	}
	steps, err := d.history(r.Context(), s, v.ID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"store": s.Name, "order": summarise(s, v, d.Office.Now()), "events": steps})
}

func (d *dashboard) apiBays(w http.ResponseWriter, r *http.Request) error {
	s, err := d.store(r)
	if err != nil {
		return err
	}
	vs, at, err := d.Office.Visits(r.Context(), s.Name)
	if err != nil {
		return err
	}
	now := d.Office.Now()
	return answer(w, http.StatusOK, map[string]any{"store": s.Name, "as_of": d.stamp(at), "now": stampTime(s, now), "bays": bays(s, vs, now)})
}

// kioskAnswer is one source of events: a board, or the office itself.
type kioskAnswer struct {
	Kiosk     string        `json:"kiosk"`
	Source    string        `json:"source"`
	State     string        `json:"state"` // ready, disconnected, lost or unknown
	Session   uint64        `json:"session"`
	Version   string        `json:"version"`
	Health    any           `json:"health"`     // as the board last said, null if it did not
	Heard     *string       `json:"heard"`      // when it did
	LastEvent *string       `json:"last_event"` // when its last event came
	Receipt   []epochAnswer `json:"receipt"`
	Conflicts int           `json:"conflicts"`
	Rejected  int           `json:"rejected"`
	Destroyed uint64        `json:"destroyed"` // events that the board reported as destroyed
	Alarms    []trouble     `json:"alarms"`    // what a person must look at, in words
}

type epochAnswer struct {
	Epoch   string      `json:"epoch"`
	Through uint64      `json:"through"`
	Hash    string      `json:"hash"`
	Gaps    [][2]uint64 `json:"gaps"`
}

func (d *dashboard) kiosks(ctx context.Context, s backoffice.Store) ([]kioskAnswer, error) {
	sources, err := d.Office.Ledger().Sources(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	heard, err := d.Office.Kiosks(s.Name)
	if err != nil {
		return nil, err
	}
	found := map[string]*kioskAnswer{}
	get := func(source string) *kioskAnswer {
		if found[source] == nil {
			name := "backoffice"
			if prefix := kiosk.KioskSource(s.Name, ""); len(source) > len(prefix) && source[:len(prefix)] == prefix {
				name = source[len(prefix):]
			}
			found[source] = &kioskAnswer{Kiosk: name, Source: source, State: "unknown", Receipt: []epochAnswer{}}
		}
		return found[source]
	}
	for _, src := range sources {
		k := get(src.Source)
		k.Conflicts, k.Rejected, k.Destroyed = src.Conflicts, src.Rejected, src.Destroyed
		if !src.Last.IsZero() {
			text := stampTime(s, src.Last)
			k.LastEvent = &text
		}
		for _, e := range src.Epochs {
			a := epochAnswer{Epoch: e.Epoch, Through: e.Through, Hash: e.Hash.String(), Gaps: [][2]uint64{}}
			for _, g := range e.Gaps {
				a.Gaps = append(a.Gaps, [2]uint64{g.First, g.Last})
			}
			k.Receipt = append(k.Receipt, a)
		}
	}
	for _, h := range heard {
		k := get(kiosk.KioskSource(s.Name, h.Name))
		if h.Conn.State != "" {
			k.State, k.Session, k.Version = string(h.Conn.State), h.Conn.Session, h.Conn.Version
		}
		if !h.Heard.IsZero() {
			text := stampTime(s, h.Heard)
			k.Health, k.Heard = h.Health, &text
		}
	}
	out := make([]kioskAnswer, 0, len(found))
	for _, k := range found {
		out = append(out, *k)
	}
	slices.SortFunc(out, func(a, b kioskAnswer) int { return cmp.Compare(a.Source, b.Source) })
	return out, nil
}

func (d *dashboard) apiKiosks(w http.ResponseWriter, r *http.Request) error {
	s, err := d.store(r)
	if err != nil {
		return err
	}
	ks, err := d.kiosks(r.Context(), s)
	if err != nil {
		return err
	}
	type alarm struct {
		At   string `json:"at"`
		Text string `json:"text"`
	}
	lang := words.ZH
	if r.URL.Query().Get("lang") == string(words.EN) {
		lang = words.EN
	}
	for i := range ks {
		ks[i].Alarms = ks[i].troubles(lang)
	}
	alarms := []alarm{}
	for _, a := range d.Office.Alarms() {
		alarms = append(alarms, alarm{stampTime(s, a.At), a.Text})
	}
	return answer(w, http.StatusOK, map[string]any{"store": s.Name, "ledger": d.Office.Ledger().ID(), "kiosks": ks, "alarms": alarms})
}

// apiEvents exports a store's events, one JSON object a line, bytes as they are.
func (d *dashboard) apiEvents(w http.ResponseWriter, r *http.Request) error {
	s, err := d.store(r)
	if err != nil {
		return err
	}
	after, err := count(r, "after", 0, 1<<63-1)
	if err != nil {
		return err
	}
	limit, err := count(r, "limit", 1000, 100_000)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriter(w)
	for limit > 0 {
		rows, err := d.Office.Ledger().Events(r.Context(), s.Name, after, int(min(limit, 1000)))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			after = row.Position
			fmt.Fprintf(out, `{"position":%d,"event":%s}`+"\n", row.Position, row.Bytes) // Flush tells of an error
		}
		limit -= uint64(len(rows))
	}
	_ = out.Flush() // the reader may have gone
	return nil
}
