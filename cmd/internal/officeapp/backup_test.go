package officeapp_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/wire"
)

// A backup has bookings, staff with their PINs and the audit log; files of an
// earlier version are in it as well, once they were taken over. What is restored
// lets the same people in and tells the boards the same.
func TestBackupHasItAll(t *testing.T) {
	r := newRig(t)
	r.stop()
	r.options.Settings.Token = "a-token"
	data := r.options.Settings.Data
	for name, text := range map[string]string{
		"staff/" + shop + ".json": `{"schema":1,"people":[{"id":"t9","name":"孙师傅","at":"2026-03-01T00:00:00Z","by":"m1"}]}`,
		"audit/2026-03.jsonl":     `{"at":"2026-03-01T00:00:00Z","what":"exported","who":"t9","from":"::1"}` + "\n",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(data, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
	}
	r.start()
	for path, body := range map[string]string{"/api/v1/staff": `{"id":"m1","name":"经理","roles":["manager"],"pin":"24682"}`, "/api/v1/bookings?store=" + shop: "time,plate,id\n2026-03-03 09:30,粤B12345,B-1\n"} {
		if status, said := r.call(http.MethodPost, path, body); status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, status, said)
		}
	}
	enter := func() {
		t.Helper()
		c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := c.PostForm("http://"+r.http+"/signin", url.Values{"who": {"m1"}, "pin": {"24682"}})
		must(t, err)
		if must(t, res.Body.Close()); res.StatusCode != http.StatusSeeOther {
			t.Errorf("the manager cannot sign in: %d", res.StatusCode)
		}
	}
	enter()
	backup := filepath.Join(r.dir, "backup.db")
	must(t, officeapp.Backup(t.Context(), r.options.Settings, backup)) // the office runs
	r.stop()
	must(t, os.RemoveAll(data))
	say, err := officeapp.Restore(t.Context(), r.options.Settings, backup)
	must(t, err)
	if say != "" {
		t.Errorf("an office without an authority says %q", say)
	}
	r.start()
	on := r.retained("staff", "bookings/2026-03-03")
	told := func() (w wire.Staff) {
		w, _ = wire.DecodeStaff(on("staff")) // it may not be there yet
		return w
	}
	l, err := ledger.Open(backup)
	must(t, err)
	id := l.ID()
	must(t, l.Close())
	r.await("staff of the restored ledger", func() bool { w := told(); return len(w.People) == 2 && w.Ledger != id })
	r.await("bookings", func() bool { return strings.Contains(string(on("bookings/2026-03-03")), "B-1") })
	enter()
	r.stop()
	defer r.start() // for the cleanup
	l, err = ledger.Open(officeapp.LedgerPath(r.options.Settings))
	must(t, err)
	defer l.Close()
	var whats []string
	entries, err := audit.New(l, "", time.Now).Latest(9, func(e audit.Entry) bool { whats = append(whats, e.Who+" "+e.What); return true })
	if got := strings.Join(whats, ", "); err != nil || len(entries) != 3 || got != "m1 signed_in, m1 signed_in, t9 exported" {
		t.Errorf("the audit log has %s (%v)", got, err)
	}
	if days, _, err := l.Papers(t.Context(), shop, booking.Kind); err != nil || len(days) != 1 {
		t.Errorf("bookings: %v (%v)", days, err)
	}
}

// The authority is in the backup beside the ledger, and comes back to a machine
// that has none; one that is there is left, for it knows who was revoked.
func TestBackupHasTheAuthority(t *testing.T) {
	r := newRig(t)
	r.stop()
	defer r.start() // for the cleanup
	set := *r.options.Settings
	set.Identity = &settings.Identity{Dir: filepath.Join(set.Data, "identity"), Address: "192.0.2.1:8892", Broker: "mqtts://192.0.2.1:8883"}
	backup := func(name string) string {
		t.Helper()
		to := filepath.Join(r.dir, name)
		must(t, officeapp.Backup(t.Context(), &set, to))
		return to
	}
	if _, err := os.Stat(backup("none") + officeapp.IdentityExt); err == nil {
		t.Error("an authority that is not there is in the backup")
	}
	a, err := officeapp.OpenAuthority(&set, time.Now, nil)
	must(t, err)
	_, _, err = a.Invite(shop, "k1")
	must(t, err)
	to := backup("all")
	key, err := os.ReadFile(filepath.Join(set.Identity.Dir, "ca.key"))
	must(t, err)
	for _, c := range []struct {
		gone, says string
	}{{officeapp.LedgerPath(&set), "not that of the backup"}, {set.Data, "revoke again"}} {
		must(t, os.RemoveAll(c.gone))
		_ = os.Remove(c.gone + "-wal") // it may not be there
		say, err := officeapp.Restore(t.Context(), &set, to)
		if err != nil || !strings.Contains(say, c.says) {
			t.Errorf("restored: %q %v, want %q", say, err, c.says)
		}
		again, err := os.ReadFile(filepath.Join(set.Identity.Dir, "ca.key"))
		if err != nil || string(again) != string(key) {
			t.Errorf("another key came back: %v", err)
		}
	}
}
