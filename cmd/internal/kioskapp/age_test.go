package kioskapp_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/wire"
)

// Person parts go by their age, once the office has them and the visit ended long
// enough ago; of an open one they stay. A restored journal is brought to the same
// age, also by a clock that nobody believes; one that jumped removes nothing. The
// events stay as they were, byte for byte.
func TestAgedParts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := newRig(t)
	r.edit = func(config string) string { return config + "[privacy]\nperson_days = 10\n" }
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	visit := r.visitOn(r.ticket())
	r.post(r.desk(), "/api/desk/close", map[string]any{"visit": visit, "outcome": "left"})
	r.pass(5 * time.Second)
	r.scan("front", car(2), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	backup := filepath.Join(r.dir, "copy.db")
	var a kioskapp.Answer
	r.tool("POST", "/backup", url.Values{"path": {backup}}, &a)
	if !a.Good {
		t.Fatalf("no backup: %+v", a)
	}
	before := r.rows()
	again := func(days int) {
		t.Helper()
		must(t, r.stop())
		r.pass(time.Duration(days) * 24 * time.Hour)
		r.start()
	}
	stays := func(n int) {
		t.Helper()
		if len(r.holds(car(n))) == 0 {
			t.Errorf("car %d is gone", n)
		}
	}

	again(12)
	stays(1) // the office does not have it
	r.gate.open(o.broker.Addr())
	r.delivered()
	must(t, r.stop())
	r.hadHeard(visit)
	again(0)
	r.await("car 1 to go", func() bool { return len(r.holds(car(1))) == 0 })
	stays(2)
	unchanged(t, before, r.rows())
	must(t, r.stop())

	set, err := settings.LoadKiosk(filepath.Join(r.dir, "kiosk.toml"))
	must(t, err)
	_, err = kioskapp.Restore(t.Context(), set, backup)
	must(t, err)
	stays(1)
	r.pass(3650 * 24 * time.Hour)
	r.start()
	r.await("the office to be told", func() bool {
		res, err := http.Get("http://" + o.http + "/api/v1/kiosks?store=" + store)
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		return bytes.Contains(b, []byte("3650 days after"))
	})
	r.delivered()
	again(0)
	r.await("car 1 to go again", func() bool { return len(r.holds(car(1))) == 0 })
	must(t, r.stop())
	if log := r.logged.String(); strings.Contains(log, car(1)) || strings.Contains(log, car(2)) {
		t.Error("the log names a VIN")
	}
}

// hadHeard keeps a word of the office that came before it knew that a visit is over:
// the next one came when the board was down.
func (r *rig) hadHeard(visit string) {
	r.t.Helper()
	e, err := kiosk.Decode(r.rows()[1].bytes)
	must(r.t, err)
	raw, err := wire.Visit{Ledger: "l", Visit: visit, Seen: []wire.Seen{{Source: e.Source, Epoch: e.Epoch, Through: e.Seq}}}.Encode()
	must(r.t, err)
	must(r.t, os.WriteFile(filepath.Join(r.dir, "data", "visits", visit+".json"), raw, 0o600))
}

// TestAgedPartsInterrupted: a board that was stopped when parts that grew old were
// out of the journal, and not yet out of the snapshot, goes on where it was.
func TestAgedPartsInterrupted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	visit := r.visitOn(r.ticket())
	r.post(r.desk(), "/api/desk/close", map[string]any{"visit": visit, "outcome": "left"})
	must(t, r.stop())
	db := filepath.Join(r.dir, "data", "journal.db")
	must(t, os.RemoveAll(db+".snapshot")) // the next event makes one of all there are
	r.up()
	r.scan("front", car(2), bench.AckGood)
	r.await("a snapshot with car 1", func() bool { return slices.Contains(r.holds(car(1)), "journal.db.snapshot") })
	must(t, r.stop())

	j, err := journal.Open(db, journal.Options{Source: kiosk.KioskSource(store, "k1")})
	must(t, err)
	var parts []uint64
	must(t, j.Parts(t.Context(), func(p journal.Personal) error { parts = append(parts, p.Pos); return nil }))
	_, err = j.Erase(t.Context(), parts)
	must(t, errors.Join(err, j.Close()))
	if names := r.holds(car(1)); !slices.Equal(names, []string{"journal.db.snapshot"}) {
		t.Fatalf("car 1 is in %v, want it in the snapshot alone", names)
	}
	r.pass(12 * 24 * time.Hour)
	r.edit = func(config string) string { return config + "[privacy]\nperson_days = 10\n" }
	r.start()
	r.await("car 1 to go", func() bool { return len(r.holds(car(1))) == 0 })
}
