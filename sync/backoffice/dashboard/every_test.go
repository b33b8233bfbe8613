package dashboard_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
)

// down is a number that leads to a list: its address and what it says.
var down = regexp.MustCompile(`<a[^>]* href="(/orders\?[^"]*)"[^>]*>(.*?)</a>`)

// TestEveryNumberLeadsDown clicks, as it were, on every number of every page of
// figures that leads to orders, however they are grouped: the list is there; a
// count has as many orders as it says, and what is not nothing has some; one of them leads to
// its events, and these to what a scanner read.
func TestEveryNumberLeadsDown(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	b := s.guest("m1")
	lists := map[string]int{} // orders behind an address
	figures := []string{""}   // the overview
	for _, f := range dashboard.Figures() {
		if f != "stages" {
			figures = append(figures, "/"+f)
		}
	}
	numbers := map[string]int{}
	for _, f := range figures {
		for _, by := range []string{"none", "day", "adviser", "technician", "team", "bay", "category"} {
			path := "/kpi" + f + "?from=2026-11-03&by=" + by
			status, page := b.get(path)
			if status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, status, text(page))
			}
			for _, m := range down.FindAllStringSubmatch(page, -1) {
				link, says := html.UnescapeString(m[1]), text(m[2])
				numbers[f]++
				if _, seen := lists[link]; !seen {
					lists[link] = s.listOf(t, b, link)
				}
				var n int
				_, err := fmt.Sscanf(says+" end", "%d end", &n)
				switch counted := err == nil && !strings.Contains(link, "category_counts") && !measured(link); {
				case counted && n != lists[link]:
					t.Errorf("%s: %q leads to %d orders: %s", path, says, lists[link], link)
				case says != "—" && !strings.HasPrefix(says, "0") && lists[link] == 0:
					t.Errorf("%s: %q leads to no order: %s", path, says, link)
				}
			}
		}
	}
	for _, f := range figures {
		if numbers[f] == 0 {
			t.Errorf("no number of %q leads anywhere", f)
		}
	}
	if len(lists) < 80 {
		t.Errorf("only %d lists were found", len(lists))
	}
}

// measured says whether the number of a link is one of minutes, jobs or cars, and
// not of orders.
func measured(link string) bool {
	return strings.Contains(link, "minutes") || strings.Contains(link, "kpi=stages") || strings.Contains(link, "kpi=vehicles") || strings.Contains(link, "unclosed_jobs") || strings.Contains(link, "corrections")
}

// listOf is how long the list at an address is. The first order of it leads to its
// events and their scans.
func (s *site) listOf(t *testing.T, b browser, link string) int {
	t.Helper()
	status, page := b.get(link)
	m := listed.FindStringSubmatch(page)
	if status != http.StatusOK || m == nil {
		t.Errorf("%s: %d %.200s", link, status, text(page))
		return 0
	}
	var n int
	if _, err := fmt.Sscan(m[1], &n); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return 0
	}
	first := regexp.MustCompile(`<td class="ticket"><a href="([^"]+)"`).FindStringSubmatch(page)
	if first == nil {
		t.Errorf("%s lists %d orders, and none has a link", link, n)
		return n
	}
	if status, order := b.get(html.UnescapeString(first[1])); status != http.StatusOK || !strings.Contains(text(order), "原始扫码") || !strings.Contains(order, `id="e-`) {
		t.Errorf("%s leads to %s: %d, without events and scans", link, first[1], status)
	}
	return n
}

// TestWhoIsDrowning: the numbers beside an adviser lead to that adviser's cars.
func TestWhoIsDrowning(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	due := clock(t, "16:30")
	for visit, adviser := range map[string]string{"VA": "a1", "VB": "a2"} {
		s.at("16:00", &kiosk.CheckedIn{Visit: visit, Ticket: "B" + visit, Purpose: "fault"})
		s.at("16:10", &kiosk.Signed{Visit: visit, Order: "W" + visit, Adviser: adviser, Promise: &due, Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor, StandardMinutes: 10}}})
	}
	b := s.guest("m1")
	_, page := b.get("/")
	link := regexp.MustCompile(`href="(/\?[^"]*adviser=a2[^"]*#late)">(\d+)</a>`).FindStringSubmatch(page)
	if link == nil || link[2] != "1" {
		t.Fatalf("the late cars of a2 lead nowhere: %v", link)
	}
	status, page := b.get(strings.TrimSuffix(html.UnescapeString(link[1]), "#late"))
	seen := text(page)
	if status != http.StatusOK || !strings.Contains(seen, "只列出 a2 的车。 全部") || !strings.Contains(seen, "BVB") || regexp.MustCompile(`class="ticket"><a href="/orders/VA">BVA`).MatchString(strings.Split(page, `id="open"`)[0]) {
		t.Errorf("%d: %s", status, seen)
	}
}

// TestUnknownYear: a page of a period whose public holidays are not known says so.
func TestUnknownYear(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	cal := kiosk.ShanghaiWeek(zone)
	cal.Holidays, cal.Years = "cn", []int{2026}
	office, err := backoffice.New(backoffice.Config{Ledger: s.ledger, Now: s.office.Now, Stores: []backoffice.Store{{Name: store, Title: "店", Calendar: cal, Staff: staff.NewDirectory(nil)}}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dashboard.New(dashboard.Config{Office: office})
	if err != nil {
		t.Fatal(err)
	}
	for query, unknown := range map[string]string{"from=2025-12-30&until=2026-01-02": "2", "from=2026-11-03": ""} {
		for _, path := range []string{"/kpi?", "/kpi/bay_utilisation_running?", "/kpi/receptions_per_adviser_day?"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, path+query, nil)
			r.RemoteAddr = "127.0.0.1:1"
			r.Host = "127.0.0.1"
			h.ServeHTTP(w, r)
			if says := strings.Contains(text(w.Body.String()), "期内有 "+unknown+" 天的法定节假日安排尚未收录"); w.Code != http.StatusOK || says != (unknown != "") {
				t.Errorf("%s%s: %d, says %v: %s", path, query, w.Code, says, text(w.Body.String()))
			}
		}
	}
}
