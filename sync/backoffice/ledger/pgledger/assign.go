package pgledger

import (
	"maps"
	"slices"
	"strings"
)

// member is an office that lives, and the stores it would take.
type member struct {
	id     string
	stores map[string]bool
}

// assign says which office should have which store: each its fair share, with as
// few moves as that takes. Every office reckons it from the same rows, so that
// they agree without talking. now is who has a store; a store that nobody would
// take is left out.
func assign(members []member, now map[string]string) map[string]string {
	members = slices.SortedFunc(slices.Values(members), func(a, b member) int { return strings.Compare(a.id, b.id) })
	load, can := map[string]int{}, map[string][]string{}
	lives := map[string]map[string]bool{}
	for _, m := range members {
		lives[m.id] = m.stores
		for s := range m.stores {
			can[s] = append(can[s], m.id) // by id: members are sorted
		}
	}
	out := map[string]string{}
	names := slices.Sorted(maps.Keys(can))
	for _, s := range names {
		if id := now[s]; lives[id][s] {
			out[s] = id
			load[id]++
		}
	}
	least := func(s string) string {
		best := can[s][0]
		for _, id := range can[s] {
			if load[id] < load[best] {
				best = id
			}
		}
		return best
	}
	for _, s := range names {
		if out[s] == "" {
			out[s] = least(s)
			load[out[s]]++
		}
	}
	for moved := true; moved; {
		moved = false
		for _, s := range names {
			if to := least(s); load[to]+1 < load[out[s]] {
				load[out[s]]--
				load[to]++
				out[s], moved = to, true
			}
		}
	}
	return out
}
