package ledgertest

import (
	"context"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"baylight/sync/backoffice"
)

// checkMany holds that a ledger that answers for many says what it says of each:
// of all sources of its stores at once, and of all stores after several cursors.
func checkMany(t rapid.TB, l backoffice.Ledger) {
	t.Helper()
	many, ok := l.(backoffice.Many)
	if !ok {
		return
	}
	ctx := context.Background()
	sources, since := []string{"/stores/nowhere/kiosks/k1"}, []backoffice.Since{{Store: "nowhere"}}
	for _, name := range []string{store, "sh-other"} {
		all, err := l.Sources(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			sources = append(sources, s.Source)
		}
		stale, err := l.Stale(ctx, name, backoffice.Cursor{}, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range append(slices.Clip(stale), backoffice.Cursor{}) {
			since = append(since, backoffice.Since{Store: name, After: c})
		}
	}
	want, err := backoffice.Singly(l).EpochsOf(ctx, sources)
	got, err2 := many.EpochsOf(ctx, sources)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, s := range sources {
		if fmt.Sprint(got[s]) != fmt.Sprint(want[s]) {
			t.Errorf("receipts of many say %v of %s, its own %v", got[s], s, want[s])
		}
	}
	for _, limit := range []int{2, 500} {
		want, err := backoffice.Singly(l).MovedOf(ctx, since, limit)
		got, err2 := many.MovedOf(ctx, since, limit)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for _, s := range since {
			if a, b := told(got[s]), told(want[s]); a != b {
				t.Errorf("what moved after %+v, at most %d: of many\n%s\none by one\n%s", s, limit, a, b)
			}
		}
	}
}

func told(m backoffice.Moved) string {
	out := fmt.Sprint(m.Seen)
	for _, v := range m.Visits {
		out += fmt.Sprint("\n", v.Changed, " ", describe(v.Visit, v.Events))
	}
	return out
}
