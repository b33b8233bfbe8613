package kioskapp_test

import (
	"database/sql"
	"errors"
	"fmt"
	"html"
	"io"
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

func decode(t *testing.T, x row) kiosk.Event {
	t.Helper()
	e, err := kiosk.Decode(x.bytes)
	must(t, err)
	return e
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
	next := decode(t, before[1]) // the first that is left
	r.shows("/devices", "The records of board k1 were damaged and some are gone for good: 1 before "+next.Moment.Wall.In(cst).Format("2006-01-02 15:04")+". From the job cards")
	r.scan("front", car(2), bench.AckGood)
	r.await("second car", func() bool { return len(of(r.rows(), "visit.checked_in")) == 3 })
	must(t, r.stop())
	if _, err := os.Stat(filepath.Join(r.dir, "data", "journal.db.suspect")); !os.IsNotExist(err) {
		t.Errorf("a mark is left: %v", err)
	}
}

// People are told how many records are gone, of which board, and between which
// times: on the devices page, at the desk and by the people's tool, in both languages.
func TestDestroyedRecordsAreToldByTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	for n := 1; n <= 3; n++ {
		r.scan("front", car(n), bench.AckGood)
		r.await("paper done", func() bool { return r.health().Paper == 0 })
		r.pass(7 * time.Minute)
	}
	must(t, r.stop())
	rows := r.rows()
	second := decode(t, of(rows, "visit.checked_in")[1])
	last, next := decode(t, rows[second.Seq-2]), decode(t, rows[second.Seq])
	if last.Seq+1 != second.Seq || next.Seq-1 != second.Seq || next.Moment.Wall.Sub(last.Moment.Wall) < time.Minute {
		t.Fatalf("the second car is %s at %v, between %s at %v and %s at %v", second.ID(), second.Moment.Wall, last.ID(), last.Moment.Wall, next.ID(), next.Moment.Wall)
	}
	r.change(fmt.Sprintf("UPDATE events SET bytes = x'00' WHERE pos = %d", second.Seq))
	r.change("DELETE FROM cursors WHERE name = 'verified'")
	r.up()
	from, to := last.Moment.Wall.In(cst).Format("2006-01-02 15:04"), next.Moment.Wall.In(cst).Format("15:04")
	zh := "终端 k1 的记录文件曾损坏，部分记录已无法找回：" + from + " 至 " + to + " 之间 1 条。请对照那段时间的工单和纸质单据"
	en := "The records of board k1 were damaged and some are gone for good: 1 between " + from + " and " + to + ". From the job cards and paper of that time, enter again at the desk"
	desk := r.desk()
	for path, says := range map[string]string{"/devices?lang=zh-CN": zh, "/devices?lang=en": en, "/desk?lang=zh-CN": zh, "/desk?lang=en": en} {
		res, err := desk.Get("http://" + r.http + path)
		must(t, err)
		page, err := io.ReadAll(res.Body)
		must(t, errors.Join(err, res.Body.Close()))
		if !strings.Contains(html.UnescapeString(string(page)), says) {
			t.Errorf("%s does not say %q:\n%s", path, says, page)
		}
	}
	var state kioskapp.State
	r.tool("GET", "/state", nil, &state)
	if !slices.ContainsFunc(state.Reasons, func(s kioskapp.StateReason) bool {
		return s.Code == "journal.lost" && strings.HasPrefix(s.ZH, zh) && strings.HasPrefix(s.EN, en)
	}) {
		t.Errorf("the tool is told %+v", state.Reasons)
	}
	must(t, r.stop())
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
