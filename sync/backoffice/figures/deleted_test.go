package figures_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// TestDeletedByHand: rows that somebody deletes, empties or drops as whole tables
// are missed by a verification and made again by a repair, in both ledgers; events
// come in meanwhile, and the figures are what they were.
func TestDeletedByHand(t *testing.T) {
	server := pgtest.Start(t)
	for damage, named := range map[string]string{
		`DELETE FROM day_rows`:                     `its row for bay "b2" is missing`,
		`DELETE FROM facts; DELETE FROM fact_days`: "visit V1: its fact is missing",
		`UPDATE day_rows SET day = '2026-11-09'`:   "is kept, and nothing is behind it",
		`DELETE FROM fact_keys WHERE key = 'open'`: "visit V3: it is not found under open",
		`DROP TABLE day_rows`:                      "day_rows",
		`DROP TABLE facts`:                         "facts",
		`DROP TABLE day_rows; DROP TABLE fact_days;` + `DROP TABLE fact_keys; DROP TABLE facts; DROP TABLE folds`: "folds",
	} {
		for name, make := range map[string]func(t *testing.T) (backoffice.Ledger, func()){
			"SQLite": func(t *testing.T) (backoffice.Ledger, func()) {
				path := filepath.Join(t.TempDir(), "l.db")
				l, err := ledger.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = l.Close() })
				return l, func() { edit(t, path, damage) }
			},
			"PostgreSQL": func(t *testing.T) (backoffice.Ledger, func()) {
				server.Exec(`DROP SCHEMA IF EXISTS baylight CASCADE`)
				l, err := pgledger.Open(t.Context(), pgledger.Config{URL: server.URL()})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(l.Close)
				return l, func() { server.Exec(append([]string{`SET search_path = baylight`}, strings.Split(damage, ";")...)...) }
			},
		} {
			t.Run(name+" "+damage, func(t *testing.T) {
				l, spoil := make(t)
				s := open(t, l)
				s.commit(t, day(t)...)
				s.whole(t)
				spoil()
				other := ledgertest.NewBoard(t, store, "k3", "e3")
				other.Now = other.Now.Add(48 * time.Hour)
				s.commit(t, other.CheckIn("V4"))
				found := verified(t, s.Folder, "false")
				if said := strings.Join(append(found.Differences, found.Error), "\n"); !strings.Contains(said, named) || found.Repaired {
					t.Errorf("the verification says\n%s\nwant %q", said, named)
				}
				if done := verified(t, s.Folder, "true"); !done.Repaired || done.Error != "" || len(done.Differences) == 0 {
					t.Errorf("repaired: %+v", done)
				}
				if left := verified(t, s.Folder, "false"); left.Error != "" || len(left.Differences) > 0 || left.Visits != 4 || left.Days == 0 {
					t.Errorf("after the repair: %+v", left)
				}
				got, a := s.ask(t, figures.Query{By: kpi.ByDay})
				if want := computed(t, l, kpi.ByDay, a.AsOf, a.Now); got != want {
					t.Errorf("repaired, the answer is\n%s\nthe events make\n%s", got, want)
				}
			})
		}
	}
}

// verified asks for a verification by HTTP, as the command line does.
func verified(t *testing.T, f *figures.Folder, repair string) (v figures.Verified) {
	t.Helper()
	w := httptest.NewRecorder()
	figures.Handler(f, func(*http.Request) (int, string) { return 0, "" }).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/verify?repair="+repair, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s (%v)", w.Code, w.Body, err)
	}
	return v
}
