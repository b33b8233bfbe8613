package judge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/demo/judge"
	"baylight/cmd/internal/demo/script"
)

var (
	zone   = time.FixedZone("CST", 8*3600)
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, zone)
)

// at is a time of that Monday, "09:30" or "09:30:05"; "+1 09:30" is Tuesday's.
func at(clock string) time.Time {
	day := monday
	if rest, ok := strings.CutPrefix(clock, "+1 "); ok {
		clock, day = rest, monday.AddDate(0, 0, 1)
	}
	t, err := time.Parse("15:04:05", (clock + ":00")[:8])
	if err != nil {
		panic(err)
	}
	return day.Add(t.Sub(t.Truncate(24 * time.Hour)))
}

// visit writes the facts of one visit.
type visit struct {
	n     int
	facts []script.Fact
}

func (v *visit) add(clock string, f script.Fact) *visit {
	f.Visit, f.At = v.n, at(clock)
	v.facts = append(v.facts, f)
	return v
}

func (v *visit) is(clock string, w script.What) *visit { return v.add(clock, script.Fact{What: w}) }

func (v *visit) by(clock string, w script.What, tech, reason string) *visit {
	return v.add(clock, script.Fact{What: w, Tech: tech, Reason: reason})
}

func (v *visit) arrive(clock string) *visit {
	return v.add(clock, script.Fact{What: script.Arrived, Vehicle: fmt.Sprint("VIN", v.n)})
}

func (v *visit) sign(clock, due string, categories ...string) *visit {
	f := script.Fact{What: script.Signed, Categories: categories, Consent: true}
	if due != "" {
		f.Due = at(due)
	}
	return v.add(clock, f)
}

func (v *visit) revise(clock, due string, consent bool) *visit {
	return v.add(clock, script.Fact{What: script.Revised, Due: at(due), Consent: consent})
}

// worked is an ordinary visit: arrived at 9, accepted 9:10, signed 9:20, one
// job from 9:30 to 10:30, unless told otherwise by what is added to it.
func worked(n int, due string) *visit {
	v := (&visit{n: n}).arrive("09:00").is("09:10", script.Accepted).sign("09:20", due, "maintenance")
	return v.by("09:30", script.Started, "t01", "").by("10:30", script.Finished, "t01", "")
}

// asks gives the row of Monday asked at 21:00.
func asks(facts ...script.Fact) map[string]int64 { return asked("21:00", facts...) }

func asked(clock string, facts ...script.Fact) map[string]int64 {
	j := judge.New()
	j.Saw(facts)
	return j.Day(monday, at(clock))
}

// wants compares some figures; a path that is absent is zero.
func wants(t *testing.T, got, want map[string]int64) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got[path] != want[path] {
			t.Errorf("%s is %d, want %d", path, got[path], want[path])
		}
	}
}

// example is the worked example of the domain: ten orders of one day.
func example() (facts []script.Fact) {
	for n := range 6 { // inspected well before the promise
		facts = append(facts, worked(n, "12:00").is("10:40", script.Passed).is("11:00", script.Delivered).facts...)
	}
	facts = append(facts, worked(6, "12:00").is("12:00:59", script.Passed).is("12:10", script.Delivered).facts...)                                                          // exactly on it
	facts = append(facts, worked(7, "12:00").revise("11:00", "14:00", true).is("13:00", script.Passed).is("13:30", script.Delivered).facts...)                              // between the two
	facts = append(facts, worked(8, "12:00").is("11:30", script.Passed).is("12:30", script.Delivered).facts...)                                                             // delivered after it
	return append(facts, (&visit{n: 9}).arrive("09:00").is("09:10", script.Accepted).sign("09:20", "12:00", "maintenance").by("09:30", script.Started, "t01", "").facts...) // unfinished
}

// The worked example in all its 24 variants, counted by hand.
func TestWorkedExample(t *testing.T) {
	got := asks(example()...)
	// Before the first promise passed 0–5 and 8; with ties 6 too; of 7 only the
	// last promise was kept. Delivered in time were 0–5, and 7 by its last promise.
	kept := map[string]int64{
		"first/pass/late": 7, "first/pass/on_time": 8, "last/pass/late": 8, "last/pass/on_time": 9,
		"first/delivery/late": 6, "first/delivery/on_time": 6, "last/delivery/late": 7, "last/delivery/on_time": 7,
	}
	want := map[string]int64{"arrivals": 10, "orders": 10, "vehicles": 10, "category_counts": 10}
	for key, n := range kept {
		part := strings.Split(key, "/")
		for population, all := range map[string]int64{"signed": 10, "due": 10, "passed": 9} {
			path := "on_time.variants." + part[0] + "/" + part[1] + "/" + population + "/" + part[2]
			want[path+".numerator"], want[path+".denominator"] = n, all
		}
	}
	if len(want) != 4+2*24 {
		t.Fatalf("%d figures are wanted, not 4 and 24 pairs", len(want))
	}
	wants(t, got, want)
	variants := 0
	for path := range got {
		if strings.HasPrefix(path, "on_time.variants.") && strings.HasSuffix(path, ".denominator") {
			variants++
		}
	}
	if variants != 24 {
		t.Errorf("the judge knows %d variants", variants)
	}
}

// The judge listens: without any one fact of the example, and with any pass,
// delivery, promise or finish an hour and a half later, it answers otherwise.
func TestEveryFactCounts(t *testing.T) {
	facts := example()
	right := asks(facts...)
	for i, f := range facts {
		without := slices.Concat(facts[:i], facts[i+1:])
		if maps.Equal(asks(without...), right) {
			t.Errorf("without %s of visit %d the figures are the same", f.What, f.Visit)
		}
		changed := slices.Clone(facts)
		switch f.What {
		case script.Passed, script.Delivered, script.Finished:
			changed[i].At = f.At.Add(90 * time.Minute)
		case script.Revised:
			changed[i].Consent = false
		case script.Signed:
			changed[i].Due = f.Due.Add(-90 * time.Minute)
			if f.Visit == 9 {
				changed[i].Due = f.Due.AddDate(0, 0, 1) // due tomorrow
			}
		default:
			changed[i].Visit = 99
		}
		if maps.Equal(asks(changed...), right) {
			t.Errorf("with another %s of visit %d the figures are the same", f.What, f.Visit)
		}
	}
}

const headline = "on_time.variants.first/pass/signed/late"

// Promises, one story each; who keeps which is counted by hand.
func TestPromises(t *testing.T) {
	pass := func(v *visit) *visit { return v.is("11:30", script.Passed).is("12:30", script.Delivered) }
	for _, c := range []struct {
		name  string
		story *visit
		first int64 // kept the first promise, by pass
		last  int64 // the last effective one
		want  map[string]int64
	}{
		{"kept", pass(worked(1, "12:00")), 1, 1, nil},
		{"missed", pass(worked(1, "11:00")), 0, 0, nil},
		{"in the very minute", pass(worked(1, "11:30:40")), 0, 0, map[string]int64{"on_time.variants.first/pass/signed/on_time.numerator": 1}},
		{"a second too late is a minute too late", pass(worked(1, "11:29:59")), 0, 0, map[string]int64{"on_time.variants.first/pass/signed/on_time.numerator": 0}},
		{"delivered in the very minute", pass(worked(1, "12:30")), 1, 1, map[string]int64{
			"on_time.variants.first/delivery/signed/late.numerator": 0, "on_time.variants.first/delivery/signed/on_time.numerator": 1}},
		{"no promise", pass(worked(1, "")), 0, 0, map[string]int64{headline + ".denominator": 1, "on_time.variants.first/pass/due/late.denominator": 0}},
		{"a first promise after the pass", pass(worked(1, "")).revise("11:40", "15:00", true), 0, 0, map[string]int64{headline + ".denominator": 1}},
		{"a first promise by revision", pass(worked(1, "").revise("10:00", "12:00", true)), 1, 1, nil},
		{"moved later with consent", pass(worked(1, "11:00").revise("10:00", "12:00", true)), 0, 1, nil},
		{"moved later without", pass(worked(1, "11:00").revise("10:00", "12:00", false)), 0, 0, nil},
		{"moved when it had fallen due", pass(worked(1, "11:00").revise("11:00", "12:00", true)), 0, 0, nil},
		{"moved twice, each in time", pass(worked(1, "11:00").revise("10:00", "11:15", true).revise("11:10", "12:00", true)), 0, 1, nil},
		{"moved twice, the second too late", pass(worked(1, "11:00").revise("10:00", "11:15", true).revise("11:20", "12:00", true)), 0, 0, nil},
		{"moved earlier", pass(worked(1, "12:00").revise("10:00", "11:00", true)), 1, 0, nil},
		{"due tomorrow", pass(worked(1, "+1 09:00")), 1, 1, map[string]int64{"on_time.variants.first/pass/due/late.denominator": 0}},
		{"moved to tomorrow", pass(worked(1, "12:00").revise("10:00", "+1 09:00", true)), 1, 1, map[string]int64{
			"on_time.variants.first/pass/due/late.denominator": 1, "on_time.variants.last/pass/due/late.denominator": 0}},
		{"delivered without a pass", worked(1, "12:00").is("11:00", script.Delivered), 0, 0, map[string]int64{
			headline + ".denominator": 1, "on_time.variants.first/delivery/signed/late.numerator": 0, "on_time.variants.first/pass/passed/late.denominator": 0}},
		{"failed after the pass", pass(worked(1, "12:00").is("10:40", script.Passed).is("10:50", script.Failed).by("10:55", script.Started, "t01", "").by("11:20", script.Finished, "t01", "")), 1, 1, nil},
		{"a pass counts from the first after the work", worked(1, "11:00").is("10:40", script.Passed).is("11:50", script.Passed), 1, 1, nil},
		{"items added after the pass", worked(1, "11:00").is("10:40", script.Passed).add("10:50", script.Fact{What: script.Added, Categories: []string{"minor"}}).is("11:30", script.Passed), 0, 0, nil},
		{"work resumed after the pass", worked(1, "11:00").by("10:31", script.Started, "t02", "").by("10:32", script.Paused, "t02", "parts").is("10:40", script.Passed).
			by("10:50", script.Resumed, "t02", "").by("11:20", script.Finished, "t02", "").is("11:30", script.Passed), 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := asks(c.story.facts...)
			wants(t, got, map[string]int64{headline + ".numerator": c.first, "on_time.variants.last/pass/signed/late.numerator": c.last, headline + ".denominator": 1})
			wants(t, got, c.want)
		})
	}
}

// What is counted, and in which day.
func TestCounts(t *testing.T) {
	facts := slices.Concat(
		(&visit{n: 1}).arrive("08:00").is("08:05", script.Accepted).sign("08:10", "12:00", "maintenance", "warranty").is("08:20", script.Reworked).facts,
		(&visit{n: 2}).arrive("09:00").is("09:05", script.Accepted).sign("09:10", "12:00", "minor").add("09:30", script.Fact{What: script.Added, Categories: []string{"minor", "accident"}}).facts,
		(&visit{n: 3}).arrive("10:00").is("10:05", script.Accepted).sign("10:10", "12:00", "major").is("10:20", script.Cancelled).is("10:30", script.Closed).facts,
		(&visit{n: 4}).arrive("11:00").is("11:05", script.Accepted).is("11:20", script.Closed).facts,
		(&visit{n: 5}).is("12:00", script.Arrived).is("12:05", script.Accepted).sign("12:10", "14:00", "minor").facts, // a typed plate, no VIN
		(&visit{n: 6}).is("13:00", script.Arrived).is("13:05", script.Accepted).sign("13:10", "15:00", "minor").add("13:20", script.Fact{What: script.Known, Vehicle: "VIN1"}).facts,
		(&visit{n: 7}).arrive("23:59").is("+1 08:00", script.Accepted).sign("+1 08:10", "+1 12:00", "minor").facts, // signed on Tuesday
		(&visit{n: 8}).arrive("+1 00:00").facts,
	)
	got := asks(facts...)
	wants(t, got, map[string]int64{
		"arrivals": 7, "orders": 4, "category_counts": 2 + 2 + 1 + 1, "categories.maintenance": 1, "categories.warranty": 1, "categories.minor": 3,
		"categories.accident": 1, "categories.major": 0, "vehicles": 2, "orders_without_vehicle": 1, "rework.numerator": 1, "rework.denominator": 4,
		headline + ".denominator": 4, "on_time.variants.first/pass/due/late.denominator": 4, "turnaround_minutes.n": 0,
		// Minutes from arrival to acceptance: 5 five times, 5 of visit 4, and 481 overnight.
		"response_minutes.accepted.n": 7, "response_minutes.accepted.p50": 5, "response_minutes.accepted.p90": 481, "response_minutes.first_job.n": 0,
	})
	j := judge.New()
	j.Saw(facts)
	wants(t, j.Day(monday.AddDate(0, 0, 1), at("+1 21:00")), map[string]int64{"arrivals": 1, "orders": 1, "vehicles": 1, "categories.minor": 1, "category_counts": 1})
}

// One long visit, every minute of it told apart by hand.
func TestStages(t *testing.T) {
	v := (&visit{n: 1}).arrive("08:00").is("08:07", script.Accepted).sign("08:20", "12:00", "minor"). // 7 waiting for an adviser, 13 reception
														by("08:50", script.Started, "t01", "").         // 30 waiting for a bay
														by("09:00", script.Paused, "t01", "parts").     // 10 working
														by("09:05", script.Started, "t02", "").         // 5 paused for parts
														by("09:25", script.Paused, "t02", "authority"). // 20 working, though t01 waits
														by("09:40", script.Finished, "t02", "").        // 15 paused for authority, which goes before parts
														by("09:50", script.Resumed, "t01", "").         // 10 paused for parts
														by("10:00", script.Paused, "t01", "break").     // 10 working
														by("10:03", script.Resumed, "t01", "").         // 3 break
														by("10:05", script.Paused, "t01", "switched").  // 2 working
														by("10:16", script.Resumed, "t01", "").         // 11 switched
														by("10:20", script.Finished, "t01", "").        // 4 working
														is("10:31", script.Failed).                     // 11 waiting for inspection
														by("10:40", script.Started, "t01", "").         // 9 waiting for a bay: it is not ready again yet
														by("10:58", script.Finished, "t01", "").        // 18 working
														is("11:02", script.Passed).                     // 4 waiting for inspection
														is("11:10", script.Washed).                     // 8 passed
														is("11:40", script.Delivered)                   // 30 washed
	got := asks(v.facts...)
	minutes := map[string]int64{"waiting_adviser": 7, "reception": 13, "waiting_bay": 39, "working": 64, "paused_parts": 15, "paused_authority": 15,
		"paused_break": 3, "paused_switched": 11, "waiting_inspection": 15, "passed": 8, "washed": 30}
	want := map[string]int64{"stages.visits": 1, "stages.total_ms": 220 * 60_000, "turnaround_minutes.p50": 220, "turnaround_minutes.n": 1,
		"response_minutes.accepted.p50": 7, "response_minutes.first_job.p50": 50,
		// From 08:50 to 10:58, of which 15 + 15 + 3 + 11 nobody worked.
		"repair_minutes.gross.p50": 128, "repair_minutes.net.p50": 84}
	sum := int64(0)
	for stage, m := range minutes {
		want["stages.ms."+stage] = m * 60_000
		sum += m
	}
	if sum != 220 {
		t.Fatalf("the stages counted by hand add up to %d minutes, not to 220", sum)
	}
	wants(t, got, want)
	for path := range got {
		if stage, ok := strings.CutPrefix(path, "stages.ms."); ok && minutes[stage] == 0 {
			t.Errorf("a stage %s that nobody was in: %d ms", stage, got[path])
		}
	}
}

// Percentiles are those of the nearest rank, in whole minutes.
func TestPercentiles(t *testing.T) {
	var facts []script.Fact
	for n := range 11 { // turnarounds of 60, 61, … 70 minutes and 59 seconds
		v := worked(n, "12:00").is("09:50", script.Passed)
		v.facts = append(v.facts, script.Fact{What: script.Delivered, Visit: n, At: at("10:00:59").Add(time.Duration(n) * time.Minute)})
		facts = append(facts, v.facts...)
	}
	// Of eleven the sixth is the first that half do not exceed, the tenth that nine tenths do not.
	wants(t, asks(facts...), map[string]int64{"turnaround_minutes.n": 11, "turnaround_minutes.p50": 65, "turnaround_minutes.p90": 69})
	// Of the first ten it is the fifth and the ninth.
	wants(t, asks(facts[:10*len(facts)/11]...), map[string]int64{"turnaround_minutes.n": 10, "turnaround_minutes.p50": 64, "turnaround_minutes.p90": 68})
}

// A job nobody finished: unclosed two hours after closing, and out of the times
// until a supervisor states when it was done.
func TestForgottenFinish(t *testing.T) {
	v := (&visit{n: 1}).arrive("16:00").is("16:10", script.Accepted).sign("16:20", "18:00", "minor").by("16:30", script.Started, "t01", "")
	wants(t, asked("19:59:59", v.facts...), map[string]int64{"unclosed_jobs": 0})
	wants(t, asked("20:00", v.facts...), map[string]int64{"unclosed_jobs": 1})
	gone := (&visit{n: 1, facts: slices.Clone(v.facts)}).is("17:40", script.Passed).is("17:50", script.Delivered)
	wants(t, asked("21:00", gone.facts...), map[string]int64{"unclosed_jobs": 1, "turnaround_minutes.n": 1, "stages.visits": 0, "repair_minutes.gross.n": 0, headline + ".numerator": 1})
	stated := gone.by("17:30", script.Finished, "t01", "") // told later, at the time it was
	wants(t, asked("+1 09:00", stated.facts...), map[string]int64{"unclosed_jobs": 0, "turnaround_minutes.n": 1, "stages.visits": 1,
		"repair_minutes.gross.n": 1, "repair_minutes.gross.p50": 60, "stages.ms.working": 60 * 60_000, "stages.ms.waiting_inspection": 10 * 60_000, "stages.ms.passed": 10 * 60_000})
}

// Facts may be told in any order and in pieces; they are what they are.
func TestOrderOfTelling(t *testing.T) {
	facts := example()
	want := asks(facts...)
	slices.Reverse(facts)
	j := judge.New()
	for _, f := range facts {
		j.Saw([]script.Fact{f})
	}
	if got := j.Day(monday, at("21:00")); !maps.Equal(got, want) {
		t.Errorf("told backwards: %v\nwant: %v", got, want)
	}
}
