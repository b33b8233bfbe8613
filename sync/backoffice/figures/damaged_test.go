package figures_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
)

// TestDamagedEvents: of events that are not what came, nothing is compared and
// nothing repaired, also where what is kept is damaged as well: it may be the last
// that is right. An event that is whole again is.
func TestDamagedEvents(t *testing.T) {
	for name, damage := range map[string]string{
		"another adviser": `UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), '"adviser":"a1"', '"adviser":"a9"') AS BLOB) WHERE n = 2`,
		"cut short":       `UPDATE events SET bytes = substr(bytes, 1, 200) WHERE n = 2`,
		"gone":            `DELETE FROM events WHERE n = 2`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "l.db")
			l, err := ledger.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			s := open(t, l)
			all := day(t)
			s.commit(t, all...)
			s.whole(t)
			want, _ := s.ask(t, figures.Query{By: kpi.ByDay})
			edit(t, path, damage)
			for what, ask := range map[string]func() (*figures.Report, error){
				"verified": func() (*figures.Report, error) { return s.Verify(t.Context(), store) },
				"repaired": func() (*figures.Report, error) { return s.Repair(t.Context(), store) },
			} {
				var damage *backoffice.DamageError
				if r, err := ask(); r != nil || !errors.As(err, &damage) || len(damage.Found) != 1 || damage.Found[0].Seq != 2 || damage.Found[0].Epoch != "e1" {
					t.Errorf("%s: %+v (%v)", what, r, err)
				}
			}
			edit(t, path, `DELETE FROM day_rows WHERE kind = 'bay'`)
			h := figures.Handler(s.Folder, func(*http.Request) (int, string) { return 0, "" })
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/verify?repair=true", nil))
			var v figures.Verified
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			if len(v.Damaged) != 1 || !strings.Contains(v.Damaged[0], "sequence 2") || v.Repaired || len(v.Differences) != 0 || !strings.Contains(v.Error, "stay as they are") {
				t.Errorf("by HTTP: %+v", v)
			}
			if got, _ := s.ask(t, figures.Query{By: kpi.ByDay}); got != want {
				t.Errorf("nothing was to be touched, and the answer is\n%s\nit was\n%s", got, want)
			}
			if name == "gone" {
				return // a row that is gone comes back with a restored ledger
			}
			s.commit(t, all[1])
			if r, err := s.Repair(t.Context(), store); err != nil || len(r.Differences) != 0 || r.Visits != 3 {
				t.Errorf("whole again, and repaired: %+v (%v)", r, err)
			}
		})
	}
}
