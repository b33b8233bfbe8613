package kpi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// anyVisit draws a visit with what the simpler [someVisit] leaves out: several
// bays, items, unknown technicians, work beside other work, stated times, and
// instants finer than a millisecond.
func anyVisit(t *rapid.T, i int) *kiosk.Visit {
	id := fmt.Sprint(i)
	now := time.Date(2026, 10, 30, 8, 0, 0, 0, zone).Add(time.Duration(rapid.IntRange(0, 33*24*60).Draw(t, "arrives")) * time.Minute)
	unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Millisecond, time.Microsecond * 7}).Draw(t, "unit")
	s := &script{id: id}
	add := func(p kiosk.Payload) {
		if rapid.IntRange(0, 9).Draw(t, "stated") == 0 {
			at := now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "ago")) * time.Minute)
			p.Common().At = &at
		}
		s.events = append(s.events, kiosk.Event{Source: "/stores/sh/kiosks/k1", Epoch: "e" + id, Seq: uint64(len(s.events) + 1),
			Moment: kiosk.Moment{Wall: now, Boot: "b", Clock: kiosk.Synced}, Data: p,
			Uncertain: rapid.IntRange(0, 99).Draw(t, "uncertain") == 0})
		now = now.Add(time.Duration(rapid.IntRange(0, 5*3600*1000).Draw(t, "pause")) * unit)
	}
	add(&kiosk.CheckedIn{Visit: id, Ticket: "A" + id, Vehicle: rapid.SampledFrom([]string{"", "x", strings.Repeat("ab", 32)}).Draw(t, "vehicle")})
	items := []kiosk.Item{{No: 1, Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30},
		{No: 2, Code: "BRK", Category: kiosk.Minor, Payer: "store", StandardMinutes: 95}}
	for range rapid.IntRange(0, 25).Draw(t, "events") {
		job := kiosk.Job{Visit: id, Bay: rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "bay"),
			Technician: rapid.SampledFrom([]string{"t1", "t2", ""}).Draw(t, "technician"), Item: rapid.IntRange(0, 3).Draw(t, "item")}
		promise := now.Add(time.Duration(rapid.IntRange(-60, 1600).Draw(t, "promise")) * time.Minute)
		adviser := rapid.SampledFrom([]string{"a1", "a2"}).Draw(t, "adviser")
		start := &kiosk.Started{Job: job, Parallel: rapid.Bool().Draw(t, "parallel")}
		add(rapid.SampledFrom([]kiosk.Payload{
			&kiosk.Accepted{Visit: id, Adviser: adviser},
			&kiosk.Signed{Visit: id, Order: "o" + id, Adviser: adviser, Promise: &promise, Items: items},
			&kiosk.PromiseRevised{Visit: id, Promise: promise, Meta: kiosk.Meta{Reason: "parts"}, Consent: rapid.Bool().Draw(t, "consent")},
			start, start, start, &kiosk.Resumed{Job: job}, &kiosk.Finished{Job: job}, &kiosk.Finished{Job: job}, &kiosk.Finished{Job: job},
			&kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: rapid.SampledFrom([]string{kiosk.Parts, kiosk.Break, "dinner"}).Draw(t, "reason")}},
			&kiosk.Passed{Visit: id, Inspector: "q"}, &kiosk.Passed{Visit: id, Inspector: "q"}, &kiosk.Failed{Visit: id, Inspector: "q"},
			&kiosk.VehicleWashed{Visit: id}, &kiosk.ItemsAdded{Visit: id, Items: []kiosk.Item{{No: 3, Code: "W", Category: kiosk.Warranty, StandardMinutes: 7}}},
			&kiosk.Delivered{Visit: id, Adviser: adviser}, &kiosk.Closed{Visit: id, Outcome: "left"},
			&kiosk.OrderCancelled{Visit: id}, &kiosk.ReworkConfirmed{Visit: id, Earlier: "0", Items: []string{"OIL"}, Meta: kiosk.Meta{By: "s1"}},
			&kiosk.ProposalDeclined{Visit: id, Proposal: kiosk.ProposedCategory, Items: []string{"OIL", "BRK"}},
		}).Draw(t, "event"))
	}
	return kiosk.Apply(s.events, cal)
}

// fataler is a test, drawn or not.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// kept makes the tallies of each day from the facts whose Days name it, through
// their bytes, as a store keeps them.
func kept(t fataler, visits []*kiosk.Visit, now time.Time) (days []kpi.Dated) {
	byDay := map[string][]kpi.Fact{}
	for _, v := range visits {
		f := kpi.FactOf(v, cal)
		back, err := kpi.DecodeFact(f.Append(nil))
		if err != nil || !reflect.DeepEqual(back, f) {
			t.Fatalf("fact %+v\ncomes back as %+v (%v)", f, back, err)
		}
		for _, day := range f.Days(cal) {
			byDay[day] = append(byDay[day], back)
		}
	}
	for day, facts := range byDay {
		tallies, err := kpi.Tallies(facts, day, cal, now)
		if err != nil {
			t.Fatal(err)
		}
		for g, tally := range tallies {
			b := tally.Append(nil)
			back, err := kpi.DecodeTally(b)
			if err != nil || !slices.Equal(back.Append(nil), b) {
				t.Fatalf("tally of %s %v comes back otherwise (%v)", day, g, err)
			}
			days = append(days, kpi.Dated{Day: day, Group: g, Tally: back})
		}
	}
	return days
}

// TestDaysAddUp: the figures of any period, in any grouping, from kept tallies of
// its days are those that Compute finds in the visits.
func TestDaysAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var vs []*kiosk.Visit
		for i := range rapid.IntRange(0, 7).Draw(t, "visits") {
			vs = append(vs, anyVisit(t, i))
		}
		from := time.Date(2026, 11, rapid.IntRange(-2, 20).Draw(t, "from"), 0, 0, 0, 0, zone)
		to := from.AddDate(0, 0, rapid.IntRange(1, 40).Draw(t, "days"))
		now := from.AddDate(0, 0, rapid.IntRange(-3, 60).Draw(t, "now"))
		in := kpi.Input{Visits: vs, Calendar: cal, From: from, To: to, Now: now, Bays: []string{"b1", "b9"}}
		for i := range rapid.IntRange(0, 3).Draw(t, "attendance") {
			begins := from.Add(time.Duration(rapid.IntRange(-24*60, 5*24*60).Draw(t, "begins")) * time.Minute)
			ends := begins.Add(time.Duration(rapid.IntRange(-60, 30*60).Draw(t, "lasts")) * time.Minute)
			who := rapid.SampledFrom([]string{"t1", "t9"}).Draw(t, "present")
			vs = append(vs, kiosk.Apply([]kiosk.Event{{Source: "/stores/sh/backoffice", Epoch: fmt.Sprint("b", i), Seq: 1, Moment: kiosk.Moment{Wall: now, Clock: kiosk.Synced},
				Data: &kiosk.AttendanceRecorded{Technician: who, From: begins, To: ends}}}, cal))
		}
		in.Visits = vs
		p := kpi.Period{Calendar: cal, From: from, To: to, Now: now, Bays: in.Bays}
		var days []kpi.Dated
		for _, d := range kept(t, vs, now) {
			if d.Day >= cal.Day(from) && d.Day < cal.Day(to) {
				days = append(days, d)
			}
		}
		for _, by := range append(kpi.Groups(), kpi.ByDay) {
			want, got := kpi.Compute(in, by), kpi.Rows(by, days, p)
			if sheet := sheetOf(t, by, days, p); by != kpi.ByDay && !reflect.DeepEqual(sheet, got) {
				t.Fatalf("by %s from bytes:\n%+v\nfrom tallies:\n%+v", by, sheet, got)
			}
			if by == kpi.ByTechnician {
				got = p.Charged(got, kpi.Charge(reworks(days), func(visit string) (kpi.Fact, bool) {
					for _, v := range vs {
						if v.ID == visit {
							return kpi.FactOf(v, cal), true
						}
					}
					return kpi.Fact{}, false
				}, nil))
			}
			if !reflect.DeepEqual(got, want) {
				a, _ := json.MarshalIndent(got, "", " ")
				b, _ := json.MarshalIndent(want, "", " ")
				t.Fatalf("by %s from kept days:\n%s\nfrom visits:\n%s", by, a, b)
			}
		}
		checkTechnicians(t, in)
	})
}

// sheetOf is the rows of kept days, from their bytes.
func sheetOf(t fataler, by kpi.By, days []kpi.Dated, p kpi.Period) []kpi.Row {
	s := kpi.NewSheet(by, p)
	for _, d := range days {
		if d.Group.By != by {
			continue
		}
		if err := s.Add(d.Group.Key, d.Tally.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	return s.Rows()
}

func reworks(days []kpi.Dated) (all []kpi.ReworkRef) {
	for _, d := range days {
		if d.Group.By == kpi.ByNone {
			all = append(all, d.Tally.Reworks()...)
		}
	}
	return all
}

// checkTechnicians: what technicians have together is what the store has.
func checkTechnicians(t *rapid.T, in kpi.Input) {
	all := kpi.Compute(in, kpi.ByNone)[0]
	var standard, clocked, running int64
	for _, r := range kpi.Compute(in, kpi.ByTechnician) {
		standard, clocked = standard+r.Efficiency.NumeratorMS, clocked+r.Efficiency.DenominatorMS
	}
	for _, r := range kpi.Compute(in, kpi.ByBay) {
		running += r.Beyond.Bays.Running.NumeratorMS
	}
	if standard != all.Efficiency.NumeratorMS || clocked != all.Efficiency.DenominatorMS || running != all.Beyond.Bays.Running.NumeratorMS {
		t.Errorf("technicians have %d standard and %d clocked ms, bays ran %d; the store has %+v, %+v", standard, clocked, running, all.Efficiency, all.Beyond.Bays)
	}
}

// TestTalliesAddInAnyOrder: tallies are a commutative monoid.
func TestTalliesAddInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var vs []*kiosk.Visit
		for i := range rapid.IntRange(1, 5).Draw(t, "visits") {
			vs = append(vs, anyVisit(t, i))
		}
		var all []kpi.Tally
		for _, d := range kept(t, vs, time.Date(2027, 1, 1, 0, 0, 0, 0, zone)) {
			if d.Group.By == kpi.ByNone {
				all = append(all, d.Tally)
			}
		}
		want := kpi.Sum(all...)
		got := kpi.Sum(rapid.Permutation(all).Draw(t, "order")...)
		got.Add(kpi.Tally{})
		if !slices.Equal(got.Append(nil), want.Append(nil)) {
			t.Error("in another order the sum is another")
		}
	})
}

// TestDue: at no other time than Due does a day's tally change by itself.
func TestDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyVisit(t, 1)
		f := kpi.FactOf(v, cal)
		now := time.Date(2026, 10, 29, 0, 0, 0, 0, zone)
		sum := func(now time.Time) string {
			var s []string
			for _, d := range kept(t, []*kiosk.Visit{v}, now) {
				s = append(s, fmt.Sprintf("%s %v %x", d.Day, d.Group, d.Tally.Append(nil)))
			}
			slices.Sort(s)
			return strings.Join(s, "\n")
		}
		for range 20 {
			due := f.Due(now)
			if due.IsZero() {
				if sum(now) != sum(now.AddDate(5, 0, 0)) {
					t.Error("the figures change though nothing is due")
				}
				return
			}
			if !due.After(now) || sum(now) != sum(due.Add(-1)) {
				t.Errorf("before %s, when something is due next after %s, the figures change", due, now)
			}
			now = due
		}
	})
}

func TestDaysOfAFact(t *testing.T) {
	v := visit(t, "1").in("03 09:00").sign("03 10:00", "06 16:00").start("04 09:00", "t1").pause("04 10:00", "t1", kiosk.Parts).
		resume("06 23:30", "t1").finish("07 00:30", "t1").pass("09 10:00").deliver("11 10:00").fold()
	f := kpi.FactOf(v, cal)
	want := []string{"2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06", "2026-11-07", "2026-11-09", "2026-11-11"}
	if got := f.Days(cal); !slices.Equal(got, want) {
		t.Errorf("days are %v, want %v", got, want)
	}
	if _, err := kpi.Tallies(nil, "2026-11-31", cal, time.Now()); err == nil {
		t.Error("31 November is a day")
	}
	empty, err := kpi.Tallies([]kpi.Fact{f}, "2026-11-08", cal, v.Delivered)
	if err != nil || !slices.Equal(slices.Collect(maps.Keys(empty)), []kpi.Group{{By: kpi.ByNone}}) {
		t.Errorf("a day without a part has groups %v (%v)", empty, err)
	}
}

// TestPresenceWithWork: a presence that has work besides, which a board of ours
// never makes, has no part in a bay's row, whoever else worked there.
func TestPresenceWithWork(t *testing.T) {
	work := func(visit, from, to string) kpi.Fact {
		a, b := kpi.InstantOf(at(t, from)), kpi.InstantOf(at(t, to))
		return kpi.Fact{Visit: visit, Jobs: []kpi.FactJob{{Technician: "t1", Finished: b, Spans: []kpi.FactSpan{{From: a, To: b, Bay: "b1"}}}}}
	}
	visit, odd := work("v1", "03 09:00", "03 10:00"), work("attendance/t1/2026-11", "03 11:00", "03 12:00")
	odd.Attendance = []kpi.FactAttendance{{Technician: "t1", From: kpi.InstantOf(at(t, "03 08:00")), To: kpi.InstantOf(at(t, "03 17:00"))}}
	of := func(g kpi.Group, facts ...kpi.Fact) string {
		tallies, err := kpi.Tallies(facts, "2026-11-03", cal, at(t, "20 00:00"))
		if err != nil {
			t.Fatal(err)
		}
		tally := tallies[g]
		return string(tally.Append(nil))
	}
	bay, whole := kpi.Group{By: kpi.ByBay, Key: "b1"}, kpi.Group{By: kpi.ByNone}
	if of(bay, visit, odd) != of(bay, visit) {
		t.Error("a presence with work counts in the bay's row")
	}
	if of(whole, visit, odd) == of(whole, visit) {
		t.Error("its work does not count in the whole")
	}
}
