package kpi_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/sync/backoffice/kpi"
)

// TestMay: no fact is behind a figure whose head says that it is not, and the
// reworks read from a tally's bytes alone are the tally's.
func TestMay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, 11, 1, 0, 0, 0, 0, zone).AddDate(0, 0, rapid.IntRange(-1, 20).Draw(t, "from"))
		p := kpi.Period{Calendar: cal, From: from, To: from.AddDate(0, 0, rapid.IntRange(1, 20).Draw(t, "days")),
			Now: from.AddDate(0, 0, rapid.IntRange(0, 30).Draw(t, "now"))}
		groups := []kpi.Group{{By: kpi.ByNone}, {By: kpi.ByDay, Key: "2026-11-02"}, {By: kpi.ByAdviser, Key: "a1"}, {By: kpi.ByTechnician, Key: "t1"},
			{By: kpi.ByBay, Key: "b1"}, {By: kpi.ByCategory, Key: "minor"}}
		for i := range rapid.IntRange(0, 4).Draw(t, "visits") {
			f := kpi.FactOf(anyVisit(t, i), cal)
			head, err := kpi.DecodeHead(f.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			variant := rapid.SampledFrom(kpi.Variants()).Draw(t, "variant")
			for figure, values := range kpi.Figures() {
				for _, value := range append([]string{""}, values...) {
					for _, g := range groups {
						behind, err := p.Behind([]kpi.Fact{f}, g, figure, value, variant)
						if err != nil {
							t.Fatal(err)
						}
						if len(behind) > 0 && !p.May(&head, g, figure, value, variant) {
							t.Fatalf("%s %q of %v: %+v is behind it, and its head says no", figure, value, g, f)
						}
					}
				}
			}
			for _, day := range f.Days(cal) {
				tallies, err := kpi.Tallies([]kpi.Fact{f}, day, cal, p.Now)
				if err != nil {
					t.Fatal(err)
				}
				for g, tally := range tallies {
					got, err := kpi.DecodeReworks(tally.Append(nil))
					if err != nil || !reflect.DeepEqual(got, tally.Reworks()) {
						t.Fatalf("reworks of %v: %v (%v), want %v", g, got, err, tally.Reworks())
					}
				}
			}
		}
	})
}
