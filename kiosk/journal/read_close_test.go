package journal

import (
	"errors"
	"path/filepath"
	"testing"

	"baylight/kiosk"
)

// Close may come while somebody reads: the read ends with an error, finds
// nothing taken away under its hands, and calls nothing damaged.
func TestCloseWhileReading(t *testing.T) {
	j, err := Open(filepath.Join(t.TempDir(), "journal.db"), Options{Source: kiosk.KioskSource("s", "k1"), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]kiosk.Event, 5000) // more than one page
	for i := range events {
		events[i] = kiosk.Event{Source: j.Source(), Epoch: j.Epoch(), Seq: uint64(i + 1), Moment: kiosk.Moment{Clock: kiosk.Synced}, Data: &kiosk.HelpCalled{Bay: "b1"}}
	}
	if err := j.Append(events); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = j.Replay(0, func(kiosk.Event) error {
		if seen++; seen == 1 {
			return j.Close()
		}
		return nil
	})
	if err == nil || errors.Is(err, ErrDamaged) || seen == len(events) {
		t.Errorf("replay of a journal closed meanwhile: %d events, %v", seen, err)
	}
}
