package dashboard_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// elsewhere records in gz-tianhe at times of the day, on a board of its own.
func (s *site) elsewhere(t *testing.T, epoch string) func(when string, p kiosk.Payload) {
	b := ledgertest.NewBoard(t, "gz-tianhe", "k2", epoch)
	return func(when string, p kiosk.Payload) {
		t.Helper()
		b.Now = b.Now.Add(clock(t, when).Add(-time.Second).Sub(b.Now.Wall))
		e := b.Event(p)
		e.Store = "gz-tianhe"
		if out, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: s.now, Entries: []backoffice.Entry{e}}); err != nil || out.Added != 1 {
			t.Fatalf("commit: %+v %v", out, err)
		}
	}
}

// groupAnswer is GET /api/v1/kpi?store=*.
type groupAnswer struct {
	AsOf string `json:"as_of"`
	Now  string `json:"now"`
	Rows []struct {
		kpi.Row
		AsOf string `json:"as_of"`
	} `json:"rows"`
	Sum kpi.Row `json:"sum"`
}

func (s *site) all(more string) (a groupAnswer, text string) {
	s.Helper()
	_, text = s.do("GET", "/api/v1/kpi?store=*&from=2026-11-03&to=2026-11-04"+more, "")
	if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Rows) != 3 {
		s.Fatalf("%v: %s", err, text)
	}
	return a, text
}

// TestSumOfStores: bays and people of two stores may have the same ids and are
// still two. So what is a share of bays or people of all stores is made of each
// store's own.
func TestSumOfStores(t *testing.T) {
	s := group(t)
	record := s.elsewhere(t, "e10")
	job := kiosk.Job{Visit: "G2", Bay: "b1", Technician: "t1"}
	record("09:00", &kiosk.Signed{Visit: "G2", Order: "GW2", Adviser: "a1", Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor, StandardMinutes: 60}}})
	record("13:00", &kiosk.Started{Job: job})
	record("14:00", &kiosk.Finished{Job: job})
	record("16:00", &kiosk.AttendanceRecorded{Technician: "t1", From: clock(t, "12:00"), To: clock(t, "16:00"), Meta: kiosk.Meta{By: "s1"}})
	a, _ := s.all("")
	var running, den int64
	advisers, counts := 0, 0
	for _, r := range a.Rows {
		running, den = running+r.Bays.Running.NumeratorMS, den+r.Bays.Running.DenominatorMS
		advisers, counts = advisers+r.Receptions.Advisers, counts+r.CategoryCounts
	}
	if u := a.Sum.Bays; u == nil || u.Bays != 3 || u.Running.NumeratorMS != running || u.Running.DenominatorMS != den || running == 0 ||
		u.Running.Rate == nil || *u.Running.Rate != float64(running)/float64(den) {
		t.Errorf("bays of all stores %+v, want %d of %d ms in 3 bays", u, running, den)
	}
	if r := a.Sum.Receptions; advisers != 3 || r.Advisers != advisers || r.Rate == nil || *r.Rate != float64(counts)/float64(advisers) {
		t.Errorf("receptions of all stores %+v, want %d over %d advisers", r, counts, advisers)
	}
	// Presence is known of t1 of gz-tianhe alone: 1 h of 4.
	if p := a.Sum.Productivity; p == nil || p.NumeratorMS != 3_600_000 || p.DenominatorMS != 4*3_600_000 {
		t.Errorf("productivity of all stores %+v", p)
	}
}

// TestAllStoresAsOf: the figures of all stores can be asked for again as they
// were, on pages, in files and by the API.
func TestAllStoresAsOf(t *testing.T) {
	s := group(t)
	before, _ := s.all("")
	for _, r := range before.Rows {
		if r.AsOf != before.AsOf {
			t.Errorf("%s is as of %s, all stores as of %s, and nothing came in between", r.Key, r.AsOf, before.AsOf)
		}
	}
	again := "&as_of=" + before.AsOf + "&now=" + url.QueryEscape(before.Now)
	_, then := s.all(again)
	s.elsewhere(t, "e10")("09:00", &kiosk.Signed{Visit: "G2", Order: "GW2", Adviser: "a1", Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor}}})
	after, _ := s.all("")
	if before.Sum.Orders != 11 || after.Sum.Orders != 12 || after.AsOf == before.AsOf {
		t.Errorf("%d orders as of %s, then %d as of %s", before.Sum.Orders, before.AsOf, after.Sum.Orders, after.AsOf)
	}
	if _, now := s.all(again); now != then {
		t.Errorf("as of %s the answer was\n%s\nit is\n%s", before.AsOf, then, now)
	}
	for path, want := range map[string]string{
		"/kpi?from=2026-11-03&as_of=" + before.AsOf: "合计 63.6% 7/11",
		"/kpi?from=2026-11-03":                      "合计 58.3% 7/12",
		"/export/figures.csv?store=*&from=2026-11-03&to=2026-11-04&as_of=" + before.AsOf: "合计,11,11",
		"/export/figures.csv?store=*&from=2026-11-03&to=2026-11-04":                      "合计,11,12",
	} {
		if _, page := s.do("GET", path, ""); !strings.Contains(text(page), want) {
			t.Errorf("%s does not show %q: %.600s", path, want, text(page))
		}
	}
	for more, want := range map[string]string{"&as_of=elsewhere-1": "as_of", "&as_of=" + before.AsOf + "0000": "as_of"} {
		if status, body := s.do("GET", "/api/v1/kpi?store=*"+more, ""); status != 404 || pick(t, body, "parameter") != want {
			t.Errorf("%s: %d %s", more, status, body)
		}
	}
}

// TestAllStoresOfOne: store=* is answered alike however many stores there are.
func TestAllStoresOfOne(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	all := pick(t, second(s.do("GET", "/api/v1/kpi?store=*", ""))).(map[string]any)
	if all["store"] != "*" || all["by"] != "store" || all["sum"].(map[string]any)["orders"] != 10.0 || all["rows"].([]any)[0].(map[string]any)["key"] != store {
		t.Errorf("all stores of one: %v", all)
	}
	for _, path := range []string{"/api/v1/bays?store=*", "/api/v1/kiosks?store=*"} {
		if n := len(s.get(path, "stores").([]any)); n != 1 {
			t.Errorf("%s: %d stores", path, n)
		}
	}
	if n := len(s.get("/api/v1/orders?store=*&kpi=orders", "orders").([]any)); n != 10 {
		t.Errorf("%d orders of all stores", n)
	}
}

func second(_ int, body string) string { return body }
