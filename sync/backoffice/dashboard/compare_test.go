package dashboard

import (
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

func TestEarlierPeriods(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	store := backoffice.Store{Name: "s", Calendar: kiosk.ShanghaiWeek(zone)}
	now := time.Date(2028, 3, 1, 10, 0, 0, 0, zone)
	for _, tt := range []struct{ from, until, compare, wantFrom, wantLast string }{
		{"2026-11-03", "2026-11-03", "", "2026-11-02", "2026-11-02"},
		{"2026-11-03", "2026-11-09", "previous", "2026-10-27", "2026-11-02"},
		{"2026-11-01", "2026-11-30", "previous", "2026-10-01", "2026-10-31"},
		{"2026-01-01", "2026-03-31", "previous", "2025-10-01", "2025-12-31"},
		{"2028-02-29", "2028-02-29", "year", "2027-02-28", "2027-02-28"},
		{"2028-02-01", "2028-02-29", "year", "2027-02-01", "2027-02-28"},
		{"2028-03-01", "2028-03-31", "month", "2028-02-01", "2028-02-29"},
		{"2028-03-30", "2028-03-31", "month", "2028-02-29", "2028-03-01"},
		{"2027-03-31", "2027-03-31", "month", "2027-02-28", "2027-02-28"},
		{"2026-11-02", "2026-11-08", "year", "2025-11-02", "2025-11-08"},
	} {
		r := httptest.NewRequest("GET", "/kpi?"+url.Values{"compare": {tt.compare}}.Encode(), nil)
		q := query{store: store, span: span{Now: now}}
		if err := q.period(tt.from, "", tt.until, now); err != nil {
			t.Fatal(err)
		}
		sp, compared, err := q.earlier(r)
		other := query{store: store, span: sp}
		if from := store.Calendar.Day(sp.From); err != nil || !compared || from != tt.wantFrom || other.lastDay() != tt.wantLast {
			t.Errorf("%s to %s, %s: %s to %s, want %s to %s (%v)", tt.from, tt.until, tt.compare, from, other.lastDay(), tt.wantFrom, tt.wantLast, err)
		}
	}
	q := query{store: store, span: span{Now: now}}
	if err := q.period("2026-11-03", "", "", now); err != nil {
		t.Fatal(err)
	}
	if _, compared, err := q.earlier(httptest.NewRequest("GET", "/kpi?compare=none", nil)); compared || err != nil {
		t.Errorf("compared with nothing: %v %v", compared, err)
	}
}

// A week that spans a change of the clocks has seven days.
func TestDaysAcrossSummerTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	store := backoffice.Store{Calendar: kiosk.ShanghaiWeek(zone)}
	q := query{store: store}
	if err := q.period("2026-10-19", "", "2026-10-25", time.Now()); err != nil {
		t.Fatal(err)
	}
	if q.days() != 7 || q.lastDay() != "2026-10-25" || q.toDay != "2026-10-26" {
		t.Errorf("%d days up to %s", q.days(), q.lastDay())
	}
	if got := store.Calendar.Day(daysAfter(store.Calendar, q.span.From, -7)); got != "2026-10-12" {
		t.Errorf("a week before: %s", got)
	}
}
