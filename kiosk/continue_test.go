package kiosk

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestContinueIsApply: event after event applied on top makes what all of them
// make together, and leaves every visit on the way as it was, also where two
// went on from one.
func TestContinueIsApply(t *testing.T) {
	private := cmp.Exporter(func(reflect.Type) bool { return true })
	rapid.Check(t, func(t *rapid.T) {
		events := slices.DeleteFunc(anything(t), func(e Event) bool { return Corrects(e.Data) != "" })
		slices.SortFunc(events, func(a, b Event) int { return TurnOf(&a).compare(TurnOf(&b)) })
		on := []*Visit{Apply(nil, closes)}
		for i, e := range events {
			if rapid.Bool().Draw(t, "folded") { // its lists have room to grow
				on[i] = Apply(events[:i], closes)
			}
			v := on[i]
			if v.Delivered.IsZero() {
				on = append(on, Continue(v, []Event{e}, closes))
			} else { // what was said of its inspection may be taken back
				on = append(on, Apply(events[:i+1], closes))
			}
			Continue(v, otherwise(e, i), closes)
		}
		for n, v := range on {
			if diff := cmp.Diff(Apply(events[:n], closes), v, private); diff != "" {
				t.Fatalf("after %d of %d events:\n%s", n, len(events), diff)
			}
		}
	})
}

// otherwise is what else could have happened instead of e, the i-th event.
func otherwise(e Event, i int) (events []Event) {
	due := nine.Add(time.Minute)
	flags := Meta{Flags: []Flag{NoBadge, "a", Flag(rune('b' + i))}}
	for n, p := range []Payload{
		&Started{Job: job("t3", 0), Meta: flags}, &Started{Job: job("t1", 0)}, &Finished{Job: job("t2", 0)}, &ItemsAdded{Visit: "v", Items: []Item{{No: 9}}},
		&PromiseRevised{Visit: "v", Promise: due}, &ProposalDeclined{Visit: "v"}, &AttendanceRecorded{Technician: "t3"},
	} {
		e.Epoch, e.Seq, e.Data = "other", uint64(n+1), p
		events = append(events, e)
	}
	return events
}

// TestContinueSupplies: a visit that was not folded here knows no limits of its
// jobs; the one that goes on from it does.
func TestContinueSupplies(t *testing.T) {
	told := &Visit{ID: "v", Works: []*Work{{Job: job("t1", 0), Spans: []Span{{From: nine, Bay: "b1"}}}}}
	v := Continue(told, nil, closes)
	if got, want := v.Works[0].Limit(), closes.ShiftEnd(nine); !got.Equal(want) || !told.Works[0].Limit().IsZero() {
		t.Errorf("the limit is %s and was %s, want %s", got, told.Works[0].Limit(), want)
	}
	if !v.HasUnclosed(nine.Add(20*time.Hour)) || v.HasUnclosed(nine) {
		t.Error("the job does not become unclosed at its limit")
	}
}
