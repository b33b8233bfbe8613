package station_test

import (
	"testing"

	"baylight/kiosk"
)

// followed is a journal that hears how far a replay has come.
type followed struct {
	*disk
	heard func(seq uint64)
}

func (d *followed) Replay(after uint64, f func(kiosk.Event) error) error {
	return d.disk.Replay(after, func(e kiosk.Event) error {
		err := f(e)
		d.heard(e.Seq)
		return err
	})
}

// TestStartTellsHowFarItIs: event by event.
func TestStartTellsHowFarItIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		path := file(t)
		r := newRig(t, path).start()
		r.checkIn("沪A12345")
		r.checkIn("沪A12346")
		r.stop()
		r = newRig(t, path)
		n := uint64(0)
		r.cfg.Journal = &followed{r.disk, func(seq uint64) {
			n++
			equal(t, "folded", r.Folded(), seq)
		}}
		head := r.disk.Head()
		r.start()
		defer r.stop()
		equal(t, "events", n, head)
		equal(t, "folded once it is ready", r.Folded(), head)
	})
}
