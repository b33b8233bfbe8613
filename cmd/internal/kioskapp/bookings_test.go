package kioskapp_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/ticket"
	"baylight/sync/wire"
)

// Whatever comes as bookings: what cannot be right changes nothing, what is over
// is deleted, an empty message empties its day.
func TestBookingsFromTheBroker(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	r.up()
	topic := "baylight/v1/" + store + "/bookings/"
	r.bookings(l, today, booked("B-1", "09:30", "粤B10001", "粤B••001", "", "APPT-1"))
	r.known(today, 1)
	one, err := wire.Bookings{Day: today, Bookings: []wire.Booking{booked("B-9", "09:30", "粤B10009", "粤B••009", "", "")}}.Encode()
	must(t, err)
	for name, m := range map[string]struct{ day, payload string }{
		"no JSON":          {today, "<script>"},
		"another day":      {"2026-03-03", string(one)},
		"no date":          {"2026-99-99", strings.ReplaceAll(string(one), today, "2026-99-99")},
		"a plate in clear": {today, strings.ReplaceAll(string(one), "粤B••009", "粤B10009")},
		"too large":        {today, strings.Replace(string(one), "{", "{"+strings.Repeat(" ", wire.MaxBookingsBytes), 1)},
		"another form":     {today, `{"day":"` + today + `","bookings":{"id":1}}`},
	} {
		l.publish(t, topic+m.day, []byte(m.payload))
		t.Log(name)
	}
	// What comes after them on the same connection has been taken, so they have been looked at.
	r.bookings(l, "2026-03-04", wire.Booking{ID: "B-3", At: booked("", "09:30", "", "", "", "").At.AddDate(0, 0, 2), CodeKey: kiosk.BookedCode([]byte(storeKey), "APPT-3")})
	r.known("2026-03-04", 1)
	if got := r.keptBookings(today); len(got) != 1 || got[0].ID != "B-1" {
		t.Errorf("today's bookings are now %+v", got)
	}
	if files, _ := filepath.Glob(filepath.Join(r.dir, "data", "bookings", "*")); len(files) != 2 {
		t.Errorf("kept: %q", files)
	}
	r.scan("front", "APPT-3", bench.AckBad)
	r.shows("/", "This booking is for another day")
	r.pass(24 * 3600e9) // the next day: yesterday's are gone, tomorrow's stay
	r.scan("front", "APPT-1", bench.AckBad)
	if got := r.keptBookings(today); got != nil {
		t.Errorf("on the next day the bookings of the day before are still there: %+v", got)
	}
	l.publish(t, topic+"2026-03-04", nil)
	r.await("the day is emptied", func() bool { return r.keptBookings("2026-03-04") == nil })
	r.sound("10001", "APPT")
}

// Without a screen a booking opens its visit at once, once only; a damaged file
// of bookings stops nothing.
func TestBookingsWithoutScreen(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	must(t, os.MkdirAll(filepath.Join(r.dir, "data", "bookings"), 0o700))
	must(t, os.WriteFile(filepath.Join(r.dir, "data", "bookings", "2026-03-05.json"), []byte("half a fi"), 0o600))
	r.gate.open(l.broker.Addr())
	r.up()
	r.bookings(l, today, booked("B-1", "09:30", "粤B10001", "粤B••001", "", "APPT-1"), booked("B-2", "09:40", "粤B10002", "粤B••002", "", ""))
	r.known(today, 2)
	r.scan("front", "APPT-1", bench.AckGood)
	visit := r.visitOn(r.ticket())
	r.await("that the ticket is out is recorded", func() bool { return r.health().Paper == 0 })
	r.scan("front", "APPT-1", bench.AckGood) // again: the same visit
	r.ticket()
	desk := r.desk()
	r.post(desk, "/api/desk/close", map[string]any{"visit": visit, "outcome": "left"})
	r.scan("front", "APPT-1", bench.AckBad)
	r.shows("/", "This booking was used already")
	r.post(http.DefaultClient, "/api/kiosk/checkin", map[string]any{"plate": "粤B 10002"})
	r.post(desk, "/api/desk/checkin", map[string]any{"plate": "粤B10001"})
	var got []string
	for _, x := range of(r.rows(), "visit.checked_in") {
		e, err := kiosk.Decode(x.bytes)
		must(t, err)
		got = append(got, e.Data.(*kiosk.CheckedIn).Booking)
	}
	if fmt.Sprint(got) != "[B-1 B-2 ]" {
		t.Errorf("the check-ins carry the bookings %q", got)
	}
}

// Forged, foreign, old and other-day codes are told apart in words.
func TestSignedCodesAreToldApart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	key, other := []byte(storeKey), []byte("another store's key, quite as long")
	day := booked("", "09:30", "", "", "", "").At
	token := func(key []byte, visit string) string {
		s, err := ticket.Token{KeyID: ticket.KeyID(key), Visit: visit, Ticket: "A001", Day: "20260302"}.Sign(key)
		must(t, err)
		return s
	}
	pass := func(key []byte, id string, days int) string {
		s, err := kiosk.SignBooking(key, id, day.AddDate(0, 0, days))
		must(t, err)
		return s
	}
	visit := kiosk.MakeID(tag, 'B', day, 5)
	old := kiosk.MakeID(tag, 'B', day.AddDate(0, 0, -90), 5)
	for _, c := range []struct {
		name, text, says string
		ack              bench.Ack
	}{
		{"forged ticket", strings.Replace(token(key, visit), "A001", "A002", 1), "not printed here", bench.AckBad},
		{"foreign ticket", token(other, visit), "A ticket of another store", bench.AckBad},
		{"expired ticket", token(key, old), "This ticket has expired", bench.AckGood},
		{"ticket of another board of the store", token(key, visit), "your adviser knows you are here", bench.AckGood},
		{"forged booking", strings.Replace(pass(key, "B-1", 0), "B-1", "B-2", 1), "not issued here", bench.AckBad},
		{"foreign booking", pass(other, "B-1", 0), "A booking at another store", bench.AckBad},
		{"yesterday's booking", pass(key, "B-1", -1), "for another day", bench.AckBad},
		{"booking that was cancelled", pass(key, "B-1", 0), "was not found", bench.AckBad},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.scan("front", c.text, c.ack)
			r.shows("/", c.says)
		})
	}
	r.t = t
	if n := len(of(r.rows(), "visit.checked_in")); n != 0 {
		t.Errorf("%d visits were opened", n)
	}
}
