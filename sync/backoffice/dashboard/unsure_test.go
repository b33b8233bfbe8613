package dashboard_test

import (
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// TestUnsureTimes: a board whose clock was never set is counted apart until it is
// set; then its times are corrected, but not those that a person stated.
func TestUnsureTimes(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	k2 := ledgertest.NewBoard(t, store, "k2", "e2")
	k2.Now.Clock, k2.Now.Wall = kiosk.Unset, clock(t, "10:00")
	commit := func(p kiosk.Payload) {
		t.Helper()
		if _, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: s.now, Entries: []backoffice.Entry{k2.Event(p)}}); err != nil {
			t.Fatal(err)
		}
	}
	stated := clock(t, "16:20")
	commit(&kiosk.CheckedIn{Visit: "VU", Ticket: "B001", Purpose: "fault"})
	commit(&kiosk.Accepted{Visit: "VU", Adviser: "a1", Meta: kiosk.Meta{At: &stated, By: "s1"}})
	const path = "/api/v1/kpi?from=2026-11-03&to=2026-11-04"
	want := func(arrivals, uncertain float64) {
		t.Helper()
		row := s.get(path, "rows", 0).(map[string]any)
		if got := row["data_quality"].(map[string]any)["uncertain"]; got != uncertain || row["arrivals"] != arrivals {
			t.Errorf("%v arrivals and %v uncertain, want %v and %v", row["arrivals"], got, arrivals, uncertain)
		}
	}
	want(10, 1)
	if orders := s.get("/api/v1/orders?from=2026-11-03&to=2026-11-04&kpi=uncertain", "orders").([]any); len(orders) != 1 || orders[0].(map[string]any)["visit"] != "VU" {
		t.Errorf("behind the uncertain stand %v", orders)
	}
	if _, page := s.do("GET", "/kpi?from=2026-11-03&to=2026-11-04", ""); !strings.Contains(page, "1 次进站时间不确定") {
		t.Error("the page does not show how many times are uncertain")
	}
	k2.Now.Clock, k2.Now.Wall = kiosk.Synced, k2.Now.Wall.Add(6*time.Hour)
	commit(&kiosk.ClockSet{OffsetMS: (6 * time.Hour).Milliseconds()})
	want(11, 0)
	visit := s.get("/api/v1/orders/VU", "order").(map[string]any)
	if in, accepted := visit["checked_in"].(string), visit["accepted"].(string); !strings.HasPrefix(in, "2026-11-03T16:00:01") || !strings.HasPrefix(accepted, "2026-11-03T16:20:00") {
		t.Errorf("after the clock was set the car came at %s and was accepted at %s", in, accepted)
	}
}
