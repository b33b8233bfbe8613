package dashboard_test

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// BenchmarkAllStores asks for headquarters' pages of 500 stores with 40 orders each.
func BenchmarkAllStores(b *testing.B) {
	const many, orders = 500, 40
	l, err := ledger.Open(filepath.Join(b.TempDir(), "ledger.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	now, due := clock(b, "17:00"), clock(b, "16:00")
	var stores []backoffice.Store
	for i := range many {
		name := fmt.Sprintf("s%03d", i)
		stores = append(stores, backoffice.Store{Name: name, Title: name, Calendar: kiosk.ShanghaiWeek(zone), Staff: staff.NewDirectory(nil)})
		board := ledgertest.NewBoard(b, name, "k1", "e"+name)
		board.Now = board.Now.Add(clock(b, "08:00").Sub(board.Now.Wall))
		batch := backoffice.Batch{At: now}
		for v := range orders {
			id := fmt.Sprintf("V%03dX%02d", i, v)
			job := kiosk.Job{Visit: id, Bay: "b1", Technician: "t1"}
			life := []kiosk.Payload{&kiosk.CheckedIn{Visit: id, Ticket: fmt.Sprintf("A%03d", v), Purpose: "fault"}, &kiosk.Accepted{Visit: id, Adviser: "a1"},
				&kiosk.Signed{Visit: id, Order: "o" + id, Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor, StandardMinutes: 30}}},
				&kiosk.Started{Job: job}, &kiosk.Finished{Job: job}, &kiosk.Passed{Visit: id, Inspector: "q1"}, &kiosk.Delivered{Visit: id, Adviser: "a1"}}
			if v >= orders*3/4 {
				life = life[:3] // still there
			}
			for _, p := range life {
				e := board.Event(p)
				e.Store = name
				batch.Entries = append(batch.Entries, e)
			}
		}
		if _, err := l.Commit(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	office, err := backoffice.New(backoffice.Config{Ledger: l, Stores: stores, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	h, err := dashboard.New(dashboard.Config{Office: office})
	if err != nil {
		b.Fatal(err)
	}
	ask := func(b *testing.B, path string) {
		r := httptest.NewRequest("GET", "http://localhost"+path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 200 {
			b.Fatalf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
	for name, path := range map[string]string{"today": "/?part=live", "month": "/kpi?from=2026-11-01&until=2026-11-30", "month by the API": "/api/v1/kpi?store=*&from=2026-11-01&to=2026-12-01"} {
		ask(b, path) // folds
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask(b, path)
			}
		})
	}
}
