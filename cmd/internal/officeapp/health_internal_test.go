package officeapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/memledger"
)

// What is not brought about from outside: a ledger that takes nothing though nothing
// is to be taken (TestFullDisk: though something is); a clock nobody set; a backup
// that is not made any more.
func TestUnwell(t *testing.T) {
	cal := kiosk.ShanghaiWeek(time.FixedZone("CST", 8*3600))
	at := time.Date(2026, 3, 2, 18, 0, 0, 0, cal.Zone)
	office, err := backoffice.New(backoffice.Config{Ledger: memledger.New("mem"), Now: func() time.Time { return at }, Stores: []backoffice.Store{{Name: "s1", Calendar: cal}}})
	if err != nil {
		t.Fatal(err)
	}
	now, err := clock.NewLead(kiosk.Moment{Wall: at, Boot: "b", Up: time.Hour, Clock: kiosk.Unset}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer now.Close()
	dir := t.TempDir()
	var refused error
	d := &doctor{witness: &witness{set: &settings.Office{Data: dir, Stores: []settings.Store{{Name: "s1", Calendar: cal}}}, clock: now, office: office,
		shelf: &shelf{Ledger: office.Ledger()}, lines: &connections{lines: map[string]*storeLine{}}}, backups: filepath.Join(dir, "backups"), commit: func(context.Context) error { return refused }}
	is := func(status int, level string, codes ...string) {
		t.Helper()
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		var c struct {
			Level   string
			Reasons []struct{ Code string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, x := range c.Reasons {
			got = append(got, x.Code)
		}
		if w.Code != status || c.Level != level || !slices.Equal(got, codes) {
			t.Errorf("%d %s %q, want %d %s %q", w.Code, c.Level, got, status, level, codes)
		}
	}
	is(200, "degraded", "clock.unsure")
	if err := os.Mkdir(d.backups, 0o700); err != nil {
		t.Fatal(err)
	}
	is(200, "degraded", "clock.unsure", "backup.old")
	file := filepath.Join(d.backups, "office-2026-03-01-000000.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	is(200, "degraded", "clock.unsure")
	if err := os.Chtimes(file, time.Time{}, time.Now().Add(-2*backupOld)); err != nil {
		t.Fatal(err)
	}
	refused = errors.New("disk full")
	is(503, "losing", "ledger.refused", "clock.unsure", "backup.old")
}
