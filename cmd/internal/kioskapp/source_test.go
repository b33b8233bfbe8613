package kioskapp

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/sync/uplink"
)

// TestLostIsNamedOnce holds that a range that was pruned is named by one event,
// whoever asks again, and again in another epoch.
func TestLostIsNamedOnce(t *testing.T) {
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{Source: kiosk.KioskSource("s", "k1"), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	asked := 0
	moment := kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), Boot: "b", Clock: kiosk.Synced}
	s := source{j: j, do: func(_ context.Context, in floor.Input) (floor.Reply, error) {
		asked++
		state := floor.New(floor.Config{Store: "s", Board: "k1", Calendar: kiosk.Calendar{Zone: time.UTC}}, j.Epoch())
		if err := j.Replay(0, func(e kiosk.Event) error { state.Replay(e); return nil }); err != nil {
			return floor.Reply{}, err
		}
		// Something else comes before it.
		first, _ := state.Step(floor.Start{Version: "v"}, moment)
		second, reply := state.Step(in, moment)
		return reply, j.Append(append(first, second...))
	}}
	old, err := s.Eras()
	if err != nil || len(old) != 1 {
		t.Fatalf("eras %v, %v", old, err)
	}
	l := uplink.Loss{Epoch: "an-earlier-epoch", From: 3, To: 90}
	for range 2 {
		if seq, err := s.lost(t.Context(), l); seq != 2 || err != nil || asked != 1 {
			t.Errorf("named by %d, %v, after %d inputs", seq, err, asked)
		}
	}
	if seq, err := s.lost(t.Context(), uplink.Loss{Epoch: l.Epoch, From: 1, To: 95}); seq != 4 || err != nil {
		t.Errorf("a wider range is named by %d, %v", seq, err)
	}
	was := j.Epoch()
	if _, err := j.BeginEpoch("test", 4); err != nil {
		t.Fatal(err)
	}
	if seq, err := s.lost(t.Context(), l); seq != 2 || err != nil {
		t.Errorf("in another epoch named by %d, %v", seq, err)
	}
	rows, err := s.ReadOf(was, 1, 1)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows %v, %v", rows, err)
	}
	e, err := kiosk.Decode(rows[0].Bytes)
	if d, ok := e.Data.(*kiosk.JournalLost); err != nil || !ok || d.Epoch != l.Epoch || d.From != 3 || d.To != 90 {
		t.Errorf("event %+v, %v", e.Data, err)
	}
}
