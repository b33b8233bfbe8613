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
	Definition string         `json:"definition"`
	Store      string         `json:"store"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	By         kpi.By         `json:"by"`
	AsOf       string         `json:"as_of"`
	Now        string         `json:"now"`
	Targets    []targetAnswer `json:"targets"` // in force at as_of; none with store=*, as each store has its own
	Rows       []rowAnswer    `json:"rows"`
	Sum        *kpi.Row       `json:"sum,omitempty"` // of all stores, with store=*
}

func (d *dashboard) apiKPI(w http.ResponseWriter, r *http.Request) error {
	if d.group(r) {
		return d.apiGroup(w, r)
	}
	q, err := d.query(r)
	if err != nil {
		return err
	}
	a, err := d.rows(r.Context(), q.store, q.span, q.by)
	if err != nil {
		return err
	}
	aims, err := d.aims(r.Context(), q.store, a.AsOf)
	if err != nil {
		return err
	}
	rows := begun(q.store.Calendar, a.Rows, q.rowsFrom(), a.Now)
	return answer(w, http.StatusOK, kpiAnswer{kpi.Definition, q.store.Name, q.fromDay, q.toDay, q.by, d.stamp(a.AsOf), stampTime(q.store, a.Now), aims.list(), aims.judge(q.by, rows), nil})
}

// apiGroup is GET /api/v1/kpi?store=*: a row for each store by its name, and the sum.
func (d *dashboard) apiGroup(w http.ResponseWriter, r *http.Request) error {
	if by := r.URL.Query().Get("by"); by != "" && by != string(kpi.ByNone) {
		return fault(http.StatusBadRequest, "by", "store=* gives a row for each store; by asks for one store")
	}
	var q query
	g, err := d.groupRows(r, &q)
	if err != nil {
		return err
	}
	rows := aims{}.judge(byStore, g.rows)
	for i := range rows {
		rows[i].AsOf = d.stamp(g.own[i])
	}
	rows = slices.DeleteFunc(rows, func(a rowAnswer) bool {
		return len(begun(q.store.Calendar, []kpi.Row{a.Row}, q.fromDay, q.span.Now)) == 0
	})
	return answer(w, http.StatusOK, kpiAnswer{kpi.Definition, allStores, q.fromDay, q.toDay, byStore, d.stamp(g.at), stampTime(q.store, q.span.Now), aims{}.list(), rows, &g.whole})
}

func stampTime(s backoffice.Store, t time.Time) string {
	return t.In(s.Calendar.Zone).Format("2006-01-02T15:04:05.000Z07:00")
}

// summary is one visit as lists show it. Absent times are null.
type summary struct {
	Store        string           `json:"store"`
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
	Risk         *riskAnswer      `json:"risk"` // of an open order whose promise has not come; null else
}

// riskAnswer is what is known about whether an open order's promise will be missed.
type riskAnswer struct {
	P      *float64 `json:"p"` // from history; null if that is not enough
	Risky  bool     `json:"risky"`
	Reason string   `json:"reason"` // parts, authority, queue or behind; "" if nothing stands in its way
}

func (c chance) answer() *riskAnswer {
	out := &riskAnswer{Risky: c.Risky, Reason: c.Reason}
	if c.Known {
		out.P = &c.P
	}
	return out
}

func summarise(s backoffice.Store, c Case) summary {
	at := func(t time.Time) *string {
		if t.IsZero() {
			return nil
		}
		text := stampTime(s, t)
		return &text
	}
	out := summary{Store: c.Store, Visit: c.Visit, Order: c.Order, Ticket: c.Ticket, Adviser: c.Adviser, Categories: []kiosk.Category{}, CheckedIn: at(c.Arrived),
		Accepted: at(c.Accepted), Signed: at(c.Signed), FirstPromise: at(c.First), LastPromise: at(c.Last), Passed: at(c.Passed), Washed: at(c.Washed),
		Delivered: at(c.Handed), Cancelled: at(c.Cancelled), Outcome: c.Outcome, Stage: c.Stage, Flags: []kiosk.Flag{}}
	out.Categories, out.Flags = append(out.Categories, c.Categories...), append(out.Flags, c.Flags...)
	return out
}

// apiOrders lists the visits behind a figure; with store=* of each store.
func (d *dashboard) apiOrders(w http.ResponseWriter, r *http.Request) error {
	stores := d.Office.Stores()
	name := allStores
	if !d.group(r) {
		s, err := d.store(r)
		if err != nil {
			return err
		}
		stores, name = []backoffice.Store{s}, s.Name
	}
	orders := []summary{}
	var q query
	var dr drill
	var at uint64
	for _, s := range stores {
		var err error
		if q, dr, err = d.drilledIn(r, s); err != nil {
			return err
		}
		var cases []Case
		if cases, at, err = d.cases(r.Context(), s, q.span, dr); err != nil {
			return err
		}
		chances, err := d.chancesNow(r.Context(), s, q.span, cases)
		if err != nil {
			return err
		}
		for _, c := range cases {
			one := summarise(s, c)
			if ch, ok := chances[c.Visit]; ok {
				one.Risk = ch.answer()
			}
			orders = append(orders, one)
		}
	}
	return answer(w, http.StatusOK, map[string]any{"definition": kpi.Definition, "store": name, "from": q.fromDay, "to": q.toDay,
		"kpi": dr.Figure, "value": dr.Value, "variant": dr.Variant.String(), "as_of": d.stamp(at), "orders": orders})
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
	Damaged   bool              `json:"damaged,omitempty"` // its bytes changed on the disk
	Person    string            `json:"person"`            // none, present, erased or missing
	Scan      *kiosk.ScanRecord `json:"scan,omitempty"`    // the raw scan that caused it
	Event     json.RawMessage   `json:"event"`             // its bytes

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
			Stated: e.Data.Common().At != nil, Uncertain: row.Uncertain, Counted: row.Counted, Damaged: row.Damaged, Person: row.Person, Event: row.Bytes, decoded: e})
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
	v, err := d.find(r.Context(), s, r.PathValue("id"))
	if err != nil {
		return err
	}
	steps, err := d.history(r.Context(), s, v.ID)
	if err != nil {
		return err
	}
	now := d.Office.Now()
	chances, err := d.chances(r.Context(), s, []*kiosk.Visit{v}, now)
	if err != nil {
		return err
	}
	one := summarise(s, caseOfVisit(s, v, now))
	if ch, ok := chances[v.ID]; ok {
		one.Risk = ch.answer()
	}
	return answer(w, http.StatusOK, map[string]any{"store": s.Name, "order": one, "events": steps})
}

func (d *dashboard) apiBays(w http.ResponseWriter, r *http.Request) error {
	if d.group(r) {
		return d.each(w, r, d.bayAnswer)
	}
	s, err := d.store(r)
	if err != nil {
		return err
	}
	v, err := d.bayAnswer(r, s)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}

// each answers for every store: {"stores":[…]}.
func (d *dashboard) each(w http.ResponseWriter, r *http.Request, of func(*http.Request, backoffice.Store) (any, error)) error {
	out := []any{}
	for _, s := range d.Office.Stores() {
		v, err := of(r, s)
		if err != nil {
			return err
		}
		out = append(out, v)
	}
	return answer(w, http.StatusOK, map[string]any{"stores": out})
}

func (d *dashboard) bayAnswer(r *http.Request, s backoffice.Store) (any, error) {
	vs, at, err := d.open(r.Context(), s)
	if err != nil {
		return nil, err
	}
	now := d.Office.Now()
	chances, err := d.chances(r.Context(), s, vs, now)
	if err != nil {
		return nil, err
	}
	board, err := d.bayBoard(r.Context(), s, vs, chances, now)
	return map[string]any{"store": s.Name, "as_of": d.stamp(at), "now": stampTime(s, now), "bays": board}, err
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

	lost backoffice.Lost // of what was destroyed; see lacking
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
	if d.group(r) {
		return d.each(w, r, d.kioskList)
	}
	s, err := d.store(r)
	if err != nil {
		return err
	}
	v, err := d.kioskList(r, s)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}

func (d *dashboard) kioskList(r *http.Request, s backoffice.Store) (any, error) {
	ks, err := d.kiosks(r.Context(), s)
	if err != nil {
		return nil, err
	}
	if err := d.lacking(r.Context(), ks); err != nil {
		return nil, err
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
		ks[i].Alarms = ks[i].troubles(lang, s.Calendar.Zone)
	}
	alarms := []alarm{}
	for _, a := range d.Office.Alarms() {
		alarms = append(alarms, alarm{stampTime(s, a.At), a.Text})
	}
	return map[string]any{"store": s.Name, "ledger": d.Office.Ledger().ID(), "kiosks": ks, "alarms": alarms}, nil
}

// apiEvents exports a store's events, one JSON object a line, bytes as they are.
func (d *dashboard) apiEvents(w http.ResponseWriter, r *http.Request) error {
	s, err := d.store(r)
	if err != nil {
		return err
	}
	after, err := countParam(r, "after", 0, 1<<63-1)
	if err != nil {
		return err
	}
	limit, err := countParam(r, "limit", 1000, 100_000)
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
			counted := ""
			if !row.Counted {
				counted = `,"counted":false`
			}
			fmt.Fprintf(out, `{"position":%d%s,"event":%s}`+"\n", row.Position, counted, row.Bytes) // Flush tells of an error
		}
		limit -= uint64(len(rows))
	}
	_ = out.Flush() // the reader may have gone
	return nil
}
