package dashboard

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// today is the day at a glance.
type today struct {
	page
	AsOf     string
	Row      kpi.Row
	Due      kpi.Ratio
	Target   reading // of the on-time rate, judged by what is due by now: open orders are not late yet
	DayStart string
	DayEnd   string
	InHouse  int
	Bays     []bay
	Late     []openOrder
	Risk     []openOrder // whose promise will probably break today
	Rest     []openOrder
	Waiting  []openOrder // customers without an adviser
	Learnt   bool        // chances come from history
	Unlearnt string      // why not, as words has it
	Loads    []load
	Adviser  string // whose cars alone are listed; "": all
	Helps    []helpCall
	Latest   []happening
	Boards   []kioskAnswer
}

// openOrder is a visit that has not ended, as the board shows it.
type openOrder struct {
	Case
	Due      time.Time // the promise in force
	Over     int       // minutes past it; negative: minutes left
	Stage    kiosk.Stage
	Since    time.Time // when the stage began
	Revised  bool
	Wait     bool // the customer waits in the store
	Pickup   time.Time
	Bay      string
	Chance   chance
	HasOrder bool
}

// load is what one adviser has on hand.
type load struct {
	Adviser             string
	Open, Late, AtRisk  int
	Waiting             int // customers who wait in the store
	Width               int // of the bar, in hundredths of the fullest
	LateWidth, RiskAtOf int
}

// helpCall is an open call for help.
type helpCall struct {
	Bay   string
	Since time.Time
}

// happening is one event in the list of the latest.
type happening struct {
	At     time.Time
	Type   kiosk.Type
	Ticket string
	Visit  string
	Source string
}

func (d *dashboard) todayPage(w http.ResponseWriter, r *http.Request) error {
	if d.group(r) {
		return d.groupToday(w, r)
	}
	p, err := d.page(r)
	if err != nil {
		return err
	}
	p.Title = p.T("office.live")
	t := today{page: p, Adviser: r.URL.Query().Get("adviser")}
	if err := d.lookAround(r, &t); err != nil {
		return err
	}
	name := "live.html"
	if r.URL.Query().Get("part") == "live" {
		name = "live"
	}
	d.render(w, http.StatusOK, name, t)
	return nil
}

// lookAround gathers what the board shows.
func (d *dashboard) lookAround(r *http.Request, t *today) error {
	ctx, s, now := r.Context(), t.Store, t.Now
	row, due, at, err := d.glance(r, s, now)
	if err != nil {
		return err
	}
	open, _, err := d.open(ctx, s)
	if err != nil {
		return err
	}
	cal := s.Calendar
	t.Row, t.Due, t.AsOf, t.DayStart, t.DayEnd = row, due, d.stamp(at), cal.Day(now), cal.Day(next(cal, now))
	aims, err := d.aims(ctx, s, at)
	if err != nil {
		return err
	}
	row.OnTime.Ratio = due
	t.Target = figurePage{page: t.page}.reading(figure{Key: "on_time"}, kpi.ByNone, aims, row)
	helps, err := d.calls.of(ctx, d.Office.Ledger(), s.Name, at)
	if err != nil {
		return err
	}
	for bay, since := range helps {
		t.Helps = append(t.Helps, helpCall{bay, since})
	}
	slices.SortFunc(t.Helps, func(a, b helpCall) int { return a.Since.Compare(b.Since) })
	chances, err := d.chances(ctx, s, open, now)
	if err != nil {
		return err
	}
	if t.Bays, err = d.bayBoard(ctx, s, open, chances, now); err != nil {
		return err
	}
	for i := range t.Bays {
		if since, ok := helps[t.Bays[i].Bay]; ok {
			t.Bays[i].Help, t.Bays[i].State = since, "help"
		}
	}
	if t.Learnt, t.Unlearnt, err = d.learnt(s); err != nil {
		return err
	}
	tickets := map[string]string{}
	for _, c := range chances {
		t.Learnt = t.Learnt || c.Known
	}
	for _, v := range open {
		tickets[v.ID] = v.Ticket
		if v.Known() {
			t.place(s, v, chances[v.ID], now)
		}
	}
	t.sort()
	if t.Adviser != "" {
		for _, list := range []*[]openOrder{&t.Late, &t.Risk, &t.Rest} {
			*list = slices.DeleteFunc(*list, func(o openOrder) bool { return o.Adviser != t.Adviser })
		}
	}
	if t.Latest, err = d.latest(r, s, at, tickets); err != nil {
		return err
	}
	t.Boards, err = d.kiosks(ctx, s)
	return err
}

// glance is the row of today, and the orders whose promise has come by now.
func (d *dashboard) glance(r *http.Request, s backoffice.Store, now time.Time) (row kpi.Row, due kpi.Ratio, at uint64, err error) {
	cal := s.Calendar
	sp := span{From: cal.Midnight(now), To: next(cal, now), Now: now}
	a, err := d.rows(r.Context(), s, sp, kpi.ByNone)
	if err != nil {
		return row, due, at, err
	}
	v := kpi.Headline()
	v.Population = kpi.Due
	due, err = d.dueBy(r.Context(), s, sp, v)
	return a.Rows[0], due, a.AsOf, err
}

// place puts an open visit where the board shows it.
func (t *today) place(s backoffice.Store, v *kiosk.Visit, c chance, now time.Time) {
	o := openOrder{Case: caseOfVisit(s, v, now), Stage: v.StageAt(now), Wait: v.Waiting, Pickup: v.Pickup, Chance: c, HasOrder: v.Order.InForce(), Revised: len(v.Promises) > 1}
	if len(v.Track) > 0 {
		o.Since = v.Track[len(v.Track)-1].At
	}
	for _, w := range v.Works {
		if w.Open(now) {
			o.Bay = w.Bay
		}
	}
	t.InHouse++
	if p, ok := v.EffectivePromise(); ok {
		o.Due, o.Over = p.Due, int(now.Sub(p.Due)/time.Minute)
	}
	l := t.load(o.Adviser)
	switch {
	case late(v, now):
		t.Late = append(t.Late, o)
		l.Late++
	case c.Risky:
		t.Risk = append(t.Risk, o)
		l.AtRisk++
	case o.Stage == kiosk.StageWaitingAdviser:
		t.Waiting = append(t.Waiting, o)
	default:
		t.Rest = append(t.Rest, o)
	}
	l.Open++
	if o.Wait {
		l.Waiting++
	}
}

// load is the adviser's line, made if there is none.
func (t *today) load(adviser string) *load {
	i := slices.IndexFunc(t.Loads, func(l load) bool { return l.Adviser == adviser })
	if i < 0 {
		t.Loads = append(t.Loads, load{Adviser: adviser})
		i = len(t.Loads) - 1
	}
	return &t.Loads[i]
}

func (t *today) sort() {
	for _, list := range [][]openOrder{t.Late, t.Risk, t.Rest} {
		slices.SortStableFunc(list, func(a, b openOrder) int { return byPromise(a.Case, b.Case) })
	}
	t.Loads = slices.DeleteFunc(t.Loads, func(l load) bool { return l.Adviser == "" })
	slices.SortFunc(t.Loads, func(a, b load) int {
		return cmp.Or(cmp.Compare(b.Late+b.AtRisk, a.Late+a.AtRisk), cmp.Compare(b.Open, a.Open), cmp.Compare(a.Adviser, b.Adviser))
	})
	most := 1
	for _, l := range t.Loads {
		most = max(most, l.Open)
	}
	for i := range t.Loads {
		l := &t.Loads[i]
		l.Width, l.LateWidth = l.Open*100/most, l.Late*100/most
		l.RiskAtOf = (l.Late + l.AtRisk) * 100 / most
	}
}

// tickets adds the tickets of visits that have none here yet.
func (d *dashboard) tickets(ctx context.Context, s backoffice.Store, of map[string]string, visits []string) error {
	names := slices.DeleteFunc(visits, func(v string) bool { return v == "" || of[v] != "" })
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	found, _, err := d.Data.Visits(ctx, s.Name, slices.Compact(names), nil)
	for _, v := range found {
		of[v.ID] = v.Ticket
	}
	return err
}

// latest lists the last events that concern a visit or a bay, newest first.
func (d *dashboard) latest(r *http.Request, s backoffice.Store, at uint64, tickets map[string]string) (out []happening, err error) {
	const shown, looked = 8, 60
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
			out = append(out, happening{At: e.Time(), Type: e.Type(), Visit: v, Source: e.Source[strings.LastIndexByte(e.Source, '/')+1:]})
		}
	}
	var visits []string
	for _, h := range out {
		visits = append(visits, h.Visit)
	}
	if err := d.tickets(r.Context(), s, tickets, visits); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Ticket = tickets[out[i].Visit]
	}
	return out, nil
}

// Abs is a number of minutes without its sign.
func (today) Abs(n int) int { return max(n, -n) }

// Figure finds a figure for its texts.
func (t today) FigureLink(key string) string {
	return t.Link("/kpi/"+key, "from", t.DayStart, "to", t.DayEnd, "by", string(kpi.ByAdviser))
}

// Of leads to the cars of one adviser, at a list of this page.
func (t today) Of(adviser, list string) string { return t.Link("/", "adviser", adviser) + list }

// Everybody leads back to the cars of all.
func (t today) Everybody() string { return t.Link("/") }

// Behind leads to the orders behind one of today's numbers.
func (t today) Behind(figure, value string) string {
	return t.Link("/orders", "kpi", figure, "value", value, "from", t.DayStart)
}

// BehindDue leads to the orders whose promise has come today.
func (t today) BehindDue(value string) string {
	v := kpi.Headline()
	v.Population = kpi.Due
	return t.Link("/orders", "kpi", "on_time", "value", value, "variant", v.String(), "from", t.DayStart, "due", "now")
}

// Promise is the promise of the car in a bay.
func (t today) Promise(b bay) string {
	if b.promise.IsZero() {
		return ""
	}
	return t.At(b.promise)
}
