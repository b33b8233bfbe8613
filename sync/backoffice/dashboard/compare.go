package dashboard

import (
	"fmt"
	"net/http"
	"time"

	"baylight/kiosk"
)

// Comparisons lists what a period is compared with; words has office.compare.X.
func Comparisons() []string { return []string{"previous", "month", "year", "custom", "none"} }

// earlier is the period that q is compared with, ok is false if with none.
//
// previous is as many days right before; of whole months, as many months. month
// and year begin a calendar month or year earlier and have as many days; of whole
// months they have whole months. The 29th of February of a year without one is
// the 28th.
func (q query) earlier(r *http.Request) (span, bool, error) {
	v := r.URL.Query()
	sp := q.span
	cal := q.store.Calendar
	how := v.Get("compare")
	whole := wholeMonths(cal, sp.From, sp.To)
	switch how {
	case "", "previous":
		if whole > 0 {
			sp.From, sp.To = monthsBefore(cal, sp.From, whole), sp.From
		} else {
			sp.From, sp.To = daysAfter(cal, sp.From, -q.days()), sp.From
		}
	case "month", "year":
		months := 1
		if how == "year" {
			months = 12
		}
		sp.From = monthsBefore(cal, q.span.From, months)
		if whole > 0 {
			sp.To = monthsBefore(cal, q.span.To, months)
		} else {
			sp.To = daysAfter(cal, sp.From, q.days())
		}
	case "custom":
		other := query{store: q.store}
		if err := other.period(v.Get("cfrom"), "", v.Get("cuntil"), q.span.Now); err != nil {
			return sp, false, err
		}
		sp.From, sp.To = other.span.From, other.span.To
	case "none":
		return sp, false, nil
	default:
		return sp, false, fault(http.StatusBadRequest, "compare", fmt.Sprintf("compare %.40q is not one of %v", how, Comparisons())).say("office.err.compare", clip(how))
	}
	return sp, true, nil
}

// wholeMonths is of how many whole calendar months a period consists, else 0.
func wholeMonths(cal kiosk.Calendar, from, to time.Time) int {
	a, b := from.In(cal.Zone), to.In(cal.Zone)
	if a.Day() != 1 || b.Day() != 1 {
		return 0
	}
	return (b.Year()-a.Year())*12 + int(b.Month()) - int(a.Month())
}

// monthsBefore is the same day n months earlier, or the last of its month.
func monthsBefore(cal kiosk.Calendar, t time.Time, n int) time.Time {
	y, m, d := t.In(cal.Zone).Date()
	last := time.Date(y, m-time.Month(n)+1, 0, 0, 0, 0, 0, cal.Zone).Day()
	return time.Date(y, m-time.Month(n), min(d, last), 0, 0, 0, 0, cal.Zone)
}

func daysAfter(cal kiosk.Calendar, t time.Time, n int) time.Time {
	y, m, d := t.In(cal.Zone).Date()
	return time.Date(y, m, d+n, 0, 0, 0, 0, cal.Zone)
}
