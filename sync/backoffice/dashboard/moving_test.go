package dashboard_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/figures"
)

// moving is a ledger in which an order is signed whenever figures were asked for.
type moving struct {
	dashboard.Data
	s *site
	n int
}

func (m *moving) Figures(ctx context.Context, store string, q figures.Query) (figures.Answer, error) {
	a, err := m.Data.Figures(ctx, store, q)
	m.n++
	visit := fmt.Sprintf("M%d", m.n)
	due := clock(m.s, "18:00")
	m.s.at("16:55", &kiosk.CheckedIn{Visit: visit, Ticket: "M" + visit, Purpose: "fault"})
	m.s.at("16:56", &kiosk.Signed{Visit: visit, Order: "O" + visit, Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor}}})
	return a, err
}

// TestOnePosition: every number of a page is true for the position that stands
// below it, also if something is recorded while the page is made.
func TestOnePosition(t *testing.T) {
	quiet := newSite(t, dashboard.Config{})
	own, err := figures.New(figures.Config{Ledger: quiet.ledger, Stores: quiet.office.Stores(), Now: quiet.office.Now})
	if err != nil {
		t.Fatal(err)
	}
	busy := &moving{Data: own, s: quiet}
	h, err := dashboard.New(dashboard.Config{Office: quiet.office, Data: busy})
	if err != nil {
		t.Fatal(err)
	}
	quiet.server.Config.Handler = h
	sums := regexp.MustCompile(`(?s)<th scope="row">李娜</th>(.*?)</tr>`)
	for _, path := range []string{"/kpi?from=2026-11-03&by=adviser", "/report?month=2026-11", "/kpi/orders?from=2026-11-03&by=adviser"} {
		_, page := quiet.do("GET", path, "")
		asOf := regexp.MustCompile(`账本位置 (\S+)`).FindStringSubmatch(text(page))
		if asOf == nil {
			t.Fatalf("%s names no position: %.300s", path, text(page))
		}
		day := "&from=2026-11-03&to=2026-11-04"
		then := quiet.get("/api/v1/kpi?store="+store+day+"&as_of="+asOf[1], "rows", 0, "orders").(float64)
		found := sums.FindAllStringSubmatch(page, -1)
		if len(found) == 0 {
			t.Fatalf("%s has no row of an adviser", path)
		}
		for _, row := range found {
			if !regexp.MustCompile(fmt.Sprintf(`(^|\D)%.0f(\D|$)`, then)).MatchString(text("<p>" + row[1])) {
				t.Errorf("%s as of %s had %.0f orders; a row says %s", path, asOf[1], then, text("<p>"+row[1]))
			}
		}
	}
	if busy.n < 6 {
		t.Errorf("figures were asked for %d times", busy.n)
	}
}
