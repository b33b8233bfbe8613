package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
)

// TestPeriodBackwards: a period that ends before it begins, or on a day that there
// is not, is refused wherever one can be asked for, in words that name its days.
func TestPeriodBackwards(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	b := s.guest("m1")
	const backwards, leap = "from=2026-11-14&until=2026-11-03", "from=2026-02-29&until=2026-03-01"
	for _, path := range []string{"/kpi?", "/kpi?by=day&", "/kpi?by=adviser&lang=en&", "/kpi/on_time?", "/kpi/turnaround?by=category&", "/kpi/reworks?", "/orders?", "/orders?kpi=on_time&value=late&",
		"/export/figures.csv?", "/export/figures.xlsx?by=day&", "/export/orders.csv?", "/export/orders.xlsx?"} {
		status, page := b.get(path + backwards)
		if said := text(page); status != http.StatusBadRequest || !strings.Contains(said, "2026-11-14") || !strings.Contains(said, "2026-11-03") {
			t.Errorf("%s%s: %d: %s", path, backwards, status, said)
		}
		if status, page := b.get(path + leap); status != http.StatusBadRequest || !strings.Contains(text(page), "2026-02-29") {
			t.Errorf("%s%s: %d: %s", path, leap, status, text(page))
		}
		if status, page := b.get(path + "from=2024-02-29&until=2024-02-29"); status != http.StatusOK {
			t.Errorf("%s of a 29 February: %d: %s", path, status, text(page))
		}
	}
	if status, page := b.get("/kpi?from=2026-11-03&until=2026-11-03&compare=custom&cfrom=2026-10-09&cuntil=2026-10-01"); status != http.StatusBadRequest ||
		!strings.Contains(text(page), "2026-10-09") || !strings.Contains(text(page), "2026-10-01") {
		t.Errorf("compared with a period that ends before it begins: %d: %s", status, text(page))
	}
	for _, path := range []string{"/report?month=2026-13", "/kpi/appraisal?month=2026-00"} {
		if status, page := b.get(path); status != http.StatusBadRequest || !strings.Contains(text(page), path[len(path)-7:]) {
			t.Errorf("%s: %d: %s", path, status, text(page))
		}
	}
	for _, path := range []string{"kpi", "orders"} {
		status, body := s.do("GET", "/api/v1/"+path+"?from=2026-11-14&to=2026-11-03", "")
		if status != http.StatusBadRequest || pick(t, body, "detail") != "to 2026-11-03 is not after from 2026-11-14; the period runs from from up to, not including, to" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestDaysToCome: a day that has not come is not shown as one without cars: on no
// page, in no file, not to programs. What a wrong clock put there is shown.
func TestDaysToCome(t *testing.T) {
	s := newSite(t, dashboard.Config{}) // it is the 3rd
	const month = "from=2026-11-01&to=2026-12-01&by=day"
	days := func() (out []string) {
		for _, row := range s.get("/api/v1/kpi?"+month, "rows").([]any) {
			out = append(out, row.(map[string]any)["key"].(string))
		}
		return out
	}
	begun := []string{"2026-11-01", "2026-11-02", "2026-11-03"}
	if diff := cmp.Diff(begun, days()); diff != "" {
		t.Errorf("rows (-want +got): %s", diff)
	}
	for _, path := range []string{"/kpi?" + month, "/kpi/orders?" + month, "/export/figures.csv?" + month, "/report?month=2026-11"} {
		status, page := s.do("GET", path, "")
		if status != http.StatusOK || !strings.Contains(page, "11-03") || strings.Contains(page, "11-04") || strings.Contains(page, "11-30 ") {
			t.Errorf("%s: %d, with a day that has not come: %s", path, status, page)
		}
	}
	for _, c := range []struct {
		path, want string
		status     int
	}{
		{"/kpi?from=2026-11-04&until=2026-11-05", "2026-11-04 还没有到", http.StatusOK},
		{"/kpi/turnaround?from=2026-12-01&until=2026-12-31&lang=en", "2026-12-01 has not come yet", http.StatusOK},
		{"/report?month=2026-12", "2026-12 还没有到", http.StatusBadRequest},
	} {
		if status, page := s.do("GET", c.path, ""); status != c.status || !strings.Contains(text(page), c.want) || strings.Contains(page, `class="tile`) {
			t.Errorf("%s: %d, without %q or with figures: %s", c.path, status, c.want, text(page))
		}
	}
	if rows := s.get("/api/v1/kpi?from=2026-11-04&to=2026-11-05", "rows").([]any); len(rows) != 0 {
		t.Errorf("a period that has not come: %v", rows)
	}
	if _, page := s.do("GET", "/report?month=2026-11", ""); strings.Contains(page, "2026-12 →") {
		t.Error("the report leads to a month that has not come")
	}
	s.board.Now.Wall = s.board.Now.Wall.AddDate(0, 0, 2)
	e := s.board.Event(&kiosk.CheckedIn{Visit: "VF", Ticket: "A099", Purpose: "fault"})
	if _, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: clock(t, "17:00"), Entries: []backoffice.Entry{e}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(begun, "2026-11-05"), days()); diff != "" {
		t.Errorf("with a car of a clock that is ahead (-want +got): %s", diff)
	}
}
