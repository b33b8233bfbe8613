package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"baylight/sync/backoffice"
)

// keepsInPassing: in the middle of folding as at its end, what is kept is found
// under its keys, and nothing else is, also once the ledger was opened again.
func keepsInPassing(t *testing.T, s *suite) {
	for seed := range uint64(8) {
		Steps(t, s.Ledger, rand.New(rand.NewPCG(seed, 0)))
		s.close()
		s.Ledger, s.close = s.open(t, s.dir)
		if err := s.DropRollups(t.Context(), store); err != nil {
			t.Fatal(err)
		}
	}
}

// Steps keeps random facts of a store of which nothing is kept, in steps of which
// few make it whole, and looks for them after each.
func Steps(t testing.TB, l backoffice.Ledger, rng *rand.Rand) {
	t.Helper()
	keys := []string{backoffice.KeyOpen, "a", "b", "ab"}
	is, kept := backoffice.Progress{}, map[string]backoffice.Fact{}
	for n := range uint64(20) {
		next := backoffice.Progress{Round: n + 1, Next: backoffice.Cursor{Changed: n + 2}, Mark: "m"}
		if rng.IntN(4) == 0 {
			next.Through = n + 1
		}
		var facts []backoffice.Fact
		for _, v := range rng.Perm(9)[:rng.IntN(4)] {
			f := backoffice.Fact{Visit: fmt.Sprint("V", v), At: n + 1}
			if delete(kept, f.Visit); rng.IntN(5) > 0 {
				f.Bytes = []byte{byte(n)}
				for _, k := range keys {
					if rng.IntN(3) == 0 {
						f.Keys = append(f.Keys, k)
					}
				}
				kept[f.Visit] = f
			}
			facts = append(facts, f)
		}
		if err := l.Keep(t.Context(), store, backoffice.Kept{Was: is, Is: next, Facts: facts}); err != nil {
			t.Fatal(err)
		}
		is = next
		for _, k := range keys {
			var want []string
			for v, f := range kept {
				if slices.Contains(f.Keys, k) {
					want = append(want, fmt.Sprint(v, f.Bytes))
				}
			}
			slices.Sort(want)
			fs, err := l.FactsOf(t.Context(), store, k)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range fs {
				got = append(got, fmt.Sprint(f.Visit, f.Bytes))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("after step %d, %s finds %v, want %v", n, k, got, want)
			}
		}
	}
}
