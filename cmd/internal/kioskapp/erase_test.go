package kioskapp_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/sync/wire"
)

// erase has the office say that people are to be forgotten.
func (r *rig) erase(l *listener, vins ...string) {
	r.t.Helper()
	var e wire.Erasures
	for _, v := range vins {
		e.Erasures = append(e.Erasures, kiosk.Erasure{Vehicle: kiosk.Keyed([]byte(storeKey), v), At: r.clock.Now().Wall.Add(time.Hour)})
	}
	b, err := e.Encode()
	must(r.t, err)
	l.publish(r.t, "baylight/v1/"+store+"/erasures", b)
}

// holds lists the files of the kiosk's data that hold a text.
func (r *rig) holds(text string) (names []string) {
	r.t.Helper()
	must(r.t, filepath.Walk(filepath.Join(r.dir, "data"), func(path string, info os.FileInfo, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // it was on its way to its place
			return nil
		}
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && bytes.Contains(raw, []byte(text)) {
			names = append(names, filepath.Base(path))
		}
		return err
	}))
	return names
}

// Whom the office says to forget is forgotten while the board runs, in every file
// of it; in what came after a backup; and in a backup that is restored, before it
// serves and without a broker. The events stay as they were, byte for byte.
func TestErasure(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.pass(5 * time.Second)
	r.scan("front", car(2), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	if len(r.holds(car(1))) == 0 || len(r.holds(car(2))) == 0 {
		t.Fatal("the VINs are nowhere: this test would find nothing")
	}
	backup := filepath.Join(r.dir, "copy.db")
	var a kioskapp.Answer
	r.tool("POST", "/backup", url.Values{"path": {backup}}, &a)
	if !a.Good {
		t.Fatalf("no backup: %+v", a)
	}
	before := r.rows()

	r.gate.open(l.broker.Addr())
	r.erase(l, car(1))
	r.await("car 1 to be forgotten", func() bool { return len(r.holds(car(1))) == 0 })
	unchanged(t, before, r.rows())
	r.await("the board to say so", func() bool {
		for _, m := range l.heard("health") {
			if h, err := wire.DecodeHealth(m); err == nil && h.Erased == 1 {
				return true
			}
		}
		return false
	})
	if len(r.holds(car(2))) == 0 {
		t.Error("car 2 was forgotten as well")
	}
	r.erase(l, car(1), car(3)) // another list: nothing new here
	l.publish(t, "baylight/v1/"+store+"/erasures", []byte(`{"erasures":[{"vehicle":"x"}]}`))
	r.shows("/board", "A001")
	r.gate.shut()
	must(t, r.stop())

	set, err := settings.LoadKiosk(filepath.Join(r.dir, "kiosk.toml"))
	must(t, err)
	_, err = kioskapp.Restore(t.Context(), set, backup)
	must(t, err)
	if len(r.holds(car(1))) == 0 {
		t.Fatal("the backup does not bring the VIN back: this test would find nothing")
	}
	r.start() // without a broker: what was heard once is kept
	if names := r.holds(car(1)); len(names) > 0 {
		t.Errorf("the restored board serves with the VIN in %v", names)
	}
	if len(r.holds(car(2))) == 0 {
		t.Error("car 2 was forgotten as well")
	}
	unchanged(t, before, r.rows())
	r.shows("/board", "A001")
	must(t, r.stop())
	if log := r.logged.String(); strings.Contains(log, car(1)) || strings.Contains(log, car(2)) {
		t.Error("the log names a VIN")
	}
}

// unchanged holds that events are as they were.
func unchanged(t *testing.T, before, after []row) {
	t.Helper()
	for i, x := range before {
		if i >= len(after) || !bytes.Equal(x.bytes, after[i].bytes) {
			t.Fatalf("event %d is not as it was", i+1)
		}
	}
}
