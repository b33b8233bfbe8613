package journal

import (
	"path/filepath"
	"testing"

	"baylight/kiosk"
)

// TestCorrectionsArePinned: what is appended carries the hash of the event that
// it corrects: of an earlier commit, of the same one, of an earlier epoch. What is
// recorded again stays as it was.
func TestCorrectionsArePinned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := openAt(t, path)
	first := appendN(t, j, 2)
	add := func(ps ...kiosk.Payload) (out []kiosk.Event) {
		t.Helper()
		for i, p := range ps {
			out = append(out, kiosk.Event{Source: source, Epoch: j.Epoch(), Seq: j.Head() + uint64(i) + 1, Moment: at(1), Data: p})
		}
		if err := j.Append(out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	hash := func(e kiosk.Event) string {
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		return kiosk.HashOf(b).String()
	}
	same := add(&kiosk.Amended{Event: first[1].ID(), Fields: []byte(`{"inspector":"t08"}`)}, &kiosk.Voided{Event: kiosk.EventID(j.Epoch(), 3)})
	add(&kiosk.Voided{Event: "nothing"}, &kiosk.Voided{Event: kiosk.EventID(j.Epoch(), 99)}, &kiosk.Voided{Event: kiosk.EventID("another", 1)},
		&kiosk.Voided{Event: first[0].ID(), EventHash: "as it is"})
	old := j.Epoch()
	if _, err := j.BeginEpoch("test", 2); err != nil {
		t.Fatal(err)
	}
	add(&kiosk.Voided{Event: kiosk.EventID(old, 1)}, &kiosk.Voided{Event: kiosk.EventID(j.Epoch(), 1)})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	all := replayed(t, openAt(t, path), 0)
	copied := all[8]
	var got []string
	for _, e := range all {
		if kiosk.Corrects(e.Data) != "" {
			got = append(got, kiosk.Pinned(e.Data))
		}
	}
	want := []string{hash(first[1]), hash(same[0]), "", "", "", "as it is"}
	want = append(append(want, want...), hash(first[0]), hash(copied))
	if len(got) != len(want) {
		t.Fatalf("%d corrections, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("correction %d carries %q, want %q", i, got[i], want[i])
		}
	}
}
