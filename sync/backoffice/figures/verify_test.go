package figures_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// day records a day of two boards: two visits whose work overlaps, and one that
// is left open.
func day(t testing.TB) (all []backoffice.Entry) {
	k1, k2 := ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k2", "e2")
	for i, b := range []*ledgertest.Board{k1, k2, k1} {
		visit := []string{"V1", "V2", "V3"}[i]
		job := kiosk.Job{Visit: visit, Bay: []string{"b1", "b2", "b1"}[i], Technician: "t1", Item: 1}
		due := b.Now.Wall.Add(5 * time.Hour)
		all = append(all, b.Event(&kiosk.CheckedIn{Visit: visit, Ticket: "A00" + visit[1:], Vehicle: "LSVAA00000000" + visit}), b.Event(&kiosk.Accepted{Visit: visit, Adviser: "a1"}),
			b.Event(&kiosk.Signed{Visit: visit, Order: "o" + visit, Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "M1", Category: "maintenance", StandardMinutes: 60}}}))
		b.Now = b.Now.Add(time.Duration(10+20*i) * time.Minute)
		all = append(all, b.Event(&kiosk.Started{Job: job}))
		if visit == "V3" {
			break
		}
		b.Now = b.Now.Add(time.Hour)
		all = append(all, b.Event(&kiosk.Finished{Job: job}), b.Event(&kiosk.Passed{Visit: visit, Inspector: "q1"}), b.Event(&kiosk.Delivered{Visit: visit, Adviser: "a1"}))
	}
	return all
}

// TestDamage: whatever is deleted or altered by hand is found by its name, and repaired.
func TestDamage(t *testing.T) {
	for damage, named := range map[string]string{
		`DELETE FROM facts WHERE visit = 'V1'`: "visit V1: its fact is missing",
		`DELETE FROM facts`:                    "visit V3: its fact is missing",
		`UPDATE facts SET bytes = (SELECT bytes FROM facts WHERE visit = 'V2') WHERE visit = 'V1'`: "visit V1: its fact is kept as",
		`UPDATE facts SET bytes = x'010000' WHERE visit = 'V1'`:                                    "visit V1: its work as recorded is kept as",
		`UPDATE facts SET bytes = x'07' WHERE visit = 'V1'`:                                        "visit V1: read what is kept of visit V1: version 7",
		`UPDATE facts SET days = '2026-11-05' WHERE visit = 'V1'`:                                  "visit V1: it is kept under [2026-11-05]",
		`UPDATE facts SET due_ms = NULL`:                                                           "right is [2026-11-03] [open order:oV3",
		`INSERT INTO facts SELECT 99, store, 'V9', 1, bytes, days, keys, NULL FROM facts WHERE visit = 'V1'; INSERT INTO fact_days VALUES ('` + store + `', '2026-11-03', 99)`: "visit V9: a fact is kept, and the ledger has no such visit",
		`DELETE FROM fact_days`:                    "visit V2: it is not found on 2026-11-03",
		`DELETE FROM fact_keys WHERE key = 'open'`: "visit V3: it is not found under open",
		`DELETE FROM fact_keys WHERE fact >= 2; INSERT INTO marks VALUES ('waiting keys of ` + store + `', 2)`: "the keys of 2 visits wait to be written",
		`DELETE FROM day_rows WHERE kind = 'none'`:                                                             `day 2026-11-03: its row for none "" is missing`,
		`DELETE FROM day_rows`: `day 2026-11-03: its row for bay "b2" is missing`,
		`UPDATE day_rows SET bytes = x'00' WHERE kind = 'technician'`:                                                       `day 2026-11-03: its row for technician "t1" is not what its visits add up to`,
		`UPDATE day_rows SET day = '2026-11-04' WHERE kind = 'bay'`:                                                         `day 2026-11-04: a row for bay "b1" is kept, and nothing is behind it`,
		`INSERT INTO day_rows(store, kind, day, key, bytes) VALUES ('` + store + `', 'adviser', '1970-01-01', 'me', x'01')`: `day 1970-01-01: a row for adviser "me" is kept, and nothing is behind it`,
	} {
		t.Run(damage, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "l.db")
			l, err := ledger.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			s := open(t, l)
			s.commit(t, day(t)...)
			s.whole(t)
			want, _ := s.ask(t, figures.Query{By: kpi.ByDay})
			edit(t, path, damage)
			report, err := s.Verify(t.Context(), store)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, d := range report.Differences {
				lines = append(lines, d.String())
			}
			if all := strings.Join(lines, "\n"); !strings.Contains(all, named) {
				t.Errorf("the verification says\n%s\nwant %q", all, named)
			}
			if report, err = s.Repair(t.Context(), store); err != nil || len(report.Differences) != 0 || report.Visits != 3 || report.Days == 0 {
				t.Errorf("repaired: %+v (%v)", report, err)
			}
			if got, _ := s.ask(t, figures.Query{By: kpi.ByDay}); got != want {
				t.Errorf("repaired, the answer is\n%s\nit was\n%s", got, want)
			}
		})
	}
}

func edit(t *testing.T, path, script string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
}
