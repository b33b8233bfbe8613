package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/wire"
)

// page is what every page has.
type page struct {
	Lang   words.Lang
	Other  string // this page in the other language
	Path   string
	Store  backoffice.Store
	Stores []backoffice.Store
	Who    string // name of the person signed in
	Doors  bool   // people can sign in

	Warning bool // reached without TLS from beyond loopback
}

func newPage(r *http.Request, s backoffice.Store) page {
	p := page{Lang: words.ZH, Path: r.URL.Path, Store: s}
	q := r.URL.Query()
	other := string(words.EN)
	if q.Get("lang") == string(words.EN) {
		p.Lang, other = words.EN, ""
	}
	q.Del("part")
	if q.Del("lang"); other != "" {
		q.Set("lang", other)
	}
	p.Other = r.URL.Path + "?" + q.Encode()
	return p
}

// T is a text in the page's language.
func (p page) T(key string, args ...any) string {
	var texts []string
	for _, a := range args {
		texts = append(texts, fmt.Sprint(a))
	}
	return words.Text(p.Lang, words.Key(key), texts...)
}

// At is a time as people read it: the clock, with the day if it is another than today's.
func (p page) At(t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	return t.In(p.Store.Calendar.Zone).Format("01-02 15:04")
}

// Clock is the time of day alone.
func (p page) Clock(t time.Time) string { return t.In(p.Store.Calendar.Zone).Format("15:04") }

// Link is a path of the dashboard with the page's language and store.
func (p page) Link(path string, pairs ...string) string {
	q := url.Values{}
	if p.Lang == words.EN {
		q.Set("lang", string(words.EN))
	}
	if len(p.Stores) > 1 {
		q.Set("store", p.Store.Name)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Rate shows a share in per cent, or a dash.
func (page) Rate(r kpi.Ratio) string {
	if r.Rate == nil {
		return "—"
	}
	return fmt.Sprintf("%.1f%%", *r.Rate*100)
}

// Minutes shows a median and a p90, or a dash.
func (page) Minutes(m kpi.Minutes) string {
	if m.P50 == nil {
		return "—"
	}
	return fmt.Sprintf("%d / %d", *m.P50, *m.P90)
}

// Event is the name of a type of event.
func (p page) Event(t kiosk.Type) string {
	if name := p.T("event." + string(t)); name != "event."+string(t) {
		return name
	}
	return string(t)
}

func functions() template.FuncMap {
	return template.FuncMap{"cells": func(p figures, r kpi.Row) any {
		return struct {
			P figures
			R kpi.Row
		}{p, r}
	}}
}

// page makes the common part for a request.
func (d *dashboard) page(r *http.Request) (page, error) {
	s, err := d.store(r)
	if err != nil {
		return page{}, err
	}
	p := newPage(r, s)
	p.Warning = d.InsecureLAN
	p.Stores, p.Doors = d.Office.Stores(), d.Door != nil
	if who, ok := d.who(r); ok {
		p.Who = who.Name
	}
	return p, nil
}

// render writes a page whole or not at all.
func (d *dashboard) render(w http.ResponseWriter, name string, v any) {
	var b bytes.Buffer
	if err := d.pages.ExecuteTemplate(&b, name, v); err != nil {
		d.Log.Error("page cannot be drawn", "page", name, "err", err)
		http.Error(w, "this page cannot be drawn; the back office's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

type signin struct {
	page
	Next, Refused string
}

func (d *dashboard) signinPage(w http.ResponseWriter, r *http.Request) {
	if d.Door == nil {
		http.NotFound(w, r)
		return
	}
	p := newPage(r, d.Office.Stores()[0])
	p.Warning = d.InsecureLAN
	d.render(w, "signin.html", signin{page: p, Next: ownPath(r.URL.Query().Get("next"))})
}

// live is today at a glance.
type live struct {
	page
	Now      time.Time
	AsOf     string
	Row      kpi.Row
	Due      kpi.Ratio
	InHouse  int
	Late     []*kiosk.Visit
	Risk     []*kiosk.Visit
	Bays     []bay
	Latest   []happening
	Boards   []kioskAnswer
	DayStart string
	DayEnd   string
}

// happening is one event in the list of the latest.
type happening struct {
	At     time.Time
	Type   kiosk.Type
	Ticket string
	Visit  string
	Source string
}

func (d *dashboard) livePage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	vs, at, err := d.Office.Visits(r.Context(), p.Store.Name)
	if err != nil {
		return err
	}
	now := d.Office.Now()
	cal := p.Store.Calendar
	in := kpi.Input{Visits: vs, Calendar: cal, From: cal.Midnight(now), To: next(cal, now), Now: now}
	l := live{page: p, Now: now, AsOf: d.stamp(at), Row: kpi.Compute(in, kpi.ByNone)[0], Bays: bays(p.Store, vs, now),
		Late: promised(vs, now, late), Risk: promised(vs, now, risky), DayStart: cal.Day(in.From), DayEnd: cal.Day(in.To)}
	in.To = now // what falls due later is not late yet
	due := kpi.Headline()
	due.Population = kpi.Due
	l.Due = kpi.Compute(in, kpi.ByNone)[0].OnTime.Variants[due.String()]
	tickets := map[string]string{}
	for _, v := range vs {
		tickets[v.ID] = v.Ticket
		if v.Known() && v.Open() {
			l.InHouse++
		}
	}
	if l.Latest, err = d.latest(r, p.Store, at, tickets); err != nil {
		return err
	}
	if l.Boards, err = d.kiosks(r.Context(), p.Store); err != nil {
		return err
	}
	name := "live.html"
	if r.URL.Query().Get("part") == "live" {
		name = "live"
	}
	d.render(w, name, l)
	return nil
}

// latest lists the last events that concern a visit or a bay, newest first.
func (d *dashboard) latest(r *http.Request, s backoffice.Store, at uint64, tickets map[string]string) (out []happening, err error) {
	const shown, looked = 12, 60
	rows, err := d.Office.Ledger().Events(r.Context(), s.Name, at-min(at, looked), looked)
	if err != nil {
		return nil, err
	}
	for _, row := range slices.Backward(rows) {
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			return nil, err
		}
		e.When = row.When
		_, unknown := e.Data.(*kiosk.Unknown)
		if len(out) < shown && row.Counted && !unknown {
			v := kiosk.VisitOf(e.Data)
			out = append(out, happening{At: e.Time(), Type: e.Type(), Visit: v, Ticket: tickets[v], Source: e.Source[strings.LastIndexByte(e.Source, '/')+1:]})
		}
	}
	return out, nil
}

// Over is how many whole minutes the promise in force passed ago.
func (l live) Over(v *kiosk.Visit) int {
	p, _ := v.EffectivePromise()
	return int(l.Now.Sub(p.Due) / time.Minute)
}

// Left is how many whole minutes are left to it.
func (l live) Left(v *kiosk.Visit) int { return -l.Over(v) }

// Promise is the promise in force.
func (l live) Promise(v *kiosk.Visit) time.Time {
	p, _ := v.EffectivePromise()
	return p.Due
}

// PromiseOf is the promise of the car in a bay.
func (l live) PromiseOf(b bay) string { return l.Clock(b.promise) }

// Stage is where the visit stands.
func (l live) Stage(v *kiosk.Visit) string { return l.T("stage." + string(v.StageAt(l.Now))) }

// Figures lists the figures that are defined in words, by the keys of their texts
// (kpi.X and kpi.X.def).
func Figures() []string {
	return []string{"on_time", "arrivals", "orders", "category_counts", "vehicles", "orders_without_vehicle", "rework", "response_accepted",
		"response_first_job", "repair_gross", "repair_net", "turnaround", "stages", "unclosed_jobs", "data_quality"}
}

type figures struct {
	page
	From, To string
	AsOf     string
	Whole    kpi.Row
	Days     []kpi.Row
	Variants []kpi.Variant
	Figures  []string
	Bad      string
	Total    int64 // of the stages, for their shares
	Stages   []kiosk.Stage
}

// Share is a stage's part of the whole in per cent.
func (f figures) Share(s kiosk.Stage) string {
	if f.Total == 0 {
		return "—"
	}
	return fmt.Sprintf("%.1f%%", float64(f.Whole.Stages.MS[s])*100/float64(f.Total))
}

// StageMinutes is a stage's whole minutes per visit.
func (f figures) StageMinutes(s kiosk.Stage) int64 {
	if f.Whole.Stages.Visits == 0 {
		return 0
	}
	return f.Whole.Stages.MS[s] / 60_000 / int64(f.Whole.Stages.Visits)
}

func (d *dashboard) kpiPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	f := figures{page: p, Variants: kpi.Variants(), Stages: kiosk.Stages(), Figures: Figures()}
	q, err := d.query(r)
	var wrong *problem
	if errors.As(err, &wrong) {
		f.Bad, f.From, f.To = wrong.Detail, r.URL.Query().Get("from"), r.URL.Query().Get("to")
		w.WriteHeader(wrong.Status)
		d.render(w, "kpi.html", f)
		return nil
	}
	if err != nil {
		return err
	}
	f.From, f.To, f.AsOf = q.fromDay, q.toDay, d.stamp(q.at)
	f.Days = kpi.Compute(q.in, kpi.ByDay)
	f.Whole = kpi.Compute(q.in, kpi.ByNone)[0]
	f.Total = f.Whole.Stages.TotalMS
	d.render(w, "kpi.html", f)
	return nil
}

type order struct {
	page
	Visit *kiosk.Visit
	First time.Time
	Last  time.Time
	Steps []step
	Stage kiosk.Stage
}

// When is the time of a step that counts.
func (o order) When(s step) string {
	return s.decoded.Time().In(o.Store.Calendar.Zone).Format("01-02 15:04:05")
}

// Recorded is when a step was recorded.
func (o order) Recorded(s step) string {
	return s.decoded.Recorded().In(o.Store.Calendar.Zone).Format("01-02 15:04:05")
}

// Source is the board, or the office.
func (o order) Source(s step) string {
	return s.decoded.Source[strings.LastIndexByte(s.decoded.Source, '/')+1:]
}

// Data is the event's own data, as text.
func (o order) Data(s step) string {
	var env struct{ Data json.RawMessage }
	_ = json.Unmarshal(s.Event, &env) // it was decoded before
	return string(env.Data)
}

func (d *dashboard) orderPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	v, err := d.find(r.Context(), p.Store.Name, r.PathValue("id"))
	if err != nil {
		return err
	}
	o := order{page: p, Visit: v, Stage: v.StageAt(d.Office.Now())}
	if f, ok := v.FirstPromise(); ok {
		o.First = f.Due
	}
	if l, ok := v.EffectivePromise(); ok {
		o.Last = l.Due
	}
	if o.Steps, err = d.history(r.Context(), p.Store, v.ID); err != nil {
		return err
	}
	d.render(w, "order.html", o)
	return nil
}

type boards struct {
	page
	Ledger string
	Boards []kioskAnswer
	Alarms []backoffice.Alarm
}

// Outbox is how many events a board says it has not yet had receipted.
func (b boards) Outbox(k kioskAnswer) string {
	if h, ok := k.Health.(wire.Health); ok {
		return strconv.FormatUint(h.Outbox.Depth, 10)
	}
	return "—"
}

func (d *dashboard) kiosksPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	b := boards{page: p, Ledger: d.Office.Ledger().ID(), Alarms: d.Office.Alarms()}
	if b.Boards, err = d.kiosks(r.Context(), p.Store); err != nil {
		return err
	}
	for i := range b.Boards {
		b.Boards[i].Alarms = b.Boards[i].troubles(p.Lang)
	}
	d.render(w, "kiosks.html", b)
	return nil
}
