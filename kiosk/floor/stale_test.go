package floor

import (
	"testing"

	"baylight/kiosk"
)

// TestStale: what was said of a visit before something that this board recorded of it
// and has forgotten is stale; by either name of that. What the board knows itself is not.
func TestStale(t *testing.T) {
	const visit = "0A7A4K0001"
	s, now := New(testConfig(), "two"), kiosk.Moment{}
	e := kiosk.Event{Source: "/stores/s/kiosks/k1", Epoch: "two", Seq: 4, Was: "one-9"}
	if s.Stale(visit, e) {
		t.Error("of a visit that nobody knows something is stale")
	}
	for _, c := range []struct {
		name string
		seen []Seen
		want bool
	}{
		{"nothing", nil, true},
		{"before it", []Seen{{e.Source, "two", 3}}, true},
		{"it", []Seen{{e.Source, "two", 4}}, false},
		{"by its first name", []Seen{{e.Source, "one", 9}}, false},
		{"before its first name", []Seen{{e.Source, "one", 8}}, true},
		{"of another board", []Seen{{"/stores/s/kiosks/k2", "two", 9}}, true},
	} {
		if err := s.Hear(Elsewhere{Visit: visit, Seen: c.seen}, now); err != nil {
			t.Fatal(err)
		}
		if got := s.Stale(visit, e); got != c.want {
			t.Errorf("who has seen %s: stale is %t", c.name, got)
		}
	}
	s.records[visit] = &record{}
	if s.Stale(visit, e) {
		t.Error("what the board knows itself is stale")
	}
}
