package floor

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"baylight/kiosk"
)

// A state that forgot, a snapshot that was erased, and the fold of events whose
// parts are gone are the same, to the last byte, whoever is forgotten and when;
// and nothing of those parts is in them.
func TestErase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &story{T: t, now: morning}
		live := New(testConfig(), "epoch")
		var all []kiosk.Event
		for range rapid.IntRange(1, 40).Draw(t, "inputs") {
			d.pass()
			ev, _ := live.Step(d.input(), d.now)
			d.note(ev)
			for _, e := range ev {
				all = append(all, stored(t, e))
			}
		}
		visits, loose := map[string]bool{}, map[string]bool{}
		covers := func(visit, id string) bool { return visits[visit] || visit == "" && loose[id] }
		for _, e := range all {
			if v := live.visitOf(e.Data); v != "" {
				if _, drawn := visits[v]; !drawn {
					visits[v] = rapid.Bool().Draw(t, "forget "+v)
				}
			} else if len(e.Person) > 0 {
				loose[e.ID()] = rapid.Bool().Draw(t, "forget "+e.ID())
			}
		}
		before, err := live.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		erased, changed, err := EraseSnapshot(before, covers)
		if err != nil {
			t.Fatal(err)
		}
		live.Erase(covers)
		folded := New(testConfig(), "epoch")
		gone := map[string]bool{}
		for _, e := range all {
			if len(e.Person) > 0 && covers(live.visitOf(e.Data), e.ID()) {
				gone[e.ID()], e.Person = true, nil
			}
			folded.Replay(e)
		}
		want, err := folded.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		got, err := live.Snapshot()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the state that forgot is not the fold of what is left: %v\n%s\n%s", err, got, want)
		}
		if !bytes.Equal(erased, want) || changed != !bytes.Equal(before, want) {
			t.Fatalf("the erased snapshot (changed %t) is not that of what is left:\n%s\n%s", changed, erased, want)
		}
		again, err := Restore(testConfig(), "epoch", erased)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range again.order {
			if visits[r.id] && r.plate+r.vin != "" {
				t.Fatalf("visit %s still has plate %q and VIN %q", r.id, r.plate, r.vin)
			}
		}
		for id, n := range again.byID {
			if gone[id] && n.event.Person != nil {
				t.Fatalf("event %s still has %s", id, n.event.Person)
			}
		}
	})
	if _, _, err := EraseSnapshot([]byte(`{"format":0}`), nil); err == nil {
		t.Error("a snapshot of another format was erased")
	}
}
