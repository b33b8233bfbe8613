package hostile_test

import (
	"testing"

	"baylight/cmd/internal/hostile"
)

// TestCorpus: every attack has texts, every text a name of its own, and what is
// huge is.
func TestCorpus(t *testing.T) {
	seen := map[string]bool{}
	count := map[hostile.Attack]int{}
	for _, x := range hostile.Texts() {
		if seen[x.Name] || len(x.Value) > 128<<10 {
			t.Errorf("%s: twice, or %d bytes", x.Name, len(x.Value))
		}
		seen[x.Name] = true
		count[x.Attack]++
	}
	for _, a := range hostile.Attacks() {
		if count[a] < 8 || len(hostile.Texts(a)) != count[a] {
			t.Errorf("%s has %d texts", a, count[a])
		}
	}
	if n := len(hostile.Huge()); n != 10<<20 {
		t.Errorf("huge is %d bytes", n)
	}
}
