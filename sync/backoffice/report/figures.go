package report

import (
	"cmp"
	"slices"

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
	columns := columns()
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
		t.Columns = append(t.Columns, Column{Key: c.key, Title: title, Kind: c.kind, Aside: !slices.Contains(narrow(), c.key)})
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
		"repair_gross_p50_minutes", "turnaround_p50_minutes", "unclosed_jobs", "data_quality_rate"}
}

// keyText is the key of a row as people read it.
func keyText(a About, key string) string {
	switch {
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
	for _, s := range kiosk.Stages() {
		out = append(out, column{"stage_" + string(s), []words.Key{words.Key("stage." + string(s)), "report.mean"}, Minutes,
			func(r kpi.Row) Cell { return stage(r.Stages, s) }})
	}
	for _, c := range kiosk.Categories() {
		out = append(out, count("category_"+string(c), words.Key("category."+string(c)), func(r kpi.Row) int { return r.Categories[c] }))
	}
	out = append(out, count("unclosed_jobs", "kpi.unclosed_jobs", func(r kpi.Row) int { return r.UnclosedJobs }))
	out = append(out, ratio("data_quality", "kpi.data_quality", func(r kpi.Row) kpi.Ratio { return r.Quality.Complete })...)
	return append(out,
		count("uncertain", "office.uncertain", func(r kpi.Row) int { return r.Quality.Uncertain }),
		count("corrections", "report.corrections", func(r kpi.Row) int { return r.Quality.Corrections }))
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
	cell := func(p *int64) Cell {
		if p == nil {
			return nil
		}
		return *p
	}
	return []column{
		{key + "_p50_minutes", []words.Key{title, "report.p50"}, Minutes, func(r kpi.Row) Cell { return cell(of(r).P50) }},
		{key + "_p90_minutes", []words.Key{title, "report.p90"}, Minutes, func(r kpi.Row) Cell { return cell(of(r).P90) }},
	}
}
