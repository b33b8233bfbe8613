package dashboard_test

import (
	"bytes"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger"
)

func FuzzRecord(f *testing.F) {
	l, err := ledger.Open(filepath.Join(f.TempDir(), "ledger.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	office, err := backoffice.New(backoffice.Config{Ledger: l, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone), Staff: people()}}})
	if err != nil {
		f.Fatal(err)
	}
	h, err := dashboard.New(dashboard.Config{Office: office, Token: "secret"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"type":"attendance.recorded","by":"s1","data":{"technician":"t1","from":"2026-11-03T08:00:00Z","to":"2026-11-03T17:00:00Z"}}`))
	f.Add([]byte(`{"type":"event.amended","by":"s1","data":{"event":"e1-1","fields":{},"reason":"r"}}`))
	f.Add([]byte(`{"type":"job.finished","by":"s1","data":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "http://localhost/api/v1/events", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer secret")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d without problem details: %s", w.Code, w.Body)
		}
	})
}
