package figures_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

const store = "sh-pudong"

var (
	zone = time.FixedZone("CST", 8*3600)
	cal  = kiosk.ShanghaiWeek(zone)
	from = time.Date(2026, 11, 3, 0, 0, 0, 0, zone)
	to   = time.Date(2026, 11, 9, 0, 0, 0, 0, zone)
)

// shop is a ledger with its figures, at a time that the test sets.
type shop struct {
	*figures.Folder
	ledger backoffice.Ledger
	now    time.Time
}

func open(t testing.TB, l backoffice.Ledger) *shop {
	t.Helper()
	s := &shop{ledger: l, now: from.Add(12 * time.Hour)}
	f, err := figures.New(figures.Config{Ledger: l, Now: func() time.Time { return s.now },
		Stores: []backoffice.Store{{Name: store, Calendar: cal, Bays: []string{"b1", "b2"}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Folder = f
	return s
}

func (s *shop) commit(t testing.TB, entries ...backoffice.Entry) {
	t.Helper()
	if _, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: s.now, Entries: entries}); err != nil {
		t.Fatal(err)
	}
}

var everyBy = []kpi.By{kpi.ByNone, kpi.ByDay, kpi.ByAdviser, kpi.ByCategory, kpi.ByBay, kpi.ByTechnician}

// computed is the answer straight from the events: the reference.
func computed(t testing.TB, l backoffice.Ledger, by kpi.By, at uint64, now time.Time) string {
	t.Helper()
	all := map[string][]kiosk.Event{}
	if err := l.Until(context.Background(), store, at, func(v string, events []kiosk.Event) { all[v] = events }); err != nil {
		t.Fatal(err)
	}
	return told(t, kpi.Compute(kpi.Input{Visits: backoffice.FoldStore(all, cal), Calendar: cal, From: from, To: to, Now: now, Bays: []string{"b1", "b2"}}, by))
}

func told(t testing.TB, rows []kpi.Row) string {
	t.Helper()
	b, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *shop) ask(t testing.TB, q figures.Query) (string, figures.Answer) {
	t.Helper()
	q.From, q.To = from, to
	a, err := s.Figures(context.Background(), store, q)
	if err != nil {
		t.Fatal(err)
	}
	return told(t, a.Rows), a
}

// life draws what two boards record of a few visits over some days: work that
// overlaps, clocks that are set and jump, promises, corrections.
func life(t testing.TB, rt *rapid.T) (all []backoffice.Entry) {
	boards := []*ledgertest.Board{ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k2", "e2")}
	if rapid.IntRange(0, 3).Draw(rt, "unset") == 0 {
		boards[1].Now.Clock = kiosk.Unset
	}
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	for i := range rapid.IntRange(1, 40).Draw(rt, "events") {
		b := boards[rapid.IntRange(0, 1).Draw(rt, "board")]
		pass := time.Duration(rapid.SampledFrom([]int{0, 1, 7, 30, 95, 700}).Draw(rt, "minutes")) * time.Minute
		for _, each := range boards {
			each.Now = each.Now.Add(pass)
		}
		visit := pick("visit", "V1", "V2", "V3", "V4")
		job := kiosk.Job{Visit: visit, Bay: pick("bay", "b1", "b2"), Technician: pick("technician", "", "t1", "t1", "t2"), Item: rapid.IntRange(0, 2).Draw(rt, "item")}
		due := b.Now.Wall.Add(time.Duration(rapid.IntRange(-1, 30).Draw(rt, "due")) * time.Hour)
		switch rapid.IntRange(0, 18).Draw(rt, "kind") {
		case 18:
			all = append(all, b.Event(&kiosk.ReworkConfirmed{Visit: visit, Earlier: pick("earlier", "V1", "V2", "V9"), Items: []string{pick("code", "M1", "R1")}}))
		case 17:
			from := b.Now.Wall.Add(-time.Duration(rapid.IntRange(0, 40).Draw(rt, "present")) * time.Hour)
			all = append(all, b.Event(&kiosk.AttendanceRecorded{Technician: pick("technician", "t1", "t2"), From: from, To: from.Add(8 * time.Hour)}))
		case 0:
			all = append(all, b.Event(&kiosk.CheckedIn{Visit: visit, Ticket: "A001", Vehicle: pick("vehicle", "", "X1", "X2")}))
		case 1:
			all = append(all, b.Event(&kiosk.Accepted{Visit: visit, Adviser: pick("adviser", "a1", "a2")}))
		case 2, 3:
			all = append(all, b.Event(&kiosk.Signed{Visit: visit, Order: "o" + visit, Adviser: pick("adviser", "a1", "a2"), Promise: &due,
				Items: []kiosk.Item{{No: 1, Code: "M1", Category: "maintenance", StandardMinutes: 60}, {No: 2, Code: "R1", Category: "repair", StandardMinutes: 30}}}))
		case 4, 5, 6:
			all = append(all, b.Event(&kiosk.Started{Job: job, Parallel: rapid.IntRange(0, 4).Draw(rt, "parallel") == 0}))
		case 7:
			all = append(all, b.Event(&kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: pick("reason", kiosk.Parts, kiosk.Switched)}}))
		case 8:
			all = append(all, b.Event(&kiosk.Resumed{Job: job}))
		case 9, 10:
			all = append(all, b.Event(&kiosk.Finished{Job: job}))
		case 11:
			all = append(all, b.Event(&kiosk.Passed{Visit: visit, Inspector: "q1"}))
		case 12:
			all = append(all, b.Event(&kiosk.Delivered{Visit: visit, Adviser: "a1"}))
		case 13:
			all = append(all, b.Event(&kiosk.PromiseRevised{Visit: visit, Promise: due, Consent: true}))
		case 14:
			if len(all) > 0 {
				all = append(all, b.Event(&kiosk.Voided{Event: rapid.SampledFrom(all).Draw(rt, "voided").Event.ID()}))
			}
		case 15:
			if len(all) > 0 {
				at := b.Now.Wall.Add(time.Duration(rapid.IntRange(-50, 50).Draw(rt, "hours")) * time.Hour)
				all = append(all, b.Event(&kiosk.Amended{Event: rapid.SampledFrom(all).Draw(rt, "amended").Event.ID(),
					Fields: json.RawMessage(`{"at":"` + at.Format(time.RFC3339) + `"}`)}))
			}
		case 16:
			if b.Now.Clock == kiosk.Unset {
				b.Now.Wall, b.Now.Clock = b.Now.Wall.Add(26*time.Hour), kiosk.Synced
				all = append(all, b.Event(&kiosk.ClockSet{OffsetMS: (26 * time.Hour).Milliseconds()}))
			} else {
				b.Now.Boot, b.Now.Clock = fmt.Sprint("boot", i), kiosk.Unset
			}
		}
	}
	return all
}

// TestAnswers: whatever comes, in whatever order, and however often it is folded
// meanwhile, figures are those computed straight from the events, for every
// position and time ever asked; and what is kept is what a recomputation makes.
func TestAnswers(t *testing.T) {
	n := 0
	for name, fresh := range map[string]func() backoffice.Ledger{
		"memory": func() backoffice.Ledger { return memledger.New("l") },
		"sqlite": func() backoffice.Ledger {
			n++
			l, err := ledger.Open(filepath.Join(t.TempDir(), fmt.Sprint(n, ".db")))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return l
		},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(rt *rapid.T) { answers(t, rt, open(t, fresh())) }) })
	}
}

func answers(t *testing.T, rt *rapid.T, s *shop) {
	type asked struct {
		figures.Answer
		by   kpi.By
		said string
	}
	s.SetChunk(rapid.SampledFrom([]int{1, 2, 1000}).Draw(rt, "chunk"))
	var said []asked
	for rest := shuffled(t, rt); len(rest) > 0; {
		n := rapid.IntRange(1, min(8, len(rest))).Draw(rt, "batch")
		s.commit(t, rest[:n]...)
		rest = rest[n:]
		s.now = s.now.Add(time.Duration(rapid.IntRange(0, 9).Draw(rt, "pass")) * time.Hour)
		if rapid.IntRange(0, 5).Draw(rt, "rebuild") == 0 {
			if err := s.Rebuild(context.Background(), store); err != nil {
				rt.Fatal(err)
			}
		}
		if rapid.Bool().Draw(rt, "ask") {
			by := rapid.SampledFrom(everyBy).Draw(rt, "by")
			got, a := s.ask(t, figures.Query{By: by})
			if want := computed(t, s.ledger, by, a.AsOf, a.Now); got != want {
				rt.Fatalf("by %s at %d:\n%s\nwant\n%s", by, a.AsOf, got, want)
			}
			said = append(said, asked{a, by, got})
		}
	}
	for _, by := range everyBy {
		got, a := s.ask(t, figures.Query{By: by})
		if want := computed(t, s.ledger, by, a.AsOf, a.Now); got != want {
			rt.Fatalf("by %s at the head:\n%s\nwant\n%s", by, got, want)
		}
	}
	s.whole(t)
	s.sameVisits(t, rt, rapid.Uint64Range(0, uint64(s.position(t))).Draw(rt, "as of"))
	for _, was := range said {
		if got, a := s.ask(t, figures.Query{By: was.by, AsOf: &was.AsOf, Now: was.Now}); got != was.said || a.AsOf != was.AsOf || !a.Now.Equal(was.Now) {
			rt.Fatalf("by %s as of %d:\n%s\nit was\n%s", was.by, was.AsOf, got, was.said)
		}
	}
}

// shuffled are the events of some lives, most of them nearly in order.
func shuffled(t *testing.T, rt *rapid.T) []backoffice.Entry {
	all := life(t, rt)
	if rapid.Bool().Draw(rt, "late") {
		return rapid.Permutation(all).Draw(rt, "arrival")
	}
	return all
}

// whole fails the test if anything kept is not what a recomputation makes.
func (s *shop) whole(t testing.TB) {
	t.Helper()
	report, err := s.Verify(context.Background(), store)
	if err != nil || len(report.Differences) != 0 {
		t.Fatalf("verification: %v, %v", err, report)
	}
}

func (s *shop) position(t testing.TB) uint64 {
	t.Helper()
	n, err := s.ledger.Position(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sameVisits compares visits as they stood at a position, those that are open
// now, and what is behind figures, with the reference.
func (s *shop) sameVisits(t *testing.T, rt *rapid.T, asOf uint64) {
	ctx := context.Background()
	names := []string{"V1", "V2", "V3", "V4", "attendance/t1/2026-11", "attendance/t2/2026-11", "none"}
	got, at, err := s.Visits(ctx, store, names, &asOf)
	if want := visitsAt(t, s.ledger, asOf); err != nil || at != asOf || tell(got) != tell(want) {
		rt.Fatalf("as of %d the visits are (%v)\n%s\nwant\n%s", asOf, err, tell(got), tell(want))
	}
	head := visitsAt(t, s.ledger, s.position(t))
	var open []*kiosk.Visit
	for _, v := range head {
		if v.Open() {
			open = append(open, v)
		}
		if found, _, err := s.Visit(ctx, store, v.ID); err != nil || tell([]*kiosk.Visit{found}) != tell([]*kiosk.Visit{v}) {
			rt.Fatalf("visit %s is found as\n%s (%v)", v.ID, tell([]*kiosk.Visit{found}), err)
		}
	}
	for _, vehicle := range []string{"X1", "X2", "none"} {
		var want []*kiosk.Visit
		for _, v := range head {
			if v.Vehicle == vehicle {
				want = append(want, v)
			}
		}
		if got, _, err := s.VisitsOfVehicle(ctx, store, vehicle); err != nil || tell(got) != tell(want) {
			rt.Fatalf("visits of vehicle %s are (%v)\n%s\nwant\n%s", vehicle, err, tell(got), tell(want))
		}
	}
	if facts, err := s.FactsOf(ctx, store, names); err != nil || len(facts) != len(head) {
		rt.Fatalf("%d facts (%v), want %d", len(facts), err, len(head))
	}
	for range 2 { // the second comes from the cache
		if got, _, err := s.Open(ctx, store); err != nil || tell(got) != tell(open) {
			rt.Fatalf("open visits are (%v)\n%s\nwant\n%s", err, tell(got), tell(open))
		}
	}
	in := kpi.Input{Visits: visitsAt(t, s.ledger, asOf), Calendar: cal, From: from, To: to, Now: s.now}
	for _, figure := range []string{"arrivals", "on_time", "unclosed_jobs"} {
		want, err := kpi.Behind(in, figure, "", kpi.Headline())
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Folder.Behind(ctx, store, figures.Query{From: from, To: to, AsOf: &asOf, Now: s.now}, "", figure, "", kpi.Headline())
		if err != nil || len(got) != len(want) {
			rt.Fatalf("%d visits are behind %s (%v), want %d", len(got), figure, err, len(want))
		}
	}
}

func visitsAt(t testing.TB, l backoffice.Ledger, at uint64) []*kiosk.Visit {
	t.Helper()
	all := map[string][]kiosk.Event{}
	if err := l.Until(context.Background(), store, at, func(v string, events []kiosk.Event) { all[v] = events }); err != nil {
		t.Fatal(err)
	}
	return backoffice.FoldStore(all, cal)
}

// tell is all that figures need of visits, and where they stand.
func tell(vs []*kiosk.Visit) string {
	var b strings.Builder
	for _, v := range vs {
		if v == nil {
			b.WriteString("none\n")
			continue
		}
		fact := kpi.FactOf(v, cal)
		rework := kpi.FactRework{}
		if fact.Rework != nil {
			rework, fact.Rework = *fact.Rework, nil
		}
		fmt.Fprintf(&b, "%+v %+v", fact, rework)
		for _, s := range v.Track {
			fmt.Fprintf(&b, " %s from %d", s.Stage, s.At.UnixMilli())
		}
		b.WriteString("\n")
	}
	return b.String()
}
