package metrics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/promtext/promtest"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/wire"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))

// fake is an office that says what it is told to.
type fake struct{ book backoffice.Ledger }

func (f fake) Stores() []backoffice.Store {
	return []backoffice.Store{{Name: "s1", Calendar: kiosk.ShanghaiWeek(noon.Location())}, {Name: "s2", Calendar: kiosk.ShanghaiWeek(noon.Location())}}
}
func (f fake) Ledger() backoffice.Ledger { return f.book }
func (f fake) Now() time.Time            { return noon }
func (f fake) Counts() backoffice.Counts {
	return backoffice.Counts{Messages: 7, Events: 5, Retries: 1}
}
func (f fake) Queued() int { return 4 }
func (f fake) Alarms() []backoffice.Alarm {
	return make([]backoffice.Alarm, 2)
}
func (f fake) Commits() backoffice.Commits {
	return backoffice.Commits{N: 3, Sum: 1500 * time.Millisecond, Buckets: []uint64{0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3}}
}
func (f fake) Waiting(store string) time.Duration {
	return map[string]time.Duration{"s1": 2500 * time.Millisecond}[store]
}
func (f fake) Kiosks(store string) ([]backoffice.Kiosk, error) {
	if store != "s1" {
		return nil, nil
	}
	return []backoffice.Kiosk{
		{Name: "k1", Conn: wire.Conn{State: wire.Ready}, Heard: noon.Add(-time.Minute), Health: wire.Health{DiskFree: 1 << 30, Alarms: []string{"a"}, Level: "losing",
			Outbox: wire.Outbox{Depth: 12, OldestMs: 3500}, Devices: []wire.Device{{State: "up"}, {State: "down"}}}},
		{Name: "k2", Conn: wire.Conn{State: wire.Lost}},
	}, nil
}

func TestScrape(t *testing.T) {
	book := memledger.New("9f9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e99")
	b := ledgertest.NewBoard(t, "s1", "k1", "0b9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e11")
	batch := backoffice.Batch{At: noon, Entries: []backoffice.Entry{b.CheckIn("A1B2C3D400")}}
	b.Skip(3)
	batch.Entries = append(batch.Entries, b.CheckIn("A1B2C3D401"))
	if _, err := book.Commit(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
	h := Handler(Config{Office: fake{book}, Version: `1.0 "odd"\`, Calibrated: func(store string) time.Time {
		return map[string]time.Time{"s1": noon.Add(-time.Hour)}[store]
	}})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	scraped, err := promtest.Parse(w.Body.String())
	if err != nil {
		t.Error(err)
	}
	got := scraped.Samples
	for key, want := range map[string]float64{
		`baylight_build_info{version="1.0 \"odd\"\\"}`:             1,
		`baylight_ledger_position`:                                 2,
		`baylight_queue_messages`:                                  4,
		`baylight_messages_total`:                                  7,
		`baylight_commit_retries_total`:                            1,
		`baylight_commit_seconds_bucket{le="0.001"}`:               0,
		`baylight_commit_seconds_bucket{le="0.5"}`:                 2,
		`baylight_commit_seconds_bucket{le="+Inf"}`:                3,
		`baylight_commit_seconds_sum`:                              1.5,
		`baylight_commit_seconds_count`:                            3,
		`baylight_gap_events{store="s1"}`:                          3,
		`baylight_gap_events{store="s2"}`:                          0,
		`baylight_receipt_wait_seconds{store="s1"}`:                2.5,
		`baylight_rollup_stale_visits{store="s1"}`:                 2,
		`baylight_rollup_stale_visits{store="s2"}`:                 0,
		`baylight_risk_calibration_age_seconds{store="s1"}`:        3600,
		`baylight_kiosks{store="s1",state="ready"}`:                1,
		`baylight_kiosks{store="s1",state="lost"}`:                 1,
		`baylight_kiosks{store="s2",state="ready"}`:                0,
		`baylight_kiosk_heard_seconds{store="s1",kiosk="k1"}`:      60,
		`baylight_kiosk_outbox_events{store="s1",kiosk="k1"}`:      12,
		`baylight_kiosk_devices_down{store="s1",kiosk="k1"}`:       1,
		`baylight_kiosk_disk_free_bytes{store="s1",kiosk="k1"}`:    1 << 30,
		`baylight_kiosk_health_level{store="s1",kiosk="k1"}`:       2,
		`baylight_kiosk_outbox_age_seconds{store="s1",kiosk="k1"}`: 3.5,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", key, v, ok, want)
		}
	}
	for _, absent := range []string{`baylight_risk_calibration_age_seconds{store="s2"}`, `baylight_kiosk_heard_seconds{store="s1",kiosk="k2"}`} {
		if v, ok := got[absent]; ok {
			t.Errorf("%s is %v, though nothing is known", absent, v)
		}
	}
}
