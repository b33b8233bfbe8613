package figures_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/ledger"
)

// TestVerifyByHTTP: found, repaired, found no more; and what is refused.
func TestVerifyByHTTP(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := open(t, l)
	s.commit(t, day(t)...)
	s.whole(t)
	edit(t, path, `DELETE FROM day_rows WHERE kind = 'bay' AND key = 'b2'`)
	h := figures.Handler(s.Folder, func(r *http.Request) (int, string) {
		if r.Header.Get("Authorization") == "" {
			return http.StatusUnauthorized, "sign in"
		}
		return 0, ""
	})
	post := func(query string, status int) (v figures.Verified) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/api/v1/verify?"+query, nil)
		if query != "nobody" {
			r.Header.Set("Authorization", "Bearer t")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Fatalf("%s: %d %s, want %d", query, w.Code, w.Body, status)
		}
		if status == http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
		} else if !strings.Contains(w.Body.String(), `"detail":`) {
			t.Errorf("%s: %s has no detail", query, w.Body)
		}
		return v
	}
	want := `day 2026-11-03: its row for bay "b2" is missing`
	for _, repair := range []string{"false", "true"} {
		v := post("repair="+repair, http.StatusOK)
		if v.Visits != 3 || v.Days == 0 || v.AsOf != 18 || len(v.Differences) != 1 || v.Differences[0] != want || v.Repaired != (repair == "true") || v.Error != "" {
			t.Errorf("repair=%s: %+v", repair, v)
		}
	}
	if v := post("store="+store, http.StatusOK); len(v.Differences) != 0 || v.Visits != 3 {
		t.Errorf("repaired: %+v", v)
	}
	post("nobody", http.StatusUnauthorized)
	post("store=none", http.StatusBadRequest)
	post("repair=yes", http.StatusBadRequest)
}
