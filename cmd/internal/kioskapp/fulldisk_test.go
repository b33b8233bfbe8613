package kioskapp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/device/bench"
	"baylight/kiosk"
)

// TestFullDisk: the disk of a kiosk at work fills up for real. What cannot be
// recorded is refused by beep, lamp and screens; once there is room the kiosk
// goes on by itself, with every scan that was acknowledged and no other.
func TestFullDisk(t *testing.T) { cmdtest.Mounted(t, fullDisk) }

func fullDisk(t *testing.T) {
	r := newRig(t)
	data := filepath.Join(r.dir, "data")
	must(t, os.Mkdir(data, 0o700))
	cmdtest.Tmpfs(t, data, "40m")
	r.up()
	r.scan("s1", badge, bench.AckGood)
	cards := []string{kiosk.ActionCode(tag, kiosk.Help), kiosk.ActionCode(tag, kiosk.Undo)}
	good := 0
	refused := func() {
		t.Helper()
		cmdtest.Fill(t, filepath.Join(data, "other"))
		for r.beeps("s1", cards[good%2]) {
			good++
		}
	}
	refused()
	if _, err := os.Stat(filepath.Join(data, "journal.db.ballast")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast is not given up: %v", err)
	}
	r.await("the reserve serves", func() bool { r.pass(time.Second); return r.health().OK })
	r.shows("/devices", "the reserve is in use")
	refused() // of the reserve nothing is left either
	r.shows("/bay/b1", "Not saved. Scan again")
	for _, page := range []string{"/devices", "/bay/b2"} {
		r.shows(page, "Nothing can be recorded, scans are refused")
	}
	if h := r.health(); h.OK {
		t.Errorf("health is %+v", h)
	}
	amber := func(pin string, high bool) bool {
		return slices.ContainsFunc(r.changes(pin), func(l lit) bool { return l.high == high })
	}
	r.await("amber lamps at both bays", func() bool { return (good%2 == 1 || amber("P2", false)) && amber("P7", true) })
	must(t, os.Remove(filepath.Join(data, "other")))
	r.await("it works again", func() bool { r.pass(time.Second); return r.health().OK })
	if good%2 == 1 {
		r.scan("s1", cards[1], bench.AckGood)
		good++
	}
	r.await("the lamps follow the bays", func() bool { l := r.pins.Levels(); return !l["P0"] && l["P2"] && l["P5"] && !l["P7"] })
	r.scan("s1", cards[0], bench.AckGood)
	if page := r.page("/devices"); strings.Contains(page, "the reserve is in use") || strings.Contains(page, "Nothing can be recorded") {
		t.Errorf("with room again the devices page says\n%s", page)
	}
	r.sound()
	n := 0
	for _, x := range r.rows() {
		if s := x.read(t).Data.Scan; s != nil && slices.Contains(cards, s.Text) {
			n++
		}
	}
	if n != good+1 {
		t.Errorf("%d scans are recorded, %d were acknowledged", n, good+1)
	}
}

// beeps scans and says whether the beep was a good one.
func (r *rig) beeps(scanner, text string) bool {
	r.t.Helper()
	r.pass(5 * time.Second)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	ack, err := r.scanners[scanner].Scan(ctx, text)
	must(r.t, err)
	return ack == bench.AckGood
}
