package kioskapp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"baylight/cmd/internal/kioskapp"
	"baylight/device/bench"
	"baylight/kiosk/promtext/promtest"
)

// A real kiosk with devices, without a broker: what it tells Prometheus, the
// people's tool and /healthz are one story.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	var a kioskapp.Answer
	r.tool("POST", "/scan", map[string][]string{"text": {car(1)}, "scanner": {"front"}}, &a)
	r.tool("POST", "/scan", map[string][]string{"text": {"HELLO"}, "scanner": {"s1"}}, &a)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	scrape := func() promtest.Scrape {
		res, err := http.Get("http://" + r.http + "/metrics")
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		s, err := promtest.Parse(string(b))
		must(t, err)
		for _, secret := range []string{storeKey, "李师傅", car(1), badge} {
			if strings.Contains(string(b), secret) {
				t.Errorf("metrics tell %q", secret)
			}
		}
		return s
	}
	s := scrape()
	for key, want := range map[string]float64{
		`baylight_scans_total{scanner="front",result="accepted"}`:     1,
		`baylight_scans_total{scanner="s1",result="refused"}`:         1,
		`baylight_scans_total{scanner="s2",result="not_recorded"}`:    0,
		`baylight_journal_commit_failures_total`:                      0,
		`baylight_journal_damaged`:                                    0,
		`baylight_broker_connections_total`:                           0,
		`baylight_office_ready`:                                       0,
		`baylight_printer_state{printer="printer",state="ok"}`:        1,
		`baylight_printer_state{printer="printer",state="paper_out"}`: 0,
		`baylight_disk_reserve_used`:                                  0,
		`baylight_clock_quality{quality="synced"}`:                    1,
		`baylight_epoch_changes_total`:                                0,
		`baylight_health_reasons{code="broker.away"}`:                 1,
		`baylight_health_level`:                                       1,
		`baylight_device_up{device="printer",kind="printer"}`:         1,
		`baylight_journal_commit_seconds_bucket{le="+Inf"}`:           s.Samples["baylight_journal_commit_seconds_count"],
		`baylight_outbox_depth`:                                       s.Samples["baylight_journal_head"],
		`baylight_scans_total{scanner="front",result="not_recorded"}`: 0,
	} {
		if got, there := s.Samples[key]; !there || got != want {
			t.Errorf("%s is %v, %v; want %v", key, got, there, want)
		}
	}
	if s.Samples["baylight_journal_commit_seconds_count"] < 2 || s.Samples["baylight_disk_free_bytes"] <= 0 || s.Samples["process_resident_memory_bytes"] <= 0 {
		t.Errorf("commits, disk, memory: %v", s.Samples)
	}
	if _, there := s.Samples["baylight_receipt_age_seconds"]; there {
		t.Error("there is an age of receipts before the first receipt")
	}
	var st kioskapp.State
	r.tool("GET", "/state", nil, &st)
	if st.Level != "degraded" || len(st.Reasons) != 1 || st.Reasons[0].Code != "broker.away" || len(st.Devices) != 6 || st.Printer != "ok" || st.Uplink.Head == 0 || st.Clock.Quality != "synced" || st.Scans["front"] != 1 {
		t.Errorf("state: %+v", st)
	}
	r.printer.SetFaults(bench.PrinterFaults{PaperOut: true})
	r.await("no paper", func() bool {
		return scrape().Samples[`baylight_printer_state{printer="printer",state="paper_out"}`] == 1
	})
	s = scrape()
	if s.Samples["baylight_health_level"] != 1 || s.Samples[`baylight_health_reasons{code="printer.paper"}`] != 1 {
		t.Errorf("without paper: %v", s.Samples)
	}
}
