package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// figurePage is the pages of figures: the overview, and one figure by itself.
type figurePage struct {
	page
	From, To, Until string
	By              kpi.By
	Bys             []kpi.By
	Compare         string
	Comparisons     []string
	CFrom, CUntil   string // of the earlier period
	CTo             string
	AsOf            string // what the figures are true for
	at              uint64 // the same as a number
	Asked           string // as_of, if the page was asked for as of then
	Whole, Before   kpi.Row
	Compared        bool
	Rows            []kpi.Row
	RowsBefore      []kpi.Row // in the places of Rows
	List            []figure
	One             *figure // the figure of the page by itself
	Charts          []*chart
	Variants        []kpi.Variant
	Stages          []kiosk.Stage
	Caveats         []caveat
	Aims            aims            // of the store
	AimsOf          map[string]aims // of each store, by its name
	Bad             string
	Periods         []preset
}

// caveat is something to know about the data behind the figures.
type caveat struct{ Text, Link string }

// preset is a period that a touch chooses.
type preset struct {
	Key, From, Until string
	Chosen           bool
}

// presets are the periods that people ask for most.
func presets(cal kiosk.Calendar, now time.Time) []preset {
	today := cal.Midnight(now)
	y, m, d := today.Date()
	day := func(y int, m time.Month, d int) string {
		return time.Date(y, m, d, 0, 0, 0, 0, cal.Zone).Format(time.DateOnly)
	}
	monday := d - (int(today.Weekday())+6)%7
	return []preset{
		{Key: "today", From: day(y, m, d), Until: day(y, m, d)},
		{Key: "yesterday", From: day(y, m, d-1), Until: day(y, m, d-1)},
		{Key: "week", From: day(y, m, monday), Until: day(y, m, monday+6)},
		{Key: "last_week", From: day(y, m, monday-7), Until: day(y, m, monday-1)},
		{Key: "month", From: day(y, m, 1), Until: day(y, m+1, 0)},
		{Key: "last_month", From: day(y, m-1, 1), Until: day(y, m, 0)},
	}
}

// bys are the groupings that pages offer.
func bys() []kpi.By {
	return []kpi.By{kpi.ByDay, kpi.ByAdviser, kpi.ByTechnician, kpi.ByTeam, kpi.ByBay, kpi.ByCategory}
}

func (d *dashboard) kpiPage(w http.ResponseWriter, r *http.Request) error {
	return d.figuresPage(w, r, nil)
}

func (d *dashboard) kpiFigure(w http.ResponseWriter, r *http.Request) error {
	f, ok := figureOf(r.PathValue("figure"))
	if ok && f.Key == "rework_charged" { // it has a page of its own
		http.Redirect(w, r, "/kpi/reworks?"+r.URL.RawQuery, http.StatusSeeOther)
		return nil
	}
	if !ok {
		return fault(http.StatusNotFound, "figure", fmt.Sprintf("figure %.40q is not one of %v", r.PathValue("figure"), Figures())).
			say("office.err.figure", clip(r.PathValue("figure")))
	}
	return d.figuresPage(w, r, &f)
}

func (d *dashboard) figuresPage(w http.ResponseWriter, r *http.Request, one *figure) error {
	if d.group(r) {
		return d.groupFigures(w, r, one)
	}
	p, err := d.page(r)
	if err != nil {
		return err
	}
	f := newFigures(p, one)
	q, err := d.query(r)
	var wrong *problem
	if errors.As(err, &wrong) {
		return d.wrongPeriod(w, r, f, wrong)
	}
	if err != nil {
		return err
	}
	if r.URL.Query().Get("by") == "" {
		q.by = kpi.ByDay
	}
	if err := d.fill(r, &f, q); errors.As(err, &wrong) {
		return d.wrongPeriod(w, r, f, wrong)
	} else if err != nil {
		return err
	}
	if f.Caveats, err = d.caveats(r, f, q); err != nil {
		return err
	}
	if len(begun(q.store.Calendar, []kpi.Row{f.Whole}, f.From, q.span.Now)) == 0 {
		f.Bad = f.T("office.err.ahead", f.From)
	}
	d.render(w, http.StatusOK, f.template(), f)
	return nil
}

func newFigures(p page, one *figure) figurePage {
	p.Title = p.T("office.kpi")
	if one != nil {
		p.Title = p.T("kpi." + one.Key)
	}
	return figurePage{page: p, One: one, List: figureList(), Bys: bys(), Comparisons: Comparisons(), Variants: kpi.Variants(), Stages: kiosk.Stages(),
		Periods: presets(p.Store.Calendar, p.Now)}
}

func (f figurePage) template() string {
	if f.One != nil {
		return "figure.html"
	}
	return "kpi.html"
}

// wrongPeriod shows the form again with what is wrong in it.
func (d *dashboard) wrongPeriod(w http.ResponseWriter, r *http.Request, f figurePage, p *problem) error {
	if p.Parameter == "store" || p.Parameter == "as_of" {
		return p
	}
	f.Bad = p.Detail
	if p.message.Key != "" {
		f.Bad = p.message.In(f.Lang)
	}
	v := r.URL.Query()
	f.From, f.Until, f.Compare, f.By = clip(v.Get("from")), clip(v.Get("until")), clip(v.Get("compare")), kpi.ByDay
	d.render(w, p.Status, f.template(), f)
	return nil
}

// fill computes what the page shows.
func (d *dashboard) fill(r *http.Request, f *figurePage, q query) error {
	ctx := r.Context()
	f.take(r, q)
	whole, err := d.rows(ctx, q.store, q.span, kpi.ByNone)
	if err != nil {
		return err
	}
	f.Whole, f.AsOf, f.at = whole.Rows[0], d.stamp(whole.AsOf), whole.AsOf
	rows, err := d.rowsAt(ctx, q.store, q.span, q.by, whole.AsOf)
	if err != nil {
		return err
	}
	f.Rows = rows.Rows
	if f.Aims, err = d.aims(ctx, q.store, whole.AsOf); err != nil {
		return err
	}
	before, compared, err := q.earlier(r)
	if err != nil {
		return err
	}
	if f.Compared = compared; compared {
		f.earlier(q, before)
		earlier, err := d.rowsAt(ctx, q.store, before, kpi.ByNone, whole.AsOf)
		if err != nil {
			return err
		}
		rows, err := d.rowsAt(ctx, q.store, before, q.by, whole.AsOf)
		if err != nil {
			return err
		}
		f.Before, f.RowsBefore = earlier.Rows[0], beside(q.by, f.Rows, rows.Rows)
	}
	f.draw()
	return nil
}

// take keeps what the form shows again.
func (f *figurePage) take(r *http.Request, q query) {
	f.From, f.To, f.Until, f.By, f.Asked = q.fromDay, q.toDay, q.lastDay(), q.by, q.span.AsOf
	if f.Compare = r.URL.Query().Get("compare"); f.Compare == "" {
		f.Compare = "previous"
	}
	for i := range f.Periods {
		f.Periods[i].Chosen = f.Periods[i].From == f.From && f.Periods[i].Until == f.Until
	}
}

// earlier keeps the period that is compared with.
func (f *figurePage) earlier(q query, before span) {
	other := query{store: q.store, span: before}
	f.CFrom, f.CTo, f.CUntil = q.store.Calendar.Day(before.From), q.store.Calendar.Day(before.To), other.lastDay()
}

// draw makes the charts: of the figure by itself, or of the first two.
func (f *figurePage) draw() {
	shown := append(f.Columns()[:1:1], chosen("orders")...)
	if f.One != nil {
		shown = []figure{*f.One}
	}
	for _, one := range shown {
		if c := draw(f.page, one, f.By, f.Rows, f.RowsBefore, f.Aims[one.Key]); c != nil {
			f.Charts = append(f.Charts, c)
		}
	}
}

// beside puts the rows of the earlier period in the places of the later: days by
// their order, all others by their key.
func beside(by kpi.By, rows, before []kpi.Row) []kpi.Row {
	if by == kpi.ByDay {
		return before
	}
	out := make([]kpi.Row, len(rows))
	for i, r := range rows {
		if j := slices.IndexFunc(before, func(b kpi.Row) bool { return b.Key == r.Key }); j >= 0 {
			out[i] = before[j]
		}
	}
	return out
}

// RowBefore is the earlier period's row in the place of row i.
func (f figurePage) RowBefore(i int) *kpi.Row {
	if i < len(f.RowsBefore) {
		return &f.RowsBefore[i]
	}
	return nil
}

// Delta is how a figure moved in the whole period.
func (f figurePage) Delta(one figure) delta {
	if !f.Compared {
		return delta{}
	}
	return one.delta(f.Whole, f.Before)
}

// DeltaRow is how a figure moved in row i.
func (f figurePage) DeltaRow(one figure, i int) delta {
	if b := f.RowBefore(i); b != nil && f.Compared {
		return one.delta(f.Rows[i], *b)
	}
	return delta{}
}

// Room lists the figures that stand together.
func (f figurePage) Room(name string) (out []figure) {
	for _, one := range f.List {
		if one.Room == name && (one.Key != "rework_charged" || one.of(f.Whole).Has) {
			out = append(out, one)
		}
	}
	return out
}

// Figure finds a figure for a template.
func (figurePage) Figure(key string) figure {
	f, _ := figureOf(key)
	return f
}

// Aimed says whether a figure of the table has a target.
func (f figurePage) Aimed() bool {
	return slices.ContainsFunc(f.Columns(), func(one figure) bool { return f.Target(one, -1).Text != "" })
}

// Tiles are the figures that stand on top.
func (f figurePage) Tiles() []figure {
	return chosen("on_time", "orders", "category_counts", "vehicles", "turnaround", "rework")
}

// Columns are the figures of the table.
func (f figurePage) Columns() []figure {
	keys := []string{"on_time", "arrivals", "orders", "category_counts", "vehicles", "rework", "response_accepted", "repair_net", "turnaround", "unclosed_jobs", "data_quality"}
	switch f.By {
	case kpi.ByAdviser:
		keys = []string{"on_time", "promise_error", "promises_revised", "promises_late", "orders", "category_counts", "receptions_per_adviser_day", "rework", "response_accepted", "turnaround", "data_quality"}
	case kpi.ByTechnician, kpi.ByTeam:
		keys = []string{"efficiency", "productivity", "throughput", "orders", "on_time", "rework", "rework_charged", "repair_net", "unclosed_jobs"}
	case kpi.ByBay:
		keys = []string{"bay_utilisation_running", "bay_utilisation_occupied", "throughput", "orders", "on_time", "repair_net", "unclosed_jobs"}
	}
	return chosen(keys...)
}

func chosen(keys ...string) (out []figure) {
	for _, k := range keys {
		if f, ok := figureOf(k); ok {
			out = append(out, f)
		}
	}
	return out
}

// Rooms are the groups in which figures are listed; words has office.room.X.
func (f figurePage) Rooms() []string { return Rooms() }

// Rooms lists the groups of figures.
func Rooms() (out []string) {
	for _, f := range figureList() {
		if !slices.Contains(out, f.Room) {
			out = append(out, f.Room)
		}
	}
	return out
}

// cell is a number of a table with the way down.
type cell struct {
	V    value
	Kind string
	Link string
}

// Cell is a figure in row i; −1 is the whole period.
func (f figurePage) Cell(one figure, i int) cell {
	if i < 0 {
		return cell{one.of(f.Whole), one.Kind, f.WholeLink(one)}
	}
	return cell{one.of(f.Rows[i]), one.Kind, f.drillTo(one.Drill, "", "", &f.Rows[i])}
}

// WholeLink leads to the orders behind a figure of the whole period; of all
// stores together, to each store's row.
func (f figurePage) WholeLink(one figure) string {
	if f.Group {
		return f.FigureLink(one)
	}
	return f.drillTo(one.Drill, "", "", nil)
}

// NumLink leads to the numerator of the page's own share.
func (f figurePage) NumLink() string {
	if f.Group {
		return f.FigureLink(*f.One)
	}
	drill, value := f.One.Drill, ""
	switch f.One.Key {
	case "on_time":
		value = kpi.OnTime
	case "promises_revised":
		value = "revised"
	case "promises_late":
		value = kpi.Late
	case "data_quality":
		drill = "complete"
	}
	return f.drillTo(drill, value, "", nil)
}

// DenLink leads to its denominator.
func (f figurePage) DenLink() string {
	if f.One.Key == "rework" && !f.Group { // the figure leads to what came back
		return f.drillTo("orders", "", "", nil)
	}
	return f.WholeLink(*f.One)
}

// OverviewLink leads back to all figures.
func (f figurePage) OverviewLink() string { return f.with("/kpi", "by", string(f.By)) }

// Near says whether a reading differs from the headline in one answer at most.
func (figurePage) Near(v kpi.Variant) bool {
	h := kpi.Headline()
	return b2i(v.Promise != h.Promise)+b2i(v.Moment != h.Moment)+b2i(v.Population != h.Population)+b2i(v.Tie != h.Tie) <= 1
}

// VariantLink leads to the orders behind a reading of the on-time rate.
func (f figurePage) VariantLink(v kpi.Variant, value string) string {
	return f.drillTo("on_time", value, v.String(), nil)
}

func (f figurePage) drillTo(figure, value, variant string, row *kpi.Row) string {
	from, to, by, key := f.From, f.To, "", ""
	if row != nil {
		switch f.By {
		case kpi.ByDay:
			from, to = row.Key, ""
		case byStore:
			return f.LinkTo(row.Key, "/orders", "kpi", figure, "from", from, "to", to, "value", value, "as_of", f.Asked)
		default:
			by, key = string(f.By), row.Key
		}
	}
	link := f.Link("/orders", "kpi", figure, "from", from, "to", to, "value", value, "variant", variant, "by", by, "key", key, "as_of", f.Asked)
	if by != "" && key == "" {
		link += "&key=" // the row of nobody, not of all
	}
	return link
}

// FigureLink leads to the page of one figure, with everything else as it is here.
func (f figurePage) FigureLink(one figure) string { return f.with("/kpi/"+one.Key, "by", string(f.By)) }

// ByLink is this page with another grouping.
func (f figurePage) ByLink(by kpi.By) string { return f.with(f.Path, "by", string(by)) }

// PeriodLink is this page for another period.
func (f figurePage) PeriodLink(p preset) string {
	return f.Link(f.Path, "from", p.From, "until", p.Until, "by", string(f.By), "compare", f.chosenCompare())
}

// ExportLink is a file of what the page shows.
func (f figurePage) ExportLink(kind string) string {
	return f.with("/export/figures."+kind, "by", string(f.By))
}

func (f figurePage) with(path string, pairs ...string) string {
	all := []string{"from", f.From, "to", f.To, "compare", f.chosenCompare(), "as_of", f.Asked}
	if f.Compare == "custom" {
		all = append(all, "cfrom", f.CFrom, "cuntil", f.CUntil)
	}
	return f.Link(path, append(all, pairs...)...)
}

// chosenCompare is the comparison if it is not the usual one.
func (f figurePage) chosenCompare() string {
	if f.Compare == "previous" {
		return ""
	}
	return f.Compare
}

// caveats are what the reader of the figures must know about their data.
func (d *dashboard) caveats(r *http.Request, f figurePage, q query) (out []caveat, err error) {
	add := func(key string, n int, link string) {
		if n > 0 {
			out = append(out, caveat{f.T("office.caveat."+key, n), link})
		}
	}
	row := f.Whole
	if q.span.To.After(q.span.Now) {
		out = append(out, caveat{f.T("office.caveat.running"), ""})
		if f.By == kpi.ByDay && len(f.Rows) < q.days() {
			out = append(out, caveat{f.T("office.caveat.ahead"), ""})
		}
	}
	if row.Orders > 0 && row.Orders < 10 {
		add("few", row.Orders, "")
	}
	add("uncertain", row.Quality.Uncertain, f.drillTo("uncertain", "", "", nil))
	add("unclosed", row.UnclosedJobs, f.drillTo("unclosed_jobs", "", "", nil))
	add("incomplete", row.Quality.Complete.Denominator-row.Quality.Complete.Numerator, f.drillTo("incomplete", "", "", nil))
	add("without_vehicle", row.OrdersWithoutVehicle, f.drillTo("orders_without_vehicle", "", "", nil))
	add("corrections", row.Quality.Corrections, f.drillTo("corrections", "", "", nil))
	add("calendar", row.WorkingDays.Unknown, "")
	missing, err := d.gaps(r, q.store)
	add("gaps", missing, f.Link("/kiosks"))
	return out, err
}

// gaps is how many records of a store's boards are missing.
func (d *dashboard) gaps(r *http.Request, s backoffice.Store) (n int, err error) {
	ks, err := d.kiosks(r.Context(), s)
	for _, k := range ks {
		n += int(k.gaps())
	}
	return n, err
}

// Number shows a count.
func (figurePage) Number(n int) string { return strconv.Itoa(n) }
