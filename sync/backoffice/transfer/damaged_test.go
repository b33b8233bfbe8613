package transfer

import (
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger"
)

// TestDamaged: of an event whose bytes changed on the disk no file is written and no
// correction is made. A file that was written before puts it right, also where it is
// the office's own.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newSite(t, l, nil)
	closed, err := s.office.Record(t.Context(), store, &kiosk.Closed{Visit: "A1B2C3D4YY", Outcome: "left", Meta: kiosk.Meta{By: "m1"}})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := s.save("")
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 'A1B2C3D4YY', 'A1B2C3D4XX') AS BLOB)`); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(s.asked(t, "/api/v1/export?store="+store))
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("a damaged event was exported")
	}
	void := &kiosk.Voided{Event: closed.ID(), Meta: kiosk.Meta{By: "m1", Reason: "a mistake"}}
	if _, err := s.office.Record(t.Context(), store, void); err == nil || !strings.Contains(err.Error(), "is damaged on the disk") {
		t.Errorf("a damaged event is corrected: %v", err)
	}
	if p := s.load(before); p.Added != 0 || p.Duplicates != p.Lines || p.Conflicts != 0 || len(p.Problems) != 1 || !strings.Contains(p.Problems[0], closed.ID()) {
		t.Errorf("imported again: %+v", p)
	}
	if after, _ := s.save(""); string(after) != string(before) {
		t.Errorf("whole again, it is\n%s\nit was\n%s", after, before)
	}
	if _, err := s.office.Record(t.Context(), store, void); err != nil {
		t.Errorf("whole again, it is corrected: %v", err)
	}
}

func (s *site) asked(t *testing.T, path string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "manager")
	return r
}
