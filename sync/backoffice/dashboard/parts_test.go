package dashboard_test

import (
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice/dashboard"
)

// TestParts: what the definitions of figures name beside the number stands on
// their pages, and each count leads to as many orders.
func TestParts(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	s.at("16:45", &kiosk.CheckedIn{Visit: "F1", Ticket: "F001", Purpose: "fault"})
	s.at("16:50", &kiosk.Started{Job: kiosk.Job{Visit: "F1", Bay: "b3", Technician: "t1"}, Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.NoOrder}}})
	for path, wants := range map[string][]string{
		"throughput":               {"每营业日 9.0", "每营业小时 1.1", "11:00–12:00 6", "15:00–16:00 1", "16:00–17:00 2", "保养 9", "保修 9"},
		"throughput?lang=en":       {"a working day 9.0", "11:00–12:00 6"},
		"bay_utilisation_running":  {"营业时间内 11.8% 3.0h/25.5h"},
		"bay_utilisation_occupied": {"营业时间内 11.8% 3.0h/25.5h"},
		"data_quality":             {"无工单 1"},
	} {
		_, page := s.do("GET", "/kpi/"+path, "")
		_, card, found := strings.Cut(page, `id="parts"`)
		card, _, _ = strings.Cut(card, "</section>")
		for _, want := range wants {
			if !found || !strings.Contains(text("<p "+card), want) {
				t.Errorf("%s does not show %q: %s", path, want, text("<p "+card))
			}
		}
	}
	for value, want := range map[string]int{"11:00": 6, "15:00": 1, "16:00": 2, "10:00": 0, "": 9, "maintenance": 9} {
		if n := len(s.get("/api/v1/orders?kpi=throughput&value="+value, "orders").([]any)); n != want {
			t.Errorf("%d orders behind throughput %q, want %d", n, value, want)
		}
	}
	for _, wrong := range []string{"kpi=throughput&value=24:00", "kpi=throughput&value=1:00", "kpi=on_time&value=11:00"} {
		if status, body := s.do("GET", "/api/v1/orders?"+wrong, ""); status != 400 || pick(t, body, "parameter") != "kpi" {
			t.Errorf("%s: %d %s", wrong, status, body)
		}
	}
	if _, page := s.do("GET", "/orders?kpi=throughput&value=16:00", ""); !strings.Contains(text(page), "吞吐 · 16:00–17:00") {
		t.Errorf("the list of an hour says %s", text(page))
	}
}
