package kioskapp_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/sync/wire"
)

// bookings publishes what the store expects on a day, as the back office does.
func (r *rig) bookings(l *listener, day string, all ...wire.Booking) {
	r.t.Helper()
	b, err := wire.Bookings{Day: day, Bookings: all}.Encode()
	must(r.t, err)
	l.publish(r.t, "baylight/v1/"+store+"/bookings/"+day, b)
}

// publish sends a retained message and waits until the broker has it.
func (l *listener) publish(t *testing.T, topic string, payload []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, l.link.Publish(topic, wire.QoS, true, payload).Wait(ctx))
}

// today is the day on which the rig's clock stands.
const today = "2026-03-02"

// booked is a booking at a time of today by plate, VIN and the customer's code.
func booked(id, at, plate, masked, vin, code string) wire.Booking {
	key := []byte(storeKey)
	t, err := time.ParseInLocation("2006-01-02 15:04", today+" "+at, time.FixedZone("CST", 8*3600))
	if err != nil {
		panic(err) // of this file's own constants
	}
	b := wire.Booking{ID: id, At: t, Plate: masked, PlateKey: kiosk.BookedPlate(key, plate), Purpose: "maintenance"}
	if vin != "" {
		b.Vehicle = kiosk.Keyed(key, vin)
	}
	if code != "" {
		b.CodeKey = kiosk.BookedCode(key, code)
	}
	return b
}

// known waits until the kiosk keeps a day's bookings on its disk.
func (r *rig) known(day string, n int) {
	r.t.Helper()
	r.await(fmt.Sprintf("%d bookings of %s", n, day), func() bool { return len(r.keptBookings(day)) == n })
}

// bookedFlow: a customer with a booking, by its code, its plate and its VIN, with
// the network gone and the kiosk started anew.
func bookedFlow(r *rig, browser context.Context) {
	l := listen(r.t)
	r.gate.open(l.broker.Addr())
	r.bookings(l, today,
		booked("B-1", "09:30", "粤B10001", "粤B••001", car(1), "APPT-8813"),
		booked("B-2", "10:00", "粤B10002", "粤B••002", car(2), ""),
		booked("B-3", "10:30", "沪AD12345", "沪A•••345", "", ""))
	r.known(today, 3)
	must(r.t, r.stop())
	r.gate.shut()
	r.up()

	pass, err := kiosk.SignBooking([]byte(storeKey), "B-2", time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	must(r.t, err)
	for i, c := range []struct{ flow, code, sees string }{
		{"booked, the dealer's code", "APPT-8813", "粤B••001 09:30"},
		{"booked, our own QR code", pass, "粤B••002 10:00"},
	} {
		b := r.sit(browser, [][2]int64{portrait, landscape}[i])
		b.open("/?seen=" + fmt.Sprint(i)).listens()
		b.screen("start")
		b.scan("front", c.code, bench.AckGood)
		b.at("/ask")
		b.sees("这是您的预约吗？", c.sees)
		b.is("document.querySelector('[name=purpose]:checked').value === 'maintenance'")
		b.screen("right booking")
		b.press("对，在店等候")
		b.at("/done")
		b.sees(fmt.Sprintf("A%03d", i+1), c.sees[:len("粤B••001")])
		b.screen("number")
		b.ticket()
		b.hides(car(i+1), "1000"+fmt.Sprint(i+1))
		b.within(c.flow, 4, 30*time.Second)
	}
	b := r.sit(browser, portrait)
	b.open("/?seen=2")
	b.screen("start")
	b.press("保养")
	b.at("/checkin")
	b.plate("沪AD12345")
	b.screen("plate")
	b.press("在店等候")
	b.sees("这是您的预约吗？", "沪A•••345 10:30", "对，登记", "不是我的预约")
	b.hides("D12345</")
	b.screen("right booking")
	b.press("对，登记")
	b.at("/done")
	b.sees("A003")
	b.screen("number")
	b.within("booked, a typed plate", 4, 30*time.Second)

	var ids []string
	for _, x := range of(r.rows(), "visit.checked_in") {
		e, err := kiosk.Decode(x.bytes)
		must(r.t, err)
		ids = append(ids, e.Data.(*kiosk.CheckedIn).Booking)
	}
	if !slices.Equal(ids, []string{"B-1", "B-2", "B-3"}) {
		r.t.Errorf("the check-ins carry the bookings %q", ids)
	}
	r.sound("10001", "10002", "12345", "APPT", car(1), car(2))
}

// listens waits until the kiosk knows that somebody may stand before this page.
func (b *tab) listens() *tab {
	b.t.Helper()
	b.is("document.body.dataset.listens")
	return b
}

// walkAwayFlow: somebody scans and leaves, says no, or is followed by the next.
func walkAwayFlow(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	b.standStill()
	b.open("/").listens()
	b.sees("请扫码登记")
	r.scan("front", car(1), bench.AckGood)
	b.at("/ask")
	b.press("不对，重新开始")
	b.at("/")
	b.listens().sees("请扫码登记")
	r.scan("front", car(2), bench.AckGood)
	b.at("/ask")
	b.listens()
	r.scan("front", car(3), bench.AckGood) // the next one does not wait
	b.sees("车架号尾号 " + car(3)[13:])
	b.hides(car(2)[13:] + "<")
	b.finger(`document.querySelector('label.tile-accident')`, 1)
	b.finger(`document.querySelector('button[value="0"]')`, 2)
	b.at("/done")
	b.sees("A001")
	b.do(chromedp.NavigateBack())
	b.is("location.pathname !== '/done'") // the question was answered: it is not there again
	b.open("/").listens()
	b.sees("请扫码登记")
	r.scan("front", car(4), bench.AckGood)
	b.at("/ask")
	b.js("pass(45000)", nil)
	b.sees("您还在吗？")
	b.js("pass(15000)", nil)
	b.at("/")
	b.listens()
	if n := len(of(r.rows(), "visit.checked_in")); n != 1 {
		r.t.Errorf("%d check-ins, one customer said yes", n)
	}
	if n := len(of(r.rows(), "vehicle.presented")); n != 4 {
		r.t.Errorf("%d cars were shown, 4 were scanned", n)
	}
	r.scan("front", car(1), bench.AckGood)
	b.at("/ask")
	must(r.t, r.stop())
	r.up()
	b.finger(`document.querySelector('label.tile-fault')`, 1)
	b.press("对，在店等候") // on the page of the daemon that is no more
	b.sees("页面已过期")
	if n := len(of(r.rows(), "visit.checked_in")); n != 1 {
		r.t.Errorf("%d check-ins after an answer to a question of before the restart", n)
	}
}

// scanToScreen measures how long after the scan's answer (that is, after the
// durable commit) the next screen is painted.
func scanToScreen(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	b.before(`addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => { window.painted = Date.now(); })));`)
	b.open("/").listens()
	b.sees("请扫码登记")
	var late []time.Duration
	for i := range 50 {
		r.scan("front", car(i+1), bench.AckGood)
		heard := time.Now()
		b.is(fmt.Sprintf("window.painted && document.body.innerText.includes(%q)", car(i + 1)[13:]))
		var ms float64
		b.js("window.painted", &ms)
		late = append(late, time.UnixMilli(int64(ms)).Sub(heard))
	}
	slices.Sort(late)
	r.t.Logf("from the scanner's beep to the painted question: median %v, worst %v of %d; a kiosk should need 100 ms at most", late[25], late[49], len(late))
	if late[25] > 10*time.Second || late[25] < -time.Second {
		r.t.Errorf("the median is %v: that is no measurement", late[25])
	}
}
