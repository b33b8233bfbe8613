package kioskapp

import (
	"slices"
	"testing"

	"baylight/kiosk/journal"
)

// TestDeparted: a visit of which one part is gone and another is there keeps what
// is known of it; what belongs to no visit stands for itself.
func TestDeparted(t *testing.T) {
	part := func(pos uint64, visit string) journal.Personal { return journal.Personal{Pos: pos, Visit: visit} }
	var got []uint64
	for _, p := range departed([]journal.Personal{part(1, "gone"), part(2, "back"), part(3, ""), part(4, "gone")}, map[string]bool{"back": true, "": true, "other": true}) {
		got = append(got, p.Pos)
	}
	if want := []uint64{1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("departed are %v, want %v", got, want)
	}
}
