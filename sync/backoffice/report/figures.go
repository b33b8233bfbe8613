package report

import (
	"cmp"
	"slices"
	"strings"

	"baylight/kiosk"
	"baylight/kiosk/words"
	"baylight/sync/backoffice/kpi"
)

// About says what rows are about. The texts stand above the table.
type About struct {
	Store    string // as people call it
	From, To string // store-local days, half-open
	By       kpi.By
	AsOf     string // <ledger>-N
	Lang     words.Lang

	Targets map[string]int64 // by the names of kpi.Measures; a figure that has one gets two columns more, at the end
}

// column is a column and how to read its cell off a row.
type column struct {
	key   string      // as in the API's answer, parts joined by _
	title []words.Key // joined by a space
	kind  Kind
	cell  func(kpi.Row) Cell
}

// Figures makes the table of figures, a row each.
func Figures(rows []kpi.Row, a About) Table {
	a.Lang = cmp.Or(a.Lang, words.ZH)
	say := func(k words.Key, args ...string) string { return words.Text(a.Lang, k, args...) }
	t := Table{Title: say("report.title"), Notes: []string{
		say("report.about", a.Store, a.From, a.To), say("report.basis", kpi.Definition, a.AsOf)}}
	columns := append(columns(), aims(a)...)
	if a.By != kpi.ByNone && a.By != "" {
		key := column{"key", []words.Key{words.Key("report.by." + string(a.By))}, Text, func(r kpi.Row) Cell { return keyText(a, r.Key) }}
		columns = append([]column{key}, columns...)
	}
	for _, c := range columns {
		title := ""
		for _, k := range c.title {
			if title != "" {
				title += " "
			}
			title += say(k)
		}
		t.Columns = append(t.Columns, Column{Key: c.key, Title: title, Kind: c.kind, Aside: !slices.Contains(narrow(), c.key) && !strings.HasSuffix(c.key, "_met")})
	}
	for _, r := range rows {
		line := make([]Cell, 0, len(columns))
		for _, c := range columns {
			line = append(line, c.cell(r))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

// narrow are the columns that a terminal has room for.
func narrow() []string {
	return []string{"key", "arrivals", "orders", "category_counts", "vehicles", "on_time_rate", "rework_rate", "response_accepted_p50_minutes",
		"repair_gross_p50_minutes", "turnaround_p50_minutes", "unclosed_jobs", "complete_rate"}
}

// keyText is the key of a row as people read it.
func keyText(a About, key string) string {
	switch {
	case key == "" && a.By == kpi.ByTeam:
		return words.Text(a.Lang, "office.no_team")
	case key == "":
		return words.Text(a.Lang, "report.nobody")
	case a.By == kpi.ByCategory:
		return words.Text(a.Lang, words.Key("category."+key))
	}
	return key
}

// columns are all figures of a row, in the order of DOMAIN §6.
func columns() []column {
	out := []column{
		count("arrivals", "kpi.arrivals", func(r kpi.Row) int { return r.Arrivals }),
		count("orders", "kpi.orders", func(r kpi.Row) int { return r.Orders }),
		count("category_counts", "kpi.category_counts", func(r kpi.Row) int { return r.CategoryCounts }),
		count("vehicles", "kpi.vehicles", func(r kpi.Row) int { return r.Vehicles }),
		count("orders_without_vehicle", "kpi.orders_without_vehicle", func(r kpi.Row) int { return r.OrdersWithoutVehicle }),
	}
	out = append(out, ratio("on_time", "kpi.on_time", func(r kpi.Row) kpi.Ratio { return r.OnTime.Ratio })...)
	out = append(out, ratio("rework", "kpi.rework", func(r kpi.Row) kpi.Ratio { return r.Rework })...)
	out = append(out, minutes("response_accepted", "kpi.response_accepted", func(r kpi.Row) kpi.Minutes { return r.Response.Accepted })...)
	out = append(out, minutes("response_first_job", "kpi.response_first_job", func(r kpi.Row) kpi.Minutes { return r.Response.FirstJob })...)
	out = append(out, minutes("repair_gross", "kpi.repair_gross", func(r kpi.Row) kpi.Minutes { return r.Repair.Gross })...)
	out = append(out, minutes("repair_net", "kpi.repair_net", func(r kpi.Row) kpi.Minutes { return r.Repair.Net })...)
	out = append(out, minutes("turnaround", "kpi.turnaround", func(r kpi.Row) kpi.Minutes { return r.Turnaround })...)
	out = append(out, beyond()...)
	for _, s := range kiosk.Stages() {
		out = append(out, column{"stage_" + string(s), []words.Key{words.Key("stage." + string(s)), "report.mean"}, Minutes,
			func(r kpi.Row) Cell { return stage(r.Stages, s) }})
	}
	for _, c := range kiosk.Categories() {
		out = append(out, count("category_"+string(c), words.Key("category."+string(c)), func(r kpi.Row) int { return r.Categories[c] }))
	}
	out = append(out, count("unclosed_jobs", "kpi.unclosed_jobs", func(r kpi.Row) int { return r.UnclosedJobs }))
	out = append(out, ratio("complete", "kpi.complete", func(r kpi.Row) kpi.Ratio { return r.Quality.Complete })...)
	return append(out,
		count("uncertain", "kpi.uncertain", func(r kpi.Row) int { return r.Quality.Uncertain }),
		count("uncertain_orders", "kpi.uncertain_orders", func(r kpi.Row) int { return r.Quality.UncertainOrders }),
		count("corrections", "kpi.corrections", func(r kpi.Row) int { return r.Quality.Corrections }))
}

// aims are the targets, and what became of them in each row; a target says nothing
// of one category of work.
func aims(a About) (out []column) {
	for _, m := range kpi.Measures() {
		target, ok := a.Targets[m.Name]
		if !ok || !m.Aim() || a.By == kpi.ByCategory {
			continue
		}
		sign := words.Key("report.at_least")
		if m.Most {
			sign = "report.at_most"
		}
		name := words.Key("kpi." + m.Figure)
		out = append(out,
			column{m.Name + "_target", []words.Key{name, sign, words.Key("report.unit." + string(m.Unit))}, Count, func(kpi.Row) Cell { return target }},
			column{m.Name + "_met", []words.Key{name, "report.target"}, Text, func(r kpi.Row) Cell {
				switch met, ok := m.Met(r, target); {
				case !ok:
					return nil
				case met:
					return words.Text(a.Lang, "office.target.met")
				}
				return words.Text(a.Lang, "office.target.missed")
			}})
	}
	return out
}

// beyond are the figures that not every kind of row has.
func beyond() (out []column) {
	out = append(out, spread("promise_error", "kpi.promise_error", func(r kpi.Row) kpi.Spread { return r.PromiseError })...)
	out = append(out, ratio("promises_revised", "kpi.promises_revised", func(r kpi.Row) kpi.Ratio { return r.Promises.Revised })...)
	out = append(out, ratio("promises_late", "kpi.promises_late", func(r kpi.Row) kpi.Ratio { return r.Promises.Late })...)
	out = append(out, times("efficiency", "kpi.efficiency", func(r kpi.Row) *kpi.TimeRatio { return r.Efficiency })...)
	out = append(out, times("productivity", "kpi.productivity", func(r kpi.Row) *kpi.TimeRatio { return r.Productivity })...)
	use := func(of func(*kpi.BayUse) *kpi.TimeRatio) func(kpi.Row) *kpi.TimeRatio {
		return func(r kpi.Row) *kpi.TimeRatio {
			if r.Bays == nil {
				return nil
			}
			return of(r.Bays)
		}
	}
	out = append(out, times("bay_utilisation_running", "kpi.bay_utilisation_running", use(func(b *kpi.BayUse) *kpi.TimeRatio { return &b.Running }))...)
	out = append(out, times("bay_utilisation_occupied", "kpi.bay_utilisation_occupied", use(func(b *kpi.BayUse) *kpi.TimeRatio { return &b.Occupied }))...)
	number := func(key string, title []words.Key, of func(kpi.Row) *float64) column {
		return column{key, title, Number, func(r kpi.Row) Cell {
			if v := of(r); v != nil {
				return *v
			}
			return nil
		}}
	}
	out = append(out, number("receptions_per_adviser_day", []words.Key{"kpi.receptions_per_adviser_day"}, func(r kpi.Row) *float64 { return r.Receptions.Rate }),
		count("throughput", "kpi.throughput", func(r kpi.Row) int { return r.Throughput.Passes }),
		number("throughput_per_day", []words.Key{"kpi.throughput", "report.per_day"}, func(r kpi.Row) *float64 { return r.Throughput.PerDay }),
		number("throughput_per_open_hour", []words.Key{"kpi.throughput", "report.per_open_hour"}, func(r kpi.Row) *float64 { return r.Throughput.PerOpenHour }))
	charged := ratio("rework_charged", "kpi.rework_charged", func(r kpi.Row) kpi.Ratio { return *r.Charged })
	for i, c := range charged { // in rows by technician only
		charged[i].cell = func(r kpi.Row) Cell {
			if r.Charged == nil {
				return nil
			}
			return c.cell(r)
		}
	}
	return append(append(out, charged...), count("working_days", "kpi.working_days", func(r kpi.Row) int { return r.WorkingDays.Days }))
}

// spread is a signed duration's p10, median and p90.
func spread(key string, title words.Key, of func(kpi.Row) kpi.Spread) []column {
	cell := func(p func(kpi.Spread) *int64) func(kpi.Row) Cell {
		return func(r kpi.Row) Cell { return whole(p(of(r))) }
	}
	return []column{
		{key + "_p10_minutes", []words.Key{title, "report.p10"}, Minutes, cell(func(s kpi.Spread) *int64 { return s.P10 })},
		{key + "_p50_minutes", []words.Key{title, "report.p50"}, Minutes, cell(func(s kpi.Spread) *int64 { return s.P50 })},
		{key + "_p90_minutes", []words.Key{title, "report.p90"}, Minutes, cell(func(s kpi.Spread) *int64 { return s.P90 })},
	}
}

// times is a share of times and what it is made of, in whole minutes; nothing at
// all in rows that do not have it.
func times(key string, title words.Key, of func(kpi.Row) *kpi.TimeRatio) []column {
	cell := func(part func(kpi.TimeRatio) Cell) func(kpi.Row) Cell {
		return func(r kpi.Row) Cell {
			if t := of(r); t != nil {
				return part(*t)
			}
			return nil
		}
	}
	return []column{
		{key + "_rate", []words.Key{title}, Share, cell(func(t kpi.TimeRatio) Cell {
			if t.Rate != nil {
				return *t.Rate
			}
			return nil
		})},
		{key + "_numerator_minutes", []words.Key{title, "report.numerator_minutes"}, Minutes, cell(func(t kpi.TimeRatio) Cell { return t.NumeratorMS / 60_000 })},
		{key + "_denominator_minutes", []words.Key{title, "report.denominator_minutes"}, Minutes, cell(func(t kpi.TimeRatio) Cell { return t.DenominatorMS / 60_000 })},
	}
}

// whole is a number, or nothing.
func whole(p *int64) Cell {
	if p == nil {
		return nil
	}
	return *p
}

// stage is the mean of a stage over the visits that have a split, in whole minutes.
func stage(s kpi.StageTotals, of kiosk.Stage) Cell {
	if s.Visits == 0 {
		return nil
	}
	return s.MS[of] / int64(s.Visits) / 60_000
}

func count(key string, title words.Key, of func(kpi.Row) int) column {
	return column{key, []words.Key{title}, Count, func(r kpi.Row) Cell { return int64(of(r)) }}
}

// ratio is a share and what it is made of.
func ratio(key string, title words.Key, of func(kpi.Row) kpi.Ratio) []column {
	return []column{
		{key + "_rate", []words.Key{title}, Share, func(r kpi.Row) Cell {
			if v := of(r).Rate; v != nil {
				return *v
			}
			return nil
		}},
		{key + "_numerator", []words.Key{title, "report.numerator"}, Count, func(r kpi.Row) Cell { return int64(of(r).Numerator) }},
		{key + "_denominator", []words.Key{title, "report.denominator"}, Count, func(r kpi.Row) Cell { return int64(of(r).Denominator) }},
	}
}

// minutes is a duration's median and p90.
func minutes(key string, title words.Key, of func(kpi.Row) kpi.Minutes) []column {
	return []column{
		{key + "_p50_minutes", []words.Key{title, "report.p50"}, Minutes, func(r kpi.Row) Cell { return whole(of(r).P50) }},
		{key + "_p90_minutes", []words.Key{title, "report.p90"}, Minutes, func(r kpi.Row) Cell { return whole(of(r).P90) }},
	}
}
