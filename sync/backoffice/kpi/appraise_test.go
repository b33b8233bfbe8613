package kpi_test

import (
	"fmt"
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// TestMeasures reads every measure off a row whose figures are all different.
func TestMeasures(t *testing.T) {
	n := func(i int64) *int64 { return &i }
	f := func(v float64) *float64 { return &v }
	var r kpi.Row
	share := func(num, den int) kpi.Ratio { return kpi.Ratio{Numerator: num, Denominator: den} }
	times := func(num int64) kpi.TimeRatio { return kpi.TimeRatio{NumeratorMS: num, DenominatorMS: 200} }
	r.OnTime.Ratio, r.Rework, r.Promises.Revised, r.Promises.Late, r.Quality.Complete = share(19, 20), share(1, 40), share(3, 20), share(1, 20), share(9, 10)
	charged, efficiency, productivity := share(1, 50), times(230), times(170)
	r.Charged, r.Efficiency, r.Productivity, r.Bays = &charged, &efficiency, &productivity, &kpi.BayUse{Running: times(120), Occupied: times(140)}
	r.Orders, r.CategoryCounts, r.Vehicles, r.UnclosedJobs, r.Throughput.Passes, r.Receptions.Rate = 60, 70, 55, 2, 58, f(8.5)
	minutes := func(p50 int64) kpi.Minutes { return kpi.Minutes{P50: n(p50)} }
	r.Response, r.Repair.Gross, r.Repair.Net, r.Turnaround = kpi.Response{Accepted: minutes(6), FirstJob: minutes(31)}, minutes(90), minutes(75), minutes(240)
	var got []string
	for _, m := range kpi.Measures() {
		v, ok := m.Of(r)
		got = append(got, fmt.Sprintf("%s %v %v", m.Name, v, ok))
		if _, ok := m.Of(kpi.Row{}); ok != (m.Unit == kpi.Count) {
			t.Errorf("%s of an empty row is told: %v", m.Name, ok)
		}
	}
	want := "on_time_percent 95 true, rework_percent 2.5 true, rework_charged_percent 2 true, promises_revised_percent 15 true, promises_late_percent 5 true, orders 60 true, " +
		"category_counts 70 true, vehicles 55 true, receptions_per_adviser_day 8.5 true, throughput 58 true, efficiency_percent 115 true, productivity_percent 85 true, " +
		"bay_utilisation_running_percent 60 true, bay_utilisation_occupied_percent 70 true, response_accepted_minutes 6 true, response_first_job_minutes 31 true, " +
		"repair_gross_minutes 90 true, repair_net_minutes 75 true, turnaround_minutes 240 true, data_quality_percent 90 true, unclosed_jobs 2 true"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("measures\n%s, want\n%s", s, want)
	}
	for _, tt := range []struct {
		name   string
		target int64
		met    bool
	}{{"on_time_percent", 95, true}, {"on_time_percent", 96, false}, {"rework_percent", 3, true}, {"rework_percent", 2, false}, {"turnaround_minutes", 240, true}, {"turnaround_minutes", 239, false}} {
		m, err := kpi.MeasureOf(tt.name)
		if met, ok := m.Met(r, tt.target); err != nil || met != tt.met || !ok {
			t.Errorf("%s with a target of %d is met: %v %v %v, want %v", tt.name, tt.target, met, ok, err, tt.met)
		}
	}
	m, _ := kpi.MeasureOf("rework_percent")
	if met, ok := m.Met(kpi.Row{}, 3); met || ok {
		t.Error("what cannot be told meets a target")
	}
}

func TestCheckTarget(t *testing.T) {
	for name, wrong := range map[string]string{"on_time_percent": "", "on_time": "is not one of", "orders": "grows with the period"} {
		if err := kpi.CheckTarget(name, 3); (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v, want %q", name, err, wrong)
		}
	}
	if err := kpi.CheckTarget("on_time_percent", -1); err == nil {
		t.Error("a target below 0 is taken")
	}
}

func TestCheckPlans(t *testing.T) {
	ok := kpi.Plan{By: kpi.ByAdviser, Measure: "on_time_percent", Kind: kpi.Growth, Plan: 95, Weight: 100, Cap: 120}
	if err := kpi.CheckPlans([]kpi.Plan{ok}); err != nil {
		t.Fatal(err)
	}
	for wrong, change := range map[string]func(*kpi.Plan){
		"is not one of":            func(p *kpi.Plan) { p.Measure = "on_time" },
		"adviser or technician":    func(p *kpi.Plan) { p.By = kpi.ByBay },
		"one adviser":              func(p *kpi.Plan) { p.Measure = "efficiency_percent" },
		"control or growth":        func(p *kpi.Plan) { p.Kind = "profit" },
		"measured against 0":       func(p *kpi.Plan) { p.Plan = 0 },
		"the weight 0":             func(p *kpi.Plan) { p.Weight = 0 },
		"points of a growth":       func(p *kpi.Plan) { p.Kind = kpi.Control },
		"add up to 60, not to 100": func(p *kpi.Plan) { p.Weight = 60 },
	} {
		p := ok
		change(&p)
		if err := kpi.CheckPlans([]kpi.Plan{p}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%v, want %q", err, wrong)
		}
	}
	half := ok
	half.Weight = 50
	if err := kpi.CheckPlans([]kpi.Plan{half, half}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("the same criterion twice: %v", err)
	}
}

func TestAppraise(t *testing.T) {
	plans := []kpi.Plan{{By: kpi.ByAdviser, Measure: "on_time_percent", Kind: kpi.Growth, Plan: 95, Weight: 40, Cap: 100},
		{By: kpi.ByAdviser, Measure: "rework_percent", Kind: kpi.Control, Plan: 4, Weight: 60}, {By: kpi.ByTechnician, Measure: "orders", Kind: kpi.Growth, Plan: 10, Weight: 100}}
	row := func(key string, onTime, rework int) (r kpi.Row) {
		r.Key, r.Orders = key, 20
		r.OnTime.Ratio, r.Rework = kpi.Ratio{Numerator: onTime, Denominator: 20}, kpi.Ratio{Numerator: rework, Denominator: 20}
		return r
	}
	got, err := kpi.Appraise(plans, kpi.ByAdviser, []kpi.Row{row("", 20, 0), row("a1", 19, 1), row("a2", 20, 0), {Key: "a3"}})
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v: want three, nobody is left out", got, err)
	}
	// a1: 95 of 95 → 100; 5 of 4 → [1+(1−1.25)]×100 = 75.
	if a := got[0]; *a.Score != 100*0.4+75*0.6 || *a.Terms[1].Points != 75 || *a.Terms[1].Share != 45 || *a.Terms[1].Actual != 5 {
		t.Errorf("a1 %v %+v, want 85", *a.Score, a.Terms)
	}
	if a := got[1]; *a.Score != 100 {
		t.Errorf("a2 %v, want 100: the cap holds, and no rework is within the plan", *a.Score)
	}
	if a := got[2]; a.Score != nil || a.Terms[0].Points != nil || len(a.Terms) != 2 {
		t.Errorf("a3, of whom nothing can be told: %+v, want no score", a)
	}
	if got, err := kpi.Appraise(plans[:2], kpi.ByTechnician, []kpi.Row{row("t1", 1, 1)}); err != nil || len(got) != 0 {
		t.Errorf("without plans: %+v %v", got, err)
	}
	if _, err := kpi.Appraise([]kpi.Plan{{By: kpi.ByAdviser, Measure: "orders", Kind: kpi.Growth}}, kpi.ByAdviser, []kpi.Row{row("a1", 1, 1)}); err == nil {
		t.Error("a plan of 0 has a score")
	}
}

// TestTeams: two of team A work on one order at the same time, each an hour on an
// item of its own; it is one order of A with two hours clocked.
func TestTeams(t *testing.T) {
	both := visit(t, "e").in("08:30").items("08:40", "16:00").on("09:00", "10:00", "t1", "b1", 1, false).on("09:00", "10:00", "t2", "b2", 2, false)
	again := visit(t, "1").in("12:00").sign("12:05", "16:00").start("13:10", "t3").finish("13:30", "t3").
		add("14:00", &kiosk.ReworkConfirmed{Visit: "1", Earlier: "e", Items: []string{"A", "B"}})
	lost := visit(t, "2").in("12:00").sign("12:05", "16:00").add("14:00", &kiosk.ReworkConfirmed{Visit: "2", Earlier: "gone", Items: []string{"A"}})
	facts := []kpi.Fact{kpi.FactOf(both.fold(), cal), kpi.FactOf(again.fold(), cal), kpi.FactOf(lost.fold(), cal)}
	p := kpi.Period{Calendar: cal, From: at(t, "03 00:00"), To: at(t, "04 00:00"), Now: at(t, "20 00:00")}
	reworks := p.ReworkedOf(facts, func(id string) (kpi.Fact, bool) { return facts[0], id == "e" })
	if len(reworks) != 2 || fmt.Sprint(reworks[0].Did, reworks[0].Redid) != "[t1 t2] [t3]" || reworks[1].Before != nil || len(reworks[1].Did) != 0 {
		t.Fatalf("reworks %+v", reworks)
	}
	team := func(who string) string { return map[string]string{"t1": "A", "t2": "A", "t3": "B"}[who] }
	got := ""
	for _, r := range p.Teams(facts, team, reworks) {
		got += fmt.Sprintf("%q %d orders, %d ms clocked, charged %d/%d; ", r.Key, r.Orders, r.Efficiency.DenominatorMS, r.Charged.Numerator, r.Charged.Denominator)
	}
	if want := `"" 0 orders, 0 ms clocked, charged 1/0; "A" 1 orders, 7200000 ms clocked, charged 1/1; "B" 1 orders, 1200000 ms clocked, charged 0/1; `; got != want {
		t.Errorf("teams\n%s, want\n%s", got, want)
	}
	if facts[0].Jobs[0].Technician != "t1" {
		t.Error("the facts that were given are changed")
	}
	if !reworks[0].ChargedTo("A", team) || reworks[0].ChargedTo("t3", nil) || !reworks[1].ChargedTo("", nil) {
		t.Error("who is charged is not who is said to be")
	}
	behind, err := p.Behind(kpi.InTeams(facts, team), kpi.Group{By: kpi.ByTechnician, Key: "A"}, "orders", "", kpi.Headline())
	if err != nil || len(behind) != 1 || behind[0].Visit != "e" {
		t.Errorf("behind A's orders: %+v %v", behind, err)
	}
}
