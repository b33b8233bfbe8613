package dashboard_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"baylight/sync/backoffice/dashboard"
)

// TestDamagedStep: an event whose bytes changed on the disk is shown as such, and no other.
func TestDamagedStep(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	const says = "此记录已在磁盘上损坏"
	if _, page := s.do("GET", "/orders/W7", ""); strings.Contains(page, says) {
		t.Error("a sound order says that it is damaged")
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: s.path}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 'V0A713K8QZ25', 'V0A713K8QZ26') AS BLOB) WHERE visit = 'V7'`); err != nil {
		t.Fatal(err)
	}
	if _, page := s.do("GET", "/orders/W7", ""); strings.Count(page, says) != 1 {
		t.Errorf("the page names %d damaged events, want 1", strings.Count(page, says))
	}
	for i, e := range s.get("/api/v1/orders/W7", "events").([]any) {
		if got, want := e.(map[string]any)["damaged"], any(nil); i == 3 && got != true || i != 3 && got != want {
			t.Errorf("event %d: damaged is %v", i, got)
		}
	}
}
