package pgledger

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestAssign: every store that somebody would take is somebody's who would and
// lives; no move would make it fairer; nothing moves twice, or needlessly.
func TestAssign(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var members []member
		for i := range rapid.IntRange(0, 5).Draw(rt, "offices") {
			m := member{id: fmt.Sprint("o", i), stores: map[string]bool{}}
			for s := range rapid.IntRange(0, 12).Draw(rt, "stores") {
				if rapid.IntRange(0, 5).Draw(rt, "lists") > 0 {
					m.stores[fmt.Sprint("s", s)] = true
				}
			}
			members = append(members, m)
		}
		now := map[string]string{}
		for s := range 12 {
			now[fmt.Sprint("s", s)] = fmt.Sprint("o", rapid.IntRange(0, 7).Draw(rt, "has")) // some are dead
		}
		out := assign(members, now)
		can, load := map[string]map[string]bool{}, map[string]int{}
		for _, m := range members {
			for s := range m.stores {
				if can[s] == nil {
					can[s] = map[string]bool{}
				}
				can[s][m.id] = true
			}
		}
		for s, id := range out {
			load[id]++
			if !can[s][id] {
				rt.Fatalf("%s goes to %s, which would not take it or is dead", s, id)
			}
		}
		if len(out) != len(can) {
			rt.Fatalf("%d of %d stores are assigned: %v", len(out), len(can), out)
		}
		for s, id := range out {
			for other := range can[s] {
				if load[other]+1 < load[id] {
					rt.Fatalf("%s should move from %s with %d to %s with %d", s, id, load[id], other, load[other])
				}
			}
		}
		if again := assign(members, out); !maps.Equal(again, out) {
			rt.Fatalf("%v is moved again to %v", out, again)
		}
	})
}

// TestAssignFew: a newcomer gets its share and no more moves.
func TestAssignFew(t *testing.T) {
	all := map[string]bool{}
	now := map[string]string{}
	for i := range 500 {
		s := fmt.Sprintf("s%03d", i)
		all[s] = true
		now[s] = []string{"a", "b"}[i%2]
	}
	out := assign([]member{{"a", all}, {"b", all}, {"c", all}}, now)
	moved, load := 0, map[string]int{}
	for s, id := range out {
		load[id]++
		if id != now[s] {
			moved++
		}
	}
	if moved != load["c"] || load["c"] != 166 {
		t.Errorf("%d stores move, the newcomer has %d, want 166 both", moved, load["c"])
	}
}
