package kioskapp_test

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk/journal"
)

// change alters the journal of a kiosk that is down.
func (r *rig) change(query string) {
	r.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(r.dir, "data", "journal.db"))
	must(r.t, err)
	_, err = db.Exec(query)
	must(r.t, err)
	must(r.t, db.Close())
}

// A damaged journal is named by check; the daemon sets it aside by itself and
// goes on with what is sound, and what was destroyed is recorded.
func TestDamagedJournalIsSalvaged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	must(t, r.stop())
	before := r.rows()
	in := of(before, "visit.checked_in")[0].read(t)
	r.change("UPDATE events SET bytes = x'00' WHERE pos = 1")
	// What the task in the background had verified before is not looked at again
	// by opening, and how far it came in that moment is chance: here it had not begun.
	r.change("DELETE FROM cursors WHERE name = 'verified'")
	set, err := settings.LoadKiosk(filepath.Join(r.dir, "kiosk.toml"))
	must(t, err)
	named := false
	for _, f := range kioskapp.Check(t.Context(), set) {
		named = named || strings.HasPrefix(f.Error(), "journal: ") && strings.Contains(f.Error(), "damaged") && strings.Contains(f.Error(), "event 1")
	}
	if !named {
		t.Error("check does not name the damage")
	}
	r.up()
	rows := r.rows()
	lost, ins := of(rows, "journal.lost"), of(rows, "visit.checked_in")
	if len(lost) != 1 || !strings.Contains(string(lost[0].bytes), `"from":1,"to":1`) {
		t.Errorf("recorded as lost: %q", lost)
	}
	if len(ins) != 2 || string(ins[0].bytes) != string(of(before, "visit.checked_in")[0].bytes) || !strings.Contains(string(ins[1].bytes), in.ID) {
		t.Errorf("the check-in is there as %q; want it as it was, and again in the new epoch", ins)
	}
	if aside, err := filepath.Glob(filepath.Join(r.dir, "data", "journal.db.aside-*")); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	r.shows("/board", "A001")
	r.shows("/devices", "The records were damaged and some are gone for good")
	r.scan("front", car(2), bench.AckGood)
	r.await("second car", func() bool { return len(of(r.rows(), "visit.checked_in")) == 3 })
	must(t, r.stop())
	if _, err := os.Stat(filepath.Join(r.dir, "data", "journal.db.suspect")); !os.IsNotExist(err) {
		t.Errorf("a mark is left: %v", err)
	}
}

// A backup is taken while the kiosk runs and restored while it is down; over a
// running kiosk nothing is restored.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	path := filepath.Join(r.dir, "copy.db")
	var a kioskapp.Answer
	for _, c := range []struct {
		path, says string
		good       bool
	}{{"copy.db", "all its folders", false}, {filepath.Join(r.dir, "none", "copy.db"), "no such file", false}, {path, "every event is checked", true}, {path, "does not exist yet", false}} {
		r.tool("POST", "/backup", url.Values{"path": {c.path}}, &a)
		if a.Good != c.good || !strings.Contains(a.Message, c.says) {
			t.Errorf("%s: %+v, want %v and %q", c.path, a, c.good, c.says)
		}
	}
	r.pass(5e9)
	r.scan("front", car(2), bench.AckGood)
	r.await("second car", func() bool { return len(of(r.rows(), "visit.checked_in")) == 2 })
	set, err := settings.LoadKiosk(filepath.Join(r.dir, "kiosk.toml"))
	must(t, err)
	if _, err := kioskapp.Restore(t.Context(), set, path); !errors.Is(err, journal.ErrInUse) {
		t.Errorf("over a running kiosk: %v", err)
	}
	must(t, r.stop())
	c, err := kioskapp.Restore(t.Context(), set, path)
	must(t, err)
	r.up()
	r.shows("/board", "A001")
	if ins := of(r.rows(), "visit.checked_in"); len(ins) != 2 || ins[0].read(t).Epoch == c.Epoch || ins[1].read(t).Epoch != c.Epoch {
		t.Errorf("restored with epoch %s: %q", c.Epoch, ins)
	}
	r.scan("front", car(3), bench.AckGood)
	r.await("next car", func() bool { return len(of(r.rows(), "visit.checked_in")) == 3 })
	must(t, r.stop())
}
