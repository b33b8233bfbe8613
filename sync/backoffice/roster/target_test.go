package roster

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baylight/sync/backoffice"
)

func number(n int64) *int64 { return &n }

// aimed is what the last recorded setup says the store wants to reach.
func (p *place) aimed() string { return fmt.Sprint(p.kept[len(p.kept)-1].Targets) }

// TestTargets: a target that is changed here stands whatever the configuration says,
// is recorded once with who changed it and why, and is found again after a restart.
func TestTargets(t *testing.T) {
	p := newPlace(t, seed())
	p.Setup.Targets = map[string]int64{"on_time_percent": 95, "rework_percent": 3}
	for _, c := range []struct {
		name   string
		target *int64
		want   string
	}{
		{"on_time_percent", number(97), "map[on_time_percent:97 rework_percent:3]"},
		{"on_time_percent", number(97), "map[on_time_percent:97 rework_percent:3]"}, // sent twice
		{"rework_percent", nil, "map[on_time_percent:97]"},
		{"turnaround_minutes", number(240), "map[on_time_percent:97 turnaround_minutes:240]"},
	} {
		must(t, p.ChangeTarget(t.Context(), "m1", Target{Name: c.name, Target: c.target, Reason: " 年初 "}))
		if p.aimed() != c.want {
			t.Errorf("after %s: %s, want %s", c.name, p.aimed(), c.want)
		}
	}
	want := []string{"m1: target on_time_percent: 95 → 97; 年初", "m1: target rework_percent: 3 → none; 年初", "m1: target turnaround_minutes: none → 240; 年初"}
	if diff := cmp.Diff(want, p.whys); diff != "" || p.owes() {
		t.Errorf("recorded (-want +got): %s", diff)
	}
	if p.Setup.Targets["rework_percent"] != 3 {
		t.Error("the configuration itself was changed")
	}
	again, err := open(t, p.papers, seed())
	must(t, err, again.record(t.Context()))
	if got := again.Targets(); again.aimed() != "map[on_time_percent:97 turnaround_minutes:240]" || len(got) != 3 || got[0].By != "m1" || got[0].Reason != "年初" || !got[0].At.Equal(noon) {
		t.Errorf("after a restart: %s, %+v", again.aimed(), got)
	}
}

// TestTargetsRefused: what cannot be is said by its field, and changes nothing.
func TestTargetsRefused(t *testing.T) {
	p := newPlace(t, seed())
	for _, c := range []struct {
		field, says string
		t           Target
	}{
		{"target", "is not one of", Target{Name: "nonsense", Target: number(1), Reason: "x"}},
		{"target", "is not one of", Target{Name: "nonsense", Reason: "x"}},
		{"target", "grows with the period", Target{Name: "orders", Target: number(1), Reason: "x"}},
		{"target", "below 0", Target{Name: "on_time_percent", Target: number(-1), Reason: "x"}},
		{"target", "above 100", Target{Name: "on_time_percent", Target: number(101), Reason: "x"}},
		{"target", "above 500", Target{Name: "efficiency_percent", Target: number(501), Reason: "x"}},
		{"reason", "needs its reason", Target{Name: "on_time_percent", Target: number(95), Reason: " \n"}},
		{"reason", "at most 200", Target{Name: "on_time_percent", Target: number(95), Reason: strings.Repeat("准", 67)}},
	} {
		err := p.ChangeTarget(t.Context(), "m1", c.t)
		if w := (*Wrong)(nil); !errors.As(err, &w) || w.Field != c.field || !strings.Contains(w.Detail, c.says) {
			t.Errorf("%+v: %v, want %s: …%s…", c.t, err, c.field, c.says)
		}
	}
	p.papers.refuses = fmt.Errorf("keep: %w", backoffice.ErrNotHeld)
	if err := p.ChangeTarget(t.Context(), "m1", Target{Name: "on_time_percent", Target: number(95), Reason: "x"}); !errors.Is(err, backoffice.ErrNotHeld) {
		t.Errorf("a store that another office has: %v", err)
	}
	if len(p.Targets()) != 0 || len(p.kept) != 0 {
		t.Errorf("what was refused is in force: %v, %v", p.Targets(), p.kept)
	}
}
