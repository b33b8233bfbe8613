package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

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
