package kpi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

var (
	zone = time.FixedZone("CST", 8*3600)
	cal  = kiosk.ShanghaiWeek(zone)
)

// at reads "HH:MM[:SS]" of 3 November 2026, or "DD HH:MM[:SS]" of that month.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	day, clock, found := strings.Cut(s, " ")
	if !found {
		day, clock = "03", s
	}
	if strings.Count(clock, ":") == 1 {
		clock += ":00"
	}
	out, err := time.ParseInLocation(time.DateTime, "2026-11-"+day+" "+clock, zone)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// script builds the events of one visit.
type script struct {
	t      testing.TB
	id     string
	events []kiosk.Event
}

func visit(t testing.TB, id string) *script { return &script{t: t, id: id} }

func (s *script) add(when string, p kiosk.Payload) *script {
	s.events = append(s.events, kiosk.Event{
		Source: kiosk.KioskSource("sh", "k1"), Epoch: "e" + s.id, Seq: uint64(len(s.events) + 1),
		Moment: kiosk.Moment{Wall: at(s.t, when), Boot: "b", Clock: kiosk.Synced}, Data: p,
	})
	return s
}

func (s *script) in(when string) *script {
	return s.add(when, &kiosk.CheckedIn{Visit: s.id, Ticket: "A001", Vehicle: "car-" + s.id, Purpose: "maintenance"})
}

func (s *script) accept(when string) *script {
	return s.add(when, &kiosk.Accepted{Visit: s.id, Adviser: "a1"})
}

func (s *script) sign(when, promise string, cs ...kiosk.Category) *script {
	if len(cs) == 0 {
		cs = []kiosk.Category{kiosk.Maintenance}
	}
	p := &kiosk.Signed{Visit: s.id, Order: "o" + s.id, Adviser: "a1"}
	for i, c := range cs {
		p.Items = append(p.Items, kiosk.Item{No: i + 1, Code: fmt.Sprintf("M%d", i), Category: c, Payer: "customer"})
	}
	if promise != "" {
		due := at(s.t, promise)
		p.Promise = &due
	}
	return s.add(when, p)
}

func (s *script) revise(when, promise string, consent bool) *script {
	return s.add(when, &kiosk.PromiseRevised{Visit: s.id, Promise: at(s.t, promise), Consent: consent})
}

func (s *script) job(tech string) kiosk.Job {
	return kiosk.Job{Visit: s.id, Bay: "b1", Technician: tech}
}

func (s *script) start(when, tech string) *script {
	return s.add(when, &kiosk.Started{Job: s.job(tech)})
}

func (s *script) resume(when, tech string) *script {
	return s.add(when, &kiosk.Resumed{Job: s.job(tech)})
}

func (s *script) pause(when, tech, reason string) *script {
	return s.add(when, &kiosk.Paused{Job: s.job(tech), Meta: kiosk.Meta{Reason: reason}})
}

func (s *script) finish(when, tech string) *script {
	return s.add(when, &kiosk.Finished{Job: s.job(tech)})
}

func (s *script) pass(when string) *script {
	return s.add(when, &kiosk.Passed{Visit: s.id, Inspector: "q1"})
}

func (s *script) fail(when string) *script {
	return s.add(when, &kiosk.Failed{Visit: s.id, Inspector: "q1"})
}

func (s *script) deliver(when string) *script {
	return s.add(when, &kiosk.Delivered{Visit: s.id, Adviser: "a1"})
}

func (s *script) fold() *kiosk.Visit { return kiosk.Apply(s.events, cal) }

func day(t testing.TB, visits ...*kiosk.Visit) kpi.Input {
	return kpi.Input{Visits: visits, Calendar: cal, From: at(t, "03 00:00"), To: at(t, "04 00:00"), Now: at(t, "20 12:00")}
}

func one(t testing.TB, in kpi.Input) kpi.Row {
	t.Helper()
	rows := kpi.Compute(in, kpi.ByNone)
	if len(rows) != 1 {
		t.Fatalf("Compute by none gives %d rows", len(rows))
	}
	return rows[0]
}

// worked is the store day of DOMAIN §6.
func worked(t testing.TB) []*kiosk.Visit {
	var vs []*kiosk.Visit
	normal := func(i int) *script {
		return visit(t, fmt.Sprint(i)).in("08:30").accept("08:40").sign("09:00", "16:00").start("09:30", "t1").finish("11:00", "t1")
	}
	for i := range 6 {
		vs = append(vs, normal(i).pass("11:10").deliver("12:00").fold())
	}
	vs = append(vs,
		normal(6).pass("16:00:59").deliver("16:30").fold(),                             // inspected on the very minute
		normal(7).revise("15:00", "17:00", true).pass("16:20").deliver("16:40").fold(), // between first and revised promise
		normal(8).pass("15:50").deliver("16:05").fold(),                                // delivered late
		visit(t, "9").in("08:30").accept("08:40").sign("09:00", "16:00").start("09:30", "t1").pause("10:00", "t1", kiosk.Parts).fold())
	return vs
}

// TestWorkedExample checks all 24 variants against numbers found by hand.
//
//	order                pass     delivery  first  last
//	1–6                  11:10    12:00     16:00  16:00
//	7  on the minute     16:00    16:30     16:00  16:00
//	8  promise moved     16:20    16:40     16:00  17:00
//	9  delivered late    15:50    16:05     16:00  16:00
//	10 unfinished        —        —         16:00  16:00
func TestWorkedExample(t *testing.T) {
	row := one(t, day(t, worked(t)...))
	want := map[string][2]int{
		"first/pass/signed/late": {7, 10}, "first/pass/signed/on_time": {8, 10},
		"first/pass/due/late": {7, 10}, "first/pass/due/on_time": {8, 10},
		"first/pass/passed/late": {7, 9}, "first/pass/passed/on_time": {8, 9},
		"first/delivery/signed/late": {6, 10}, "first/delivery/signed/on_time": {6, 10},
		"first/delivery/due/late": {6, 10}, "first/delivery/due/on_time": {6, 10},
		"first/delivery/passed/late": {6, 9}, "first/delivery/passed/on_time": {6, 9},
		"last/pass/signed/late": {8, 10}, "last/pass/signed/on_time": {9, 10},
		"last/pass/due/late": {8, 10}, "last/pass/due/on_time": {9, 10},
		"last/pass/passed/late": {8, 9}, "last/pass/passed/on_time": {9, 9},
		"last/delivery/signed/late": {7, 10}, "last/delivery/signed/on_time": {7, 10},
		"last/delivery/due/late": {7, 10}, "last/delivery/due/on_time": {7, 10},
		"last/delivery/passed/late": {7, 9}, "last/delivery/passed/on_time": {7, 9},
	}
	if len(row.OnTime.Variants) != len(want) {
		t.Errorf("%d variants, want %d", len(row.OnTime.Variants), len(want))
	}
	for k, w := range want {
		got, ok := row.OnTime.Variants[k]
		if !ok || got.Numerator != w[0] || got.Denominator != w[1] {
			t.Errorf("%s = %d/%d (present %v), want %d/%d", k, got.Numerator, got.Denominator, ok, w[0], w[1])
		}
	}
	if row.OnTime.Numerator != 7 || row.OnTime.Denominator != 10 || *row.OnTime.Rate != 0.7 {
		t.Errorf("headline is %+v, want 7/10", row.OnTime.Ratio)
	}
	if row.Arrivals != 10 || row.Orders != 10 || row.CategoryCounts != 10 || row.Vehicles != 10 {
		t.Errorf("counts are %d, %d, %d, %d, want ten of each", row.Arrivals, row.Orders, row.CategoryCounts, row.Vehicles)
	}
}

// TestOnTimeRules has a case for each rule of DOMAIN §6 that the worked example leaves out.
func TestOnTimeRules(t *testing.T) {
	base := func() *script { return visit(t, "1").in("08:30").accept("08:40").sign("09:00", "16:00") }
	tests := map[string]struct {
		visit *script
		want  map[string]string // variant → "in time", "late", "out"
	}{
		"seconds before the minute are not before it": {base().pass("15:59:59"), map[string]string{
			"first/pass/signed/late": "in time"}},
		"the promise's own seconds are truncated too": {
			visit(t, "1").in("08:30").sign("09:00", "16:00:50").pass("16:00:10"), map[string]string{
				"first/pass/signed/late": "late", "first/pass/signed/on_time": "in time"}},
		"a revision without consent binds nobody": {base().revise("15:00", "17:00", false).pass("16:20"), map[string]string{
			"last/pass/signed/late": "late"}},
		"a revision once the promise fell due comes too late": {base().revise("16:00", "17:00", true).pass("16:20"), map[string]string{
			"last/pass/signed/late": "late"}},
		"a revision counts against the previous effective promise, not the first": {
			base().revise("15:00", "17:00", true).revise("16:30", "18:00", true).pass("17:30"), map[string]string{
				"last/pass/signed/late": "in time", "first/pass/signed/late": "late"}},
		"a revision of a promise that was not effective does not extend it": {
			base().revise("15:00", "18:00", false).revise("16:30", "19:00", true).pass("17:30"), map[string]string{
				"last/pass/signed/late": "late"}},
		"an earlier promise binds as well": {base().revise("10:00", "12:00", true).pass("13:00"), map[string]string{
			"last/pass/signed/late": "late", "first/pass/signed/late": "in time"}},
		"no promise: in the denominator only": {visit(t, "1").in("08:30").sign("09:00", "").pass("10:00"), map[string]string{
			"first/pass/signed/late": "late", "first/pass/passed/on_time": "late", "first/pass/due/late": "out", "last/pass/due/late": "out"}},
		"first promise recorded after the pass": {
			visit(t, "1").in("08:30").sign("09:00", "").pass("10:00").revise("10:30", "16:00", true).deliver("11:00"), map[string]string{
				"first/pass/signed/late": "late", "last/pass/signed/late": "late", "first/delivery/signed/late": "late", "first/pass/due/late": "late"}},
		"first promise stated late but before the pass": {
			visit(t, "1").in("08:30").sign("09:00", "").revise("09:30", "16:00", true).pass("10:00"), map[string]string{
				"first/pass/signed/late": "in time"}},
		"delivery without a pass": {base().deliver("11:00"), map[string]string{
			"first/pass/signed/late": "late", "first/delivery/signed/late": "late", "first/pass/passed/late": "out"}},
		"passed and not delivered": {base().pass("11:00"), map[string]string{
			"first/pass/signed/late": "in time", "first/delivery/signed/late": "late", "first/delivery/passed/late": "late"}},
		"a job resumed after the pass takes it back": {
			base().start("09:30", "t1").finish("11:00", "t1").pass("11:10").start("15:00", "t1").finish("16:30", "t1").pass("16:40"), map[string]string{
				"first/pass/signed/late": "late"}},
		"a paused job resumed after the pass takes it back": {
			base().start("09:30", "t1").pause("10:00", "t1", kiosk.Parts).pass("11:10").resume("15:00", "t1").finish("15:30", "t1").pass("15:40"), map[string]string{
				"first/pass/signed/late": "in time"}},
		"items added after the pass take it back": {
			base().pass("11:10").add("11:20", &kiosk.ItemsAdded{Visit: "1"}), map[string]string{
				"first/pass/signed/late": "late", "first/pass/passed/late": "out"}},
		"a failed inspection after the pass takes it back": {base().pass("11:10").fail("11:30").pass("15:00"), map[string]string{
			"first/pass/signed/late": "in time"}},
		"the first pass counts, not a repetition": {base().pass("15:00").pass("16:30"), map[string]string{
			"first/pass/signed/late": "in time"}},
		"work after the delivery changes nothing": {
			base().pass("15:00").deliver("15:30").start("17:00", "t1").finish("17:30", "t1"), map[string]string{
				"first/pass/signed/late": "in time"}},
		"cancelled orders are left out": {base().pass("11:00").add("12:00", &kiosk.OrderCancelled{Visit: "1"}), map[string]string{
			"first/pass/signed/late": "out", "first/pass/due/late": "out", "first/pass/passed/late": "out"}},
		"signed at midnight belongs to the day that begins": {
			visit(t, "1").in("02 23:00").sign("03 00:00", "16:00").pass("10:00"), map[string]string{
				"first/pass/signed/late": "in time"}},
		"signed the day before, due today": {
			visit(t, "1").in("02 16:00").sign("02 17:00", "16:00").pass("10:00"), map[string]string{
				"first/pass/signed/late": "out", "first/pass/due/late": "in time", "first/pass/passed/late": "out"}},
		"due by the last promise only": {
			visit(t, "1").in("02 10:00").sign("02 11:00", "02 17:00").revise("02 15:00", "16:00", true).pass("10:00"), map[string]string{
				"first/pass/due/late": "out", "last/pass/due/late": "in time"}},
		"due at midnight of the next day is the next day's": {
			visit(t, "1").in("10:00").sign("11:00", "04 00:00").pass("12:00"), map[string]string{
				"first/pass/due/late": "out", "first/pass/signed/late": "in time"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			row := one(t, day(t, tt.visit.fold()))
			for k, want := range tt.want {
				got := row.OnTime.Variants[k]
				text := map[[2]int]string{{0, 0}: "out", {0, 1}: "late", {1, 1}: "in time"}[[2]int{got.Numerator, got.Denominator}]
				if text != want {
					t.Errorf("%s is %q (%d/%d), want %q", k, text, got.Numerator, got.Denominator, want)
				}
			}
		})
	}
}

func TestVoidedAndAmended(t *testing.T) {
	void := visit(t, "1").in("08:30").sign("09:00", "16:00")
	void.add("09:05", &kiosk.Voided{Event: void.events[1].ID()})
	if row := one(t, day(t, void.fold())); row.Orders != 0 || row.OnTime.Denominator != 0 || row.OnTime.Rate != nil || row.Arrivals != 1 {
		t.Errorf("a voided order still counts: %+v", row)
	}
	amend := visit(t, "1").in("08:30").sign("09:00", "16:00").pass("16:30")
	amend.add("17:00", &kiosk.Amended{Event: amend.events[2].ID(), Fields: json.RawMessage(`{"at":"2026-11-03T15:30:00+08:00"}`)})
	row := one(t, day(t, amend.fold()))
	if row.OnTime.Numerator != 1 || row.Quality.Corrections != 1 {
		t.Errorf("an amended pass gives %d in time, %d corrections, want 1 and 1", row.OnTime.Numerator, row.Quality.Corrections)
	}
}

func TestCounts(t *testing.T) {
	twice := visit(t, "3").in("13:00").sign("13:30", "17:00")
	twice.events[0].Data.(*kiosk.CheckedIn).Vehicle = "car-1"
	unknown := visit(t, "4").in("14:00").sign("14:30", "17:00", kiosk.Minor)
	unknown.events[0].Data.(*kiosk.CheckedIn).Vehicle = ""
	vs := []*kiosk.Visit{
		visit(t, "1").in("09:00").sign("09:30", "17:00", kiosk.Maintenance, kiosk.Warranty, kiosk.Maintenance).fold(),
		visit(t, "2").in("10:00").add("10:30", &kiosk.Closed{Visit: "2", Outcome: "no_order"}).fold(),
		twice.fold(), unknown.fold(),
	}
	row := one(t, day(t, vs...))
	if row.Arrivals != 4 || row.Orders != 3 || row.CategoryCounts != 4 || row.Vehicles != 1 || row.OrdersWithoutVehicle != 1 {
		t.Errorf("到店 %d 车次 %d 台次 %d 车数 %d without vehicle %d, want 4 3 4 1 1",
			row.Arrivals, row.Orders, row.CategoryCounts, row.Vehicles, row.OrdersWithoutVehicle)
	}
	rows := kpi.Compute(day(t, vs...), kpi.ByCategory)
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s %d/%d", r.Key, r.Orders, r.CategoryCounts))
	}
	if want := "maintenance 2/2, minor 1/1, warranty 1/1"; strings.Join(got, ", ") != want {
		t.Errorf("by category: %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestRework(t *testing.T) {
	again := visit(t, "2").in("09:00").sign("09:30", "17:00", kiosk.ReworkCategory)
	again.add("05 10:00", &kiosk.ReworkConfirmed{Visit: "2", Earlier: "0", Items: []string{"M0"}})
	vs := []*kiosk.Visit{visit(t, "1").in("09:00").sign("09:30", "17:00").fold(), again.fold()}
	in := day(t, vs...)
	if r := one(t, in).Rework; r.Numerator != 1 || r.Denominator != 2 {
		t.Errorf("rework is %d/%d on the day of the order, want 1/2", r.Numerator, r.Denominator)
	}
	in.From, in.To = at(t, "05 00:00"), at(t, "06 00:00")
	if r := one(t, in).Rework; r.Numerator != 0 || r.Denominator != 0 || r.Rate != nil {
		t.Errorf("rework is %+v on the day of the confirmation, want nothing", r)
	}
}

func TestDurations(t *testing.T) {
	v := visit(t, "1").in("08:30").accept("08:41:59").sign("09:00", "16:00").
		start("09:30", "t1").pause("10:00", "t1", kiosk.Parts).resume("10:45", "t1").
		start("10:50", "t2").finish("11:20", "t1").finish("11:30", "t2").
		pass("11:40").deliver("12:00").fold()
	row := one(t, day(t, v))
	check := func(name string, m kpi.Minutes, want int64) {
		t.Helper()
		if m.N != 1 || m.P50 == nil || *m.P50 != want || *m.P90 != want {
			t.Errorf("%s = %+v, want %d", name, m, want)
		}
	}
	check("accepted", row.Response.Accepted, 11)
	check("first job", row.Response.FirstJob, 60)
	check("gross", row.Repair.Gross, 120)
	check("net", row.Repair.Net, 75)
	check("net of maintenance", row.Repair.Categories[kiosk.Maintenance].Net, 75)
	check("turnaround", row.Turnaround, 210)
	want := map[kiosk.Stage]int64{kiosk.StageWaitingAdviser: 719, kiosk.StageReception: 1081, kiosk.StageWaitingBay: 1800,
		kiosk.StageWorking: 75 * 60, kiosk.StagePausedParts: 45 * 60, kiosk.StageWaitingInspection: 600, kiosk.StagePassed: 1200}
	for s, sec := range want {
		if row.Stages.MS[s] != sec*1000 {
			t.Errorf("stage %s = %d ms, want %d", s, row.Stages.MS[s], sec*1000)
		}
	}
	if row.Stages.TotalMS != 210*60*1000 {
		t.Errorf("stages add up to %d ms", row.Stages.TotalMS)
	}
}

func TestRepairIsKnownOnceAllWorkIsDone(t *testing.T) {
	asked := func(s *script) kpi.Row {
		in := day(t, s.fold())
		in.Now = at(t, "13:00")
		return one(t, in)
	}
	s := visit(t, "1").in("08:30").sign("09:00", "16:00").start("09:30", "t1").start("09:40", "t2").finish("11:00", "t1")
	if n := asked(s).Repair.Gross.N; n != 0 {
		t.Errorf("while the second job runs there are %d repair times", n)
	}
	s.finish("12:00", "t2")
	if m := asked(s).Repair.Gross; m.N != 1 || *m.P50 != 150 {
		t.Errorf("once both are finished: %+v, want 150", m)
	}
}

func TestPercentilesByNearestRank(t *testing.T) {
	var vs []*kiosk.Visit
	for i, m := range []int{9, 1, 2, 3, 4, 5, 6, 7, 8, 100} {
		vs = append(vs, visit(t, fmt.Sprint(i)).in("09:00").accept(at(t, "09:00").Add(time.Duration(m)*time.Minute).Format("15:04")).fold())
	}
	m := one(t, day(t, vs...)).Response.Accepted
	if m.N != 10 || *m.P50 != 5 || *m.P90 != 9 {
		t.Errorf("p50 %d p90 %d of %d, want 5, 9 of 10", *m.P50, *m.P90, m.N)
	}
	if m := one(t, day(t)).Response.Accepted; m.P50 != nil || m.N != 0 {
		t.Errorf("of nothing: %+v", m)
	}
}

func TestUnclosed(t *testing.T) {
	forgotten := func() *script {
		return visit(t, "1").in("08:30").accept("08:40").sign("09:00", "16:00").start("09:30", "t1")
	}
	stated := at(t, "11:00")
	tests := map[string]struct {
		visit            *script
		now              string
		unclosed, repair int
	}{
		"running today":          {forgotten(), "19:59", 0, 0},
		"closing and two hours":  {forgotten(), "20:00", 1, 0},
		"days later":             {forgotten(), "09 10:00", 1, 0},
		"delivered all the same": {forgotten().pass("15:00").deliver("04 09:00"), "09 10:00", 1, 0},
		"a card closes nothing":  {forgotten().finish("04 09:00", "t1"), "09 10:00", 1, 0},
		"finish stated next morning": {forgotten().add("04 09:00", &kiosk.Finished{
			Job: kiosk.Job{Visit: "1", Bay: "b1", Technician: "t1"}, Meta: kiosk.Meta{At: &stated, By: "s1"}}), "09 10:00", 0, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := day(t, tt.visit.fold())
			in.Now = at(t, tt.now)
			row := one(t, in)
			if row.UnclosedJobs != tt.unclosed || row.Repair.Gross.N != tt.repair {
				t.Errorf("%d unclosed, %d repair times, want %d and %d", row.UnclosedJobs, row.Repair.Gross.N, tt.unclosed, tt.repair)
			}
			if tt.unclosed > 0 && row.Stages.Visits != 0 {
				t.Errorf("a visit with an unclosed job has a split")
			}
		})
	}
}

// TestPastPeriodsStayAsTheyWere asks for one day at different later times.
func TestPastPeriodsStayAsTheyWere(t *testing.T) {
	late := visit(t, "2").in("08:30").accept("08:40").sign("09:00", "16:00").start("23:30", "t1")
	in := day(t, append(worked(t), late.fold())...)
	in.Now = at(t, "05 23:30")
	first := kpi.Compute(in, kpi.ByNone)
	in.Now = at(t, "20 00:00")
	second := kpi.Compute(in, kpi.ByNone)
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(second)
	if string(a) != string(b) {
		t.Errorf("the figures of a past day changed with the time of asking:\n%s\n%s", a, b)
	}
}

func TestDataQuality(t *testing.T) {
	whole := visit(t, "1").in("08:30").accept("08:40").sign("09:00", "16:00").start("09:30", "t1").finish("10:00", "t1").pass("10:10").deliver("11:00")
	bare := visit(t, "2").in("08:30").sign("09:00", "16:00").deliver("11:00")
	left := visit(t, "3").in("08:30").accept("08:40").add("09:00", &kiosk.Closed{Visit: "3", Outcome: "left"})
	open := visit(t, "4").in("08:30")
	in := day(t, whole.fold(), bare.fold(), left.fold(), open.fold())
	q := one(t, in).Quality
	if q.Complete.Numerator != 2 || q.Complete.Denominator != 3 {
		t.Errorf("complete %d/%d, want 2/3", q.Complete.Numerator, q.Complete.Denominator)
	}
	if q.Flags[kiosk.NotInspected] != 1 {
		t.Errorf("flags %v, want not_inspected once", q.Flags)
	}
	vs, err := kpi.Behind(in, "incomplete", "", kpi.Headline())
	if err != nil || len(vs) != 1 || vs[0].ID != "2" {
		t.Errorf("incomplete: %v, %v, want visit 2", vs, err)
	}
}

func TestBehind(t *testing.T) {
	in := day(t, worked(t)...)
	ids := func(figure, value, variant string) string {
		a, err := kpi.ParseVariant(variant)
		if err != nil {
			t.Fatal(err)
		}
		vs, err := kpi.Behind(in, figure, value, a)
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, v := range vs {
			s = append(s, v.ID)
		}
		return strings.Join(s, " ")
	}
	for _, tt := range [][4]string{
		{"on_time", kpi.Late, "", "6 7 9"},
		{"on_time", kpi.Late, "last/pass/signed/on_time", "9"},
		{"on_time", kpi.OnTime, "first/delivery/signed/late", "0 1 2 3 4 5"},
		{"orders", "", "", "0 1 2 3 4 5 6 7 8 9"},
		{"turnaround_minutes", "", "", "0 1 2 3 4 5 6 7 8"},
		{"rework", "", "", ""},
	} {
		if got := ids(tt[0], tt[1], tt[2]); got != tt[3] {
			t.Errorf("behind %s %s %s: %q, want %q", tt[0], tt[1], tt[2], got, tt[3])
		}
	}
	if _, err := kpi.Behind(in, "profit", "", kpi.Headline()); err == nil || !strings.Contains(err.Error(), `"profit"`) {
		t.Errorf("an unknown figure: %v", err)
	}
	if _, err := kpi.Behind(in, "orders", "late", kpi.Headline()); err == nil {
		t.Error("a value that orders do not have is accepted")
	}
	if _, err := kpi.ParseVariant("first/pass/signed"); err == nil {
		t.Error("a short variant is accepted")
	}
	if _, err := kpi.ParseBy("hour"); err == nil {
		t.Error("by=hour is accepted")
	}
}
