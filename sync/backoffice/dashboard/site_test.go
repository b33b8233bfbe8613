package dashboard_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

const store = "sh-pudong"

var zone = time.FixedZone("CST", 8*3600)

// site is a dashboard over a real ledger that holds the worked example of DOMAIN §6.
type site struct {
	*testing.T
	office *backoffice.Office
	ledger *ledger.Ledger
	board  *ledgertest.Board
	server *httptest.Server
	token  string
	now    time.Time
	path   string // of the ledger
}

func clock(t testing.TB, s string) time.Time {
	t.Helper()
	out, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-03 "+s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newSite(t *testing.T, cfg dashboard.Config) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &site{T: t, ledger: l, path: path, board: ledgertest.NewBoard(t, store, "k1", "e1"), token: cfg.Token, now: clock(t, "17:00")}
	s.office, err = backoffice.New(backoffice.Config{Ledger: l, Now: func() time.Time { return s.now }, Stores: []backoffice.Store{{
		Name: store, Title: "上海浦东店", Calendar: kiosk.ShanghaiWeek(zone), Bays: []string{"b1", "b2", "b3"}, Staff: people()}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Office = s.office
	h, err := dashboard.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(h)
	t.Cleanup(s.server.Close)
	s.day()
	return s
}

func people() *staff.Directory {
	return staff.NewDirectory([]staff.Person{{ID: "a1", Name: "李娜", Roles: []staff.Role{staff.Adviser}},
		{ID: "s1", Name: "王强", Roles: []staff.Role{staff.Supervisor}}, {ID: "t1", Name: "张伟", Roles: []staff.Role{staff.Technician}}})
}

// at records an event at a time of the day.
func (s *site) at(when string, p kiosk.Payload) backoffice.Entry {
	s.Helper()
	s.board.Now = s.board.Now.Add(clock(s, when).Add(-time.Second).Sub(s.board.Now.Wall)) // Event adds it
	e := s.board.Event(p)
	out, err := s.ledger.Commit(s.Context(), backoffice.Batch{At: clock(s, when), Entries: []backoffice.Entry{e}})
	if err != nil || out.Added != 1 {
		s.Fatalf("commit: %+v %v", out, err)
	}
	return e
}

// day plays the worked example in the order of its times.
func (s *site) day() {
	due := clock(s, "16:00")
	job := func(i int) kiosk.Job {
		return kiosk.Job{Visit: fmt.Sprintf("V%d", i), Bay: fmt.Sprintf("b%d", i%2+1), Technician: "t1"}
	}
	each := func(n int, f func(i int)) {
		for i := range n {
			f(i)
		}
	}
	each(10, func(i int) {
		s.at("08:30", &kiosk.CheckedIn{Visit: fmt.Sprintf("V%d", i), Ticket: fmt.Sprintf("A%03d", i), Vehicle: fmt.Sprintf("car%d", i%9), Purpose: "maintenance",
			Meta: kiosk.Meta{Cause: fmt.Sprintf("scan%d", i), Scan: &kiosk.ScanRecord{Keyed: "k", Scanner: "front", Symbology: "code39"}}})
	})
	each(10, func(i int) { s.at("08:40", &kiosk.Accepted{Visit: fmt.Sprintf("V%d", i), Adviser: "a1"}) })
	each(10, func(i int) {
		s.at("09:00", &kiosk.Signed{Visit: fmt.Sprintf("V%d", i), Order: fmt.Sprintf("W%d", i), Adviser: "a1", Promise: &due,
			Items: []kiosk.Item{{No: 1, Code: "M1", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 60}, {No: 2, Code: "W1", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 30}}})
	})
	each(10, func(i int) {
		s.at("09:30", &kiosk.Started{Job: job(i), Meta: kiosk.Meta{Cause: fmt.Sprintf("start%d", i), Scan: &kiosk.ScanRecord{Text: "V0A713K8QZ25", Scanner: "bay1"}}})
	})
	each(9, func(i int) { s.at("11:00", &kiosk.Finished{Job: job(i)}) })
	each(6, func(i int) { s.at("11:10", &kiosk.Passed{Visit: fmt.Sprintf("V%d", i), Inspector: "q1"}) })
	each(6, func(i int) { s.at("12:00", &kiosk.Delivered{Visit: fmt.Sprintf("V%d", i), Adviser: "a1"}) })
	s.at("15:00", &kiosk.PromiseRevised{Visit: "V7", Promise: clock(s, "17:00"), Consent: true, Meta: kiosk.Meta{Reason: "parts"}})
	s.at("15:50", &kiosk.Passed{Visit: "V8", Inspector: "q1"})
	s.at("16:00", &kiosk.Passed{Visit: "V6", Inspector: "q1"})
	s.at("16:05", &kiosk.Delivered{Visit: "V8", Adviser: "a1"})
	s.at("16:20", &kiosk.Passed{Visit: "V7", Inspector: "q1"})
	s.at("16:30", &kiosk.Delivered{Visit: "V6", Adviser: "a1"})
	s.at("16:40", &kiosk.Delivered{Visit: "V7", Adviser: "a1"})
}

func (s *site) do(method, path, body string) (int, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// get reads JSON into a value made of maps, and picks it apart by a path of keys.
func (s *site) get(path string, keys ...any) any {
	s.Helper()
	status, body := s.do("GET", path, "")
	if status != http.StatusOK {
		s.Fatalf("GET %s: %d %s", path, status, body)
	}
	return pick(s, body, keys...)
}

func pick(t testing.TB, body string, keys ...any) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			v = v.(map[string]any)[k]
		case int:
			v = v.([]any)[k]
		}
	}
	return v
}
