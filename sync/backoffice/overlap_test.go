package backoffice_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

func take(t testing.TB, l backoffice.Ledger, entries ...backoffice.Entry) {
	t.Helper()
	if _, err := l.Commit(t.Context(), backoffice.Batch{At: noon, Entries: entries}); err != nil {
		t.Fatal(err)
	}
}

func visitsOf(t testing.TB, l backoffice.Ledger) map[string]*kiosk.Visit {
	t.Helper()
	vs := recompute(t, l)
	out := map[string]*kiosk.Visit{}
	for _, v := range vs {
		out[v.ID] = v
	}
	return out
}

// TestOverlap: a technician works on one board, then on another that is cut off.
// Once the events of both are here the first job counts as switched from the
// second's start, both are flagged, and nothing is dropped.
func TestOverlap(t *testing.T) {
	l := memledger.New("l")
	k1, k2 := ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k2", "e2")
	start := k1.Now.Wall
	job := func(visit, bay string) kiosk.Job { return kiosk.Job{Visit: visit, Bay: bay, Technician: "t1"} }
	first := []backoffice.Entry{k1.CheckIn(one), k1.Event(&kiosk.Started{Job: job(one, "b1")})}
	k1.Now, k2.Now = k1.Now.Add(3*time.Hour), k2.Now.Add(time.Hour)
	first = append(first, k1.Event(&kiosk.Finished{Job: job(one, "b1")}))
	second := []backoffice.Entry{k2.CheckIn(two), k2.Event(&kiosk.Started{Job: job(two, "b2")})}
	k2.Now = k2.Now.Add(time.Hour)
	second = append(second, k2.Event(&kiosk.Finished{Job: job(two, "b2")}))

	take(t, l, first...)
	if v := visitsOf(t, l)[one]; v.HasFlag(kiosk.Overlap) || len(v.Works[0].Spans) != 1 {
		t.Errorf("before the other board is heard of, the visit is\n%s", tell([]*kiosk.Visit{v}))
	}
	take(t, l, second...)
	got := visitsOf(t, l)
	work := got[one].Works[0]
	if !got[one].HasFlag(kiosk.Overlap) || !got[two].HasFlag(kiosk.Overlap) {
		t.Errorf("flags are %v and %v, want overlap in both", got[one].Flags, got[two].Flags)
	}
	if len(work.Spans) != 2 || work.Spans[1].Reason != kiosk.Switched || !work.Spans[1].From.Equal(got[two].Works[0].Start()) || work.Finished.IsZero() {
		t.Errorf("the first job is %+v, want it switched from the second's start, and finished", work)
	}
	if d := work.Spans[0].To.Sub(start); d != time.Hour+2*time.Second {
		t.Errorf("the first job ran until %v after nine, want 1h0m2s", d)
	}
	if s := got[two].Works[0].Spans; len(s) != 1 || s[0].Reason != "" {
		t.Errorf("the second job is %+v, want it untouched", s)
	}

	take(t, l, k2.Event(&kiosk.Voided{Event: second[1].Event.ID()}))
	got = visitsOf(t, l)
	if v := got[one]; v.HasFlag(kiosk.Overlap) || len(v.Works[0].Spans) != 1 || got[two].HasFlag(kiosk.Overlap) {
		t.Errorf("with the second start voided the visits are\n%s", tell([]*kiosk.Visit{v, got[two]}))
	}
}

// TestNoOverlap: PARALLEL, other technicians, one board alone, a time that could
// not be corrected, and one stated at the back office.
func TestNoOverlap(t *testing.T) {
	for name, second := range map[string]func(k1, k2 *ledgertest.Board) backoffice.Entry{
		"parallel": func(_, k2 *ledgertest.Board) backoffice.Entry {
			return k2.Event(&kiosk.Started{Job: kiosk.Job{Visit: two, Bay: "b2", Technician: "t1"}, Parallel: true})
		},
		"another technician": func(_, k2 *ledgertest.Board) backoffice.Entry {
			return k2.Event(&kiosk.Started{Job: kiosk.Job{Visit: two, Bay: "b2", Technician: "t2"}})
		},
		"nobody": func(_, k2 *ledgertest.Board) backoffice.Entry {
			return k2.Event(&kiosk.Started{Job: kiosk.Job{Visit: two, Bay: "b2"}})
		},
		"stated at the back office": func(_, k2 *ledgertest.Board) backoffice.Entry {
			k2.Source = kiosk.OfficeSource(store)
			return k2.Event(&kiosk.Started{Job: kiosk.Job{Visit: two, Bay: "b2", Technician: "t1"}})
		},
		"an unsure time": func(_, k2 *ledgertest.Board) backoffice.Entry {
			k2.Now.Clock = kiosk.Unset
			return k2.Event(&kiosk.Started{Job: kiosk.Job{Visit: two, Bay: "b2", Technician: "t1"}})
		},
		"one board": func(k1, _ *ledgertest.Board) backoffice.Entry {
			return k1.Event(&kiosk.Started{Job: kiosk.Job{Visit: two, Bay: "b2", Technician: "t1"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := memledger.New("l")
			k1, k2 := ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k2", "e2")
			k2.Now = k2.Now.Add(time.Hour)
			take(t, l, k1.Event(&kiosk.Started{Job: kiosk.Job{Visit: one, Bay: "b1", Technician: "t1"}}), second(k1, k2))
			for _, v := range visitsOf(t, l) {
				if v.HasFlag(kiosk.Overlap) || len(v.Works) != 1 || len(v.Works[0].Spans) != 1 {
					t.Errorf("the visit is\n%s", tell([]*kiosk.Visit{v}))
				}
			}
		})
	}
}

// TestOverlapsInAnyOrder: three boards that know nothing of each other, and two
// technicians who walk between them. Whatever order the events come in, and
// however often the visits are asked for meanwhile, they are the same at the
// end, and nobody works on two boards at once (if the boards have visits of
// their own: where they share one, an event may resume what was switched).
func TestOverlapsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		apart := rapid.Bool().Draw(rt, "apart")
		all, corrected := walkers(t, rt, apart)
		l := memledger.New("l")
		take(t, l, all...)
		want := visitsOf(t, l)

		late := memledger.New("late")
		for rest := rapid.Permutation(all).Draw(rt, "arrival"); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "batch")
			take(t, late, rest[:n]...)
			rest = rest[n:]
			visitsOf(t, late)
		}
		got := visitsOf(t, late)
		for id, v := range want {
			if !equalVisits(v, got[id]) {
				rt.Errorf("in another order of arrival the visit is\n%s\nwant\n%s", tell([]*kiosk.Visit{got[id]}), tell([]*kiosk.Visit{v}))
			}
		}
		if len(got) != len(want) {
			rt.Errorf("%d visits, want %d", len(got), len(want))
		}
		if apart && !corrected {
			nobodyTwice(rt, want)
		}
	})
}

// nobodyTwice looks for a technician at work in the bays of two boards at once.
// Each board of walkers has one bay.
func nobodyTwice(rt *rapid.T, visits map[string]*kiosk.Visit) {
	at := map[string][]kiosk.Span{} // work, by technician
	for _, v := range visits {
		for _, w := range v.Works {
			for _, s := range w.Spans {
				if s.Reason == "" {
					at[w.Technician] = append(at[w.Technician], s)
				}
			}
		}
	}
	for technician, spans := range at {
		for _, s := range spans {
			if slices.ContainsFunc(spans, func(next kiosk.Span) bool {
				return next.Bay != s.Bay && !next.Parallel && s.From.Before(next.From) && (s.To.IsZero() || next.From.Before(s.To))
			}) {
				rt.Errorf("%s works on two boards at once after %v: %+v", technician, s.From, spans)
			}
		}
	}
}

// walkers draws what three boards record, each by the rules of one board
// (DOMAIN §4): who starts another job without PARALLEL pauses the one that runs.
// Apart, each has visits of its own.
func walkers(t *testing.T, rt *rapid.T, apart bool) (all []backoffice.Entry, corrected bool) {
	var boards []*ledgertest.Board
	running := map[[2]string]map[string]bool{} // board and technician: visits
	for _, k := range []string{"k1", "k2", "k3"} {
		b := ledgertest.NewBoard(t, store, k, "e"+k)
		boards = append(boards, b)
		for _, technician := range []string{"t1", "t2"} {
			running[[2]string{b.Source, technician}] = map[string]bool{}
		}
	}
	for range rapid.IntRange(2, 20).Draw(rt, "events") {
		i := rapid.IntRange(0, 2).Draw(rt, "board")
		b := boards[i]
		emit := func(p kiosk.Payload) { all = append(all, b.Event(p)) }
		pass := time.Duration(rapid.IntRange(0, 15).Draw(rt, "minutes")) * time.Minute
		for _, each := range boards {
			each.Now = each.Now.Add(pass)
		}
		ids := []string{"V1", "V2", "V3"}
		if apart {
			ids = []string{"V1" + b.Epoch, "V2" + b.Epoch, "V3" + b.Epoch}
		}
		job := kiosk.Job{Visit: rapid.SampledFrom(ids).Draw(rt, "visit"), Bay: []string{"b1", "b2", "b3"}[i],
			Technician: rapid.SampledFrom([]string{"t1", "t2"}).Draw(rt, "technician")}
		mine := running[[2]string{b.Source, job.Technician}]
		switch kind := rapid.IntRange(0, 5).Draw(rt, "kind"); {
		case kind < 3 && !mine[job.Visit]:
			parallel := kind == 2
			for _, other := range ids {
				if mine[other] && !parallel {
					emit(&kiosk.Paused{Job: kiosk.Job{Visit: other, Bay: job.Bay, Technician: job.Technician}, Meta: kiosk.Meta{Reason: kiosk.Switched}})
					delete(mine, other)
				}
			}
			emit(&kiosk.Started{Job: job, Parallel: parallel})
			mine[job.Visit] = true
		case kind == 3 && mine[job.Visit]:
			emit(&kiosk.Finished{Job: job})
			delete(mine, job.Visit)
		case kind == 4 && mine[job.Visit]:
			emit(&kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts}})
			delete(mine, job.Visit)
		case kind == 5 && len(all) > 0:
			corrected = true
			emit(&kiosk.Voided{Event: rapid.SampledFrom(all).Draw(rt, "voided").Event.ID()})
		}
	}
	return all, corrected
}

// tell is all that a fold makes of visits, by instants and not by time zones.
func tell(vs []*kiosk.Visit) string {
	var b strings.Builder
	for _, v := range vs {
		if v == nil {
			b.WriteString("none\n")
			continue
		}
		fmt.Fprintf(&b, "%s ticket %s uncertain %v flags %v corrections %d passed %d ended %d finished %d\n", v.ID, v.Ticket, v.Uncertain, v.Flags, v.Corrections, v.Passed.UnixMilli(), v.Ended.UnixMilli(), v.FinishedSince)
		for _, w := range v.Works {
			fmt.Fprintf(&b, "  %s %+v finished %d unclosed %v\n", w.Event, w.Job, w.Finished.UnixMilli(), w.Unclosed)
			for _, s := range w.Spans {
				fmt.Fprintf(&b, "    %d to %d %q %s %v\n", s.From.UnixMilli(), s.To.UnixMilli(), s.Reason, s.Bay, s.Parallel)
			}
		}
		for _, s := range v.Track {
			fmt.Fprintf(&b, "  %s from %d\n", s.Stage, s.At.UnixMilli())
		}
	}
	return b.String()
}

func equalVisits(a, b *kiosk.Visit) bool { return tell([]*kiosk.Visit{a}) == tell([]*kiosk.Visit{b}) }
