package kpi_test

import (
	"fmt"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// items signs an order with items of 60 and 30 standard minutes, both 小修.
func (s *script) items(when, promise string) *script {
	due := at(s.t, promise)
	return s.add(when, &kiosk.Signed{Visit: s.id, Order: "o" + s.id, Adviser: "a1", Promise: &due, Items: []kiosk.Item{
		{No: 1, Code: "A", Category: kiosk.Minor, Payer: "customer", StandardMinutes: 60},
		{No: 2, Code: "B", Category: kiosk.Minor, Payer: "customer", StandardMinutes: 30}}})
}

// on is a finished job of a technician in a bay on an item.
func (s *script) on(from, to, tech, bay string, item int, parallel bool) *script {
	j := kiosk.Job{Visit: s.id, Bay: bay, Technician: tech, Item: item}
	return s.add(from, &kiosk.Started{Job: j, Parallel: parallel}).add(to, &kiosk.Finished{Job: j})
}

// TestEfficiency has a case for each rule, with minutes found by hand.
func TestEfficiency(t *testing.T) {
	order := func(id string) *script { return visit(t, id).in("08:30").items("08:40", "16:00") }
	of := func(s ...*script) (vs []*kiosk.Visit) {
		for _, s := range s {
			vs = append(vs, s.fold())
		}
		return vs
	}
	tests := map[string]struct {
		visits []*kiosk.Visit
		want   map[string][2]int64 // by technician, "*" for the store: standard and clocked minutes
	}{
		"a job on an item": {of(order("1").on("09:00", "09:50", "t1", "b1", 1, false)),
			map[string][2]int64{"*": {60, 50}, "t1": {60, 50}}},
		"a job without an item covers all items": {of(order("1").on("09:00", "10:40", "t1", "b1", 0, false)),
			map[string][2]int64{"*": {90, 100}, "t1": {90, 100}}},
		"a job without an item covers the items not carded": {
			of(order("1").on("09:00", "09:40", "t1", "b1", 1, false).on("10:00", "10:45", "t2", "b1", 0, false)),
			map[string][2]int64{"*": {90, 85}, "t1": {60, 40}, "t2": {30, 45}}},
		"a card of an item that is not on the order is none": {of(order("1").on("09:00", "10:40", "t1", "b1", 7, false)),
			map[string][2]int64{"*": {90, 100}}},
		"several technicians share an item by clocked time": {
			of(order("1").on("09:00", "09:30", "t1", "b1", 1, false).on("09:40", "11:10", "t2", "b1", 1, false)),
			map[string][2]int64{"*": {60, 120}, "t1": {15, 30}, "t2": {45, 90}}},
		"a pause is not clocked": {
			of(order("1").add("09:00", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
				add("09:10", &kiosk.Paused{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}, Meta: kiosk.Meta{Reason: kiosk.Parts}}).
				add("10:10", &kiosk.Resumed{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
				add("10:30", &kiosk.Finished{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}})),
			map[string][2]int64{"*": {60, 30}}},
		"two items of a visit in parallel are one time": {
			of(visit(t, "1").in("08:30").items("08:40", "16:00").
				add("10:00", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
				add("10:30", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 2}, Parallel: true}).
				add("11:00", &kiosk.Finished{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
				add("11:30", &kiosk.Finished{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 2}})),
			map[string][2]int64{"*": {90, 90}, "t1": {90, 90}}},
		"two visits in parallel are one time": {
			of(order("1").on("10:00", "11:00", "t1", "b1", 1, false), order("2").on("10:30", "11:30", "t1", "b2", 2, true)),
			map[string][2]int64{"*": {90, 90}, "t1": {90, 90}}},
		"two technicians at once are two times": {
			of(order("1").on("10:00", "11:00", "t1", "b1", 1, false), order("2").on("10:00", "11:00", "t2", "b2", 2, false)),
			map[string][2]int64{"*": {90, 120}}},
		"an item counts when its last job is finished": {
			of(order("1").on("09:00", "09:30", "t1", "b1", 1, false).start("10:00", "t2").add("10:20", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t2", Item: 1}})),
			map[string][2]int64{"t1": {0, 30}}},
		"an unclosed stretch is not clocked and its item not finished": {
			of(order("1").add("09:00", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}), order("2").on("10:00", "10:20", "t1", "b1", 2, false)),
			map[string][2]int64{"*": {30, 20}}},
		"work without an order is clocked": {of(visit(t, "1").in("08:30").on("09:00", "09:20", "t1", "b1", 0, false)),
			map[string][2]int64{"*": {0, 20}}},
		"an item finished the day after counts there": {
			of(order("1").on("09:00", "09:20", "t1", "b1", 1, false).add("04 09:00", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
				add("04 09:30", &kiosk.Finished{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}})),
			map[string][2]int64{"*": {0, 20}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := day(t, tt.visits...)
			in.Now = at(t, "20 12:00")
			rows := append(kpi.Compute(in, kpi.ByTechnician), one(t, in))
			rows[len(rows)-1].Key = "*"
			for _, r := range rows {
				want, asked := tt.want[r.Key]
				got := [2]int64{r.Efficiency.NumeratorMS / 60_000, r.Efficiency.DenominatorMS / 60_000}
				if asked && got != want {
					t.Errorf("%s: %d standard ÷ %d clocked minutes, want %d ÷ %d", r.Key, got[0], got[1], want[0], want[1])
				}
			}
		})
	}
}

func TestProductivity(t *testing.T) {
	in := day(t, visit(t, "1").in("08:30").items("08:40", "16:00").on("09:00", "11:15", "t1", "b1", 0, false).fold(),
		visit(t, "2").in("08:30").items("08:40", "16:00").on("09:00", "10:00", "t2", "b2", 0, false).fold())
	if p := one(t, in).Productivity; p != nil {
		t.Errorf("without recorded presence productivity is %+v, want null", p)
	}
	in.Visits = append(in.Visits, present(t, "t1", "02 20:00", "03 04:30", "04:00", "04:30"), present(t, "t3", "05 08:00", "05 18:00"))
	// 00:00–04:30 lies in the day: 270 minutes. t2 has no presence and does not count.
	p := one(t, in).Productivity
	if p == nil || p.NumeratorMS != 135*60_000 || p.DenominatorMS != 270*60_000 || *p.Rate != 0.5 {
		t.Errorf("productivity is %+v, want 135 ÷ 270 minutes", p)
	}
	for _, r := range kpi.Compute(in, kpi.ByTechnician) {
		if (r.Key == "t1") != (r.Productivity != nil) {
			t.Errorf("%s: %+v", r.Key, r.Productivity)
		}
	}
}

// present is what the events of a technician's presence fold to.
func present(t testing.TB, who string, times ...string) *kiosk.Visit {
	s := visit(t, who)
	for i := 0; i < len(times); i += 2 {
		s.add("10 08:00", &kiosk.AttendanceRecorded{Technician: who, From: at(t, times[i]), To: at(t, times[i+1])})
	}
	return s.fold()
}

// TestPresenceIsCorrected: a presence that was voided or amended counts as it stands.
func TestPresenceIsCorrected(t *testing.T) {
	s := visit(t, "1").add("10 08:00", &kiosk.AttendanceRecorded{Technician: "t1", From: at(t, "09:00"), To: at(t, "10:00")}).
		add("10 08:01", &kiosk.AttendanceRecorded{Technician: "t1", From: at(t, "11:00"), To: at(t, "12:00")})
	s.add("10 08:02", &kiosk.Voided{Event: s.events[0].ID()}).
		add("10 08:03", &kiosk.Amended{Event: s.events[1].ID(), Fields: []byte(`{"to":"2026-11-03T11:30:00+08:00"}`)})
	in := day(t, s.fold(), visit(t, "2").in("08:30").items("08:40", "16:00").on("11:00", "11:15", "t1", "b1", 0, false).fold())
	if p := one(t, in).Productivity; p == nil || p.NumeratorMS != 15*60_000 || p.DenominatorMS != 30*60_000 {
		t.Errorf("productivity is %+v, want 15 ÷ 30 minutes", p)
	}
	for _, by := range []kpi.By{kpi.ByAdviser, kpi.ByBay, kpi.ByCategory} {
		for _, r := range kpi.Compute(in, by) {
			if r.Key == "" {
				t.Errorf("a presence makes a row by %s", by)
			}
		}
	}
}

// TestBayUse: bay b1 runs 09:00–10:00 and, overlapping, 09:30–10:30, then is
// paused 10:30–11:30; b2 runs 17:30–18:30, half an hour after closing; b3 is empty.
func TestBayUse(t *testing.T) {
	a := visit(t, "1").in("08:30").items("08:40", "16:00").on("09:00", "10:00", "t1", "b1", 1, false)
	b := visit(t, "2").in("08:30").items("08:40", "16:00").start("09:30", "t2").pause("10:30", "t2", kiosk.Parts).resume("11:30", "t2").finish("11:30:01", "t2")
	c := visit(t, "3").in("08:30").items("08:40", "16:00").on("17:30", "18:30", "t3", "b2", 0, false)
	in := day(t, a.fold(), b.fold(), c.fold())
	in.Bays = []string{"b1", "b2", "b3"}
	u := one(t, in).Beyond.Bays
	opening := int64(3 * 570 * 60_000)
	for name, tt := range map[string]struct {
		got    kpi.TimeRatio
		wantMS int64
	}{
		"running":         {u.Running, (90+60)*60_000 + 1000},
		"occupied":        {u.Occupied, (150+60)*60_000 + 1000},
		"running, open":   {u.Within.Running, (90+30)*60_000 + 1000},
		"occupied, open ": {u.Within.Occupied, (150+30)*60_000 + 1000},
	} {
		if tt.got.NumeratorMS != tt.wantMS || tt.got.DenominatorMS != opening {
			t.Errorf("%s: %d ÷ %d ms, want %d ÷ %d", name, tt.got.NumeratorMS, tt.got.DenominatorMS, tt.wantMS, opening)
		}
	}
	for _, r := range kpi.Compute(in, kpi.ByBay) {
		if r.Beyond.Bays.Running.DenominatorMS != 570*60_000 || r.Beyond.Bays.Bays != 1 {
			t.Errorf("bay %s: %+v", r.Key, r.Beyond.Bays)
		}
	}
	in.Now = at(t, "12:30") // four hours open so far
	if u := one(t, in).Beyond.Bays; u.Running.DenominatorMS != 3*240*60_000 {
		t.Errorf("at 12:30 the bays have been open %d ms", u.Running.DenominatorMS)
	}
}

func TestPromiseAccuracy(t *testing.T) {
	var vs []*kiosk.Visit
	for i, pass := range []string{"14:00", "15:10", "15:50", "16:00:59", "16:20", "17:30"} { // −120 −50 −10 0 20 90
		s := visit(t, fmt.Sprint(i)).in("08:30").sign("09:00", "16:00")
		if i == 4 {
			s.revise("15:00", "17:00", true)
		}
		vs = append(vs, s.pass(pass).fold())
	}
	vs = append(vs, visit(t, "open").in("08:30").sign("09:00", "16:00").fold(), visit(t, "none").in("08:30").sign("09:00", "").pass("10:00").fold())
	r := kpi.Compute(day(t, vs...), kpi.ByAdviser)[0]
	e := r.PromiseError
	if r.Key != "a1" || e.N != 6 || *e.P10 != -120 || *e.P50 != -10 || *e.P90 != 90 {
		t.Errorf("error of %s: n %d, p10 %d, p50 %d, p90 %d, want 6, -120, -10, 90", r.Key, e.N, *e.P10, *e.P50, *e.P90)
	}
	if p := r.Promises; p.Revised.Numerator != 1 || p.Revised.Denominator != 7 || p.Late.Numerator != 3 || p.Late.Denominator != 6 {
		t.Errorf("promises %+v, want 1/7 revised, 3/6 late", p)
	}
}

func TestReceptionsAndThroughput(t *testing.T) {
	var vs []*kiosk.Visit
	for i, d := range []string{"03", "03", "04", "05"} {
		s := visit(t, fmt.Sprint(i)).in(d+" 08:30").sign(d+" 09:00", d+" 16:00", kiosk.Maintenance, kiosk.Warranty)
		if i == 3 {
			s.events[1].Data.(*kiosk.Signed).Adviser = "a2"
		}
		vs = append(vs, s.on(d+" 09:00", d+" 10:00", fmt.Sprint("t", i%2), "b1", 0, false).pass(d+" 15:30").fold())
	}
	in := day(t, vs...)
	in.To = at(t, "07 00:00") // four days
	in.Calendar.Days = map[string]kiosk.Hours{"2026-11-05": {}}
	r := one(t, in)
	if x := r.Receptions; x.CategoryCounts != 8 || x.WorkingDays != 3 || x.Advisers != 2 || *x.Rate != 8.0/6 {
		t.Errorf("receptions %+v, want 8 ÷ 3 days ÷ 2 advisers", x)
	}
	if x := r.Throughput; x.Passes != 4 || x.Hours[15] != 4 || *x.PerDay != 4.0/3 || *x.PerOpenHour != 4/28.5 || x.Categories[kiosk.Warranty] != 4 {
		t.Errorf("throughput %+v", x)
	}
	for _, r := range kpi.Compute(in, kpi.ByTechnician) {
		if r.Throughput.Passes != 2 {
			t.Errorf("%s passed %d, want 2", r.Key, r.Throughput.Passes)
		}
	}
	in.Calendar.Holidays, in.Calendar.Years = "cn", []int{2025}
	if r := one(t, in); r.Receptions.Rate != nil || r.Throughput.PerDay != nil || r.WorkingDays.Unknown != 3 || r.WorkingDays.Days != 3 {
		t.Errorf("in a year without known holidays: %+v, %+v, want null and 3 unknown days", r.Receptions, r.WorkingDays)
	}
}

func TestCharge(t *testing.T) {
	earlier := kpi.FactOf(visit(t, "e").in("02 08:30").items("02 08:40", "02 16:00").
		on("02 09:00", "02 10:00", "t1", "b1", 1, false).on("02 10:00", "02 10:30", "t2", "b1", 2, false).on("02 10:30", "02 11:00", "t3", "b1", 1, false).fold(), cal)
	again := visit(t, "1").in("08:30").sign("09:00", "16:00").start("09:10", "t9").finish("09:30", "t9").
		add("10:00", &kiosk.ReworkConfirmed{Visit: "1", Earlier: "e", Items: []string{"A"}})
	lost := visit(t, "2").in("08:30").sign("09:00", "16:00").add("10:00", &kiosk.ReworkConfirmed{Visit: "2", Earlier: "gone", Items: []string{"A"}})
	fine := visit(t, "3").in("08:30").sign("09:00", "16:00").start("09:10", "t1").finish("09:30", "t1")
	facts := []kpi.Fact{kpi.FactOf(again.fold(), cal), kpi.FactOf(lost.fold(), cal), kpi.FactOf(fine.fold(), cal)}
	tallies, err := kpi.Tallies(facts, "2026-11-03", cal, at(t, "20 00:00"))
	if err != nil {
		t.Fatal(err)
	}
	find := func(id string) (kpi.Fact, bool) { return earlier, id == "e" }
	reworks := tallies[kpi.Group{By: kpi.ByNone}].Reworks()
	if got := fmt.Sprint(kpi.Charge(reworks, find, nil)); got != "map[:1 t1:1 t3:1]" {
		t.Errorf("charged %s", got)
	}
	team := func(who string) string { return map[string]string{"t1": "A", "t3": "A", "t9": "B"}[who] }
	if got := fmt.Sprint(kpi.Charge(reworks, find, team)); got != "map[:1 A:1]" {
		t.Errorf("teams charged %s", got)
	}
	p := kpi.Period{Calendar: cal, From: at(t, "03 00:00"), To: at(t, "04 00:00"), Now: at(t, "20 00:00")}
	var days []kpi.Dated
	for g, tally := range tallies {
		days = append(days, kpi.Dated{Day: "2026-11-03", Group: g, Tally: tally})
	}
	got := ""
	for _, r := range p.Charged(kpi.Rows(kpi.ByTechnician, days, p), kpi.Charge(reworks, find, nil)) {
		got += fmt.Sprintf("%q %d/%d, ", r.Key, r.Charged.Numerator, r.Charged.Denominator)
	}
	if want := `"" 1/0, "t1" 1/1, "t3" 1/0, "t9" 0/1, `; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

func TestProposeRework(t *testing.T) {
	came := func(id, d, vehicle string) *script {
		s := visit(t, id).in(d+" 09:00").items(d+" 09:30", d+" 16:00").on(d+" 10:00", d+" 11:00", "t-"+id, "b1", 1, false).deliver(d + " 12:00")
		s.events[0].Data.(*kiosk.CheckedIn).Vehicle = vehicle
		return s
	}
	others := []kpi.Fact{kpi.FactOf(came("old", "01", "x").fold(), cal), kpi.FactOf(came("new", "03", "x").fold(), cal),
		kpi.FactOf(came("other", "04", "y").fold(), cal), kpi.FactOf(came("later", "10", "x").fold(), cal)}
	propose := func(s *script, within time.Duration) string {
		f := kpi.FactOf(s.fold(), cal)
		p, ok := kpi.ProposeRework(&f, others, within)
		if !ok {
			return "none"
		}
		return fmt.Sprint(p.Earlier, p.Items, p.Technicians, p.After)
	}
	for name, tt := range map[string]struct {
		visit  *script
		within time.Duration
		want   string
	}{
		"the latest before":      {came("v", "05", "x"), 0, "new[A B] [t-new] 45h0m0s"},
		"within a bound":         {came("v", "05", "x"), 45 * time.Hour, "new[A B] [t-new] 45h0m0s"},
		"too long ago":           {came("v", "05", "x"), 44 * time.Hour, "none"},
		"another vehicle":        {came("v", "05", "z"), 0, "none"},
		"no vehicle":             {came("v", "05", ""), 0, "none"},
		"confirmed":              {came("v", "05", "x").add("05 13:00", &kiosk.ReworkConfirmed{Visit: "v", Earlier: "new"}), 0, "none"},
		"one item declined":      {came("v", "05", "x").add("05 13:00", &kiosk.ProposalDeclined{Visit: "v", Proposal: kiosk.ProposedRework, Items: []string{"A"}}), 0, "new[B] [] 45h0m0s"},
		"declined as a category": {came("v", "05", "x").add("05 13:00", &kiosk.ProposalDeclined{Visit: "v", Proposal: kiosk.ProposedCategory, Items: []string{"A", "B"}}), 0, "new[A B] [t-new] 45h0m0s"},
		"all declined":           {came("v", "05", "x").add("05 13:00", &kiosk.ProposalDeclined{Visit: "v", Proposal: kiosk.ProposedRework, Items: []string{"B", "A"}}), 0, "none"},
		"cancelled":              {came("v", "05", "x").add("05 13:00", &kiosk.OrderCancelled{Visit: "v"}), 0, "none"},
	} {
		if got := propose(tt.visit, tt.within); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestProposeCategories(t *testing.T) {
	order := func(c kiosk.Category) *script {
		s := visit(t, "1").in("08:30").items("08:40", "16:00")
		items := s.events[1].Data.(*kiosk.Signed).Items
		items[0].Category, items[1].Category = c, c
		return s
	}
	mixed := func() *script {
		s := order(kiosk.Minor)
		s.events[1].Data.(*kiosk.Signed).Items[1].Category = kiosk.Maintenance
		return s
	}
	for name, tt := range map[string]struct {
		visit *script
		want  string
	}{
		"exactly two hours is 小修":           {order(kiosk.Minor).on("09:00", "11:00", "t1", "b1", 0, false), ""},
		"more is 大修":                        {order(kiosk.Minor).on("09:00", "11:00:01", "t1", "b1", 0, false), "minor→major [A B] 2h0m1s"},
		"大修 of two hours is 小修":             {order(kiosk.Major).on("09:00", "11:00", "t1", "b1", 0, false), "major→minor [A B] 2h0m0s"},
		"大修 of more stays":                  {order(kiosk.Major).on("09:00", "11:01", "t1", "b1", 0, false), ""},
		"two technicians' time adds up":     {order(kiosk.Minor).on("09:00", "10:30", "t1", "b1", 1, false).on("10:30", "12:00", "t2", "b1", 2, false), "minor→major [A B] 3h0m0s"},
		"other categories say nothing":      {order(kiosk.Accident).on("09:00", "15:00", "t1", "b1", 0, false), ""},
		"mixed work cannot be told apart":   {mixed().on("09:00", "12:00", "t1", "b1", 0, false), ""},
		"not while work lasts":              {order(kiosk.Minor).on("09:00", "11:30", "t1", "b1", 1, false).start("12:00", "t2"), ""},
		"declined":                          {order(kiosk.Minor).on("09:00", "12:00", "t1", "b1", 0, false).add("13:00", &kiosk.ProposalDeclined{Visit: "1", Proposal: kiosk.ProposedCategory, Items: []string{"A", "B"}}), ""},
		"time shared by two items is split": {parallel(order(kiosk.Minor)), ""},
	} {
		f := kpi.FactOf(tt.visit.fold(), cal)
		got := ""
		for _, p := range kpi.ProposeCategories(&f, at(t, "18:00")) {
			got += fmt.Sprintf("%s→%s %v %s", p.From, p.To, p.Items, p.Clocked)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	f := kpi.FactOf(mixed().on("09:00", "12:00", "t1", "b1", 1, false).on("12:00", "12:20", "t1", "b1", 2, false).fold(), cal)
	if ps := kpi.ProposeCategories(&f, at(t, "18:00")); len(ps) != 1 || ps[0].Clocked != 3*time.Hour || len(ps[0].Items) != 1 {
		t.Errorf("told apart by cards: %+v", ps)
	}
}

// parallel has one technician work on both items at once for two hours.
func parallel(s *script) *script {
	return s.add("09:00", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
		add("09:00", &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 2}, Parallel: true}).
		add("11:00", &kiosk.Finished{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 1}}).
		add("11:00", &kiosk.Finished{Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1", Item: 2}})
}

func TestScore(t *testing.T) {
	for name, tt := range map[string]struct {
		c    kpi.Criterion
		want float64
		fail bool
	}{
		"control within the plan": {kpi.Criterion{Kind: kpi.Control, Actual: 3, Plan: 3, Weight: 0.2}, 100, false},
		"control of nothing":      {kpi.Criterion{Kind: kpi.Control, Actual: 0, Plan: 3}, 100, false},
		"control above":           {kpi.Criterion{Kind: kpi.Control, Actual: 5, Plan: 4}, 75, false},
		"control at twice":        {kpi.Criterion{Kind: kpi.Control, Actual: 8, Plan: 4}, 0, false},
		"control at thrice":       {kpi.Criterion{Kind: kpi.Control, Actual: 12, Plan: 4}, 0, false},
		"growth":                  {kpi.Criterion{Kind: kpi.Growth, Actual: 3, Plan: 4}, 75, false},
		"growth without a cap":    {kpi.Criterion{Kind: kpi.Growth, Actual: 8, Plan: 4}, 200, false},
		"growth with a cap":       {kpi.Criterion{Kind: kpi.Growth, Actual: 8, Plan: 4, Cap: 120}, 120, false},
		"a plan of nothing":       {kpi.Criterion{Name: "p", Kind: kpi.Growth, Actual: 8}, 0, true},
		"control of nothing at 0": {kpi.Criterion{Name: "p", Kind: kpi.Control}, 0, true},
		"a negative plan":         {kpi.Criterion{Kind: kpi.Growth, Actual: 8, Plan: -1}, 0, true},
		"another kind":            {kpi.Criterion{Kind: "profit", Actual: 8, Plan: 1}, 0, true},
	} {
		got, err := tt.c.Points()
		if got != tt.want || (err != nil) != tt.fail {
			t.Errorf("%s: %v, %v, want %v (error %v)", name, got, err, tt.want, tt.fail)
		}
	}
	sum, err := kpi.Score([]kpi.Criterion{{Kind: kpi.Control, Actual: 5, Plan: 4, Weight: 0.4}, {Kind: kpi.Growth, Actual: 9, Plan: 10, Weight: 0.6}})
	if err != nil || sum != 75*0.4+90*0.6 {
		t.Errorf("score %v, %v, want 84: the weight counts once", sum, err)
	}
	if _, err := kpi.Score([]kpi.Criterion{{Name: "返修", Kind: kpi.Control, Actual: 5}}); err == nil {
		t.Error("a plan of 0 has a score")
	}
	for rate, want := range map[float64]int{0.01: 0, 0.03: 0, 0.031: 1, 0.05: 1, 0.06: 2, 0.1: 2, 0.11: 3} {
		if got := (kpi.Bands{0.03, 0.05, 0.1}).Of(rate); got != want {
			t.Errorf("%v exceeds %d bounds, want %d", rate, got, want)
		}
	}
}
