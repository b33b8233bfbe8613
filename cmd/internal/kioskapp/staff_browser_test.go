package kioskapp_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"

	"baylight/device/bench"
	"baylight/device/printer/paper"
	"baylight/kiosk"
)

// deskFlow: one visit from arrival to delivery, by the adviser.
func deskFlow(r *rig, browser context.Context) {
	b := r.sit(browser, desktop).signIn()
	b.sees("到店待接", "车间", "待交车")
	b.shot("empty")
	b.js("window.same = 1", nil)
	r.scan("front", car(1), bench.AckGood)
	b.sees("A001")
	b.is("window.same === 1") // without loading the page again
	visit := r.visitOn(r.ticket())
	b.shot("arrival")
	b.sees("VIN …" + car(1)[11:])
	b.submit("#columns form[action='/desk/accept'] button") // one touch
	b.at("/desk/visit/" + visit)
	b.sees("已接待 A001", "王顾问")
	b.open("/desk")
	b.is("!document.querySelector('#columns form')")
	b.fill("[name=q]", car(1)[13:]) // the end of its VIN
	b.submit("form[role=search] button")
	b.at("/desk/visit/" + visit)
	b.tap("[name=item][value=M10]")
	b.is("document.querySelector('[name=promise]').value === '2026-03-02T09:45'") // 40 minutes from a little past nine, rounded up
	b.choose("[name=promise]", "2026-03-02T11:30")
	b.shot("sign")
	b.submit("#sign button.primary")
	b.sees("已开单 A001", "10000公里保养", "11:30")
	r.ticket() // job card
	r.ticket() // promise slip
	b.press("修改约定交车时间")
	b.choose("form[action='/desk/revise'] [name=promise]", "2026-03-02T12:15")
	b.choose("form[action='/desk/revise'] [name=reason]", "parts")
	b.submit("form[action='/desk/revise'] button")
	b.sees("12:15")
	r.ticket()
	b.shot("revised")
	b.submit("form[action='/desk/call'] button")
	b.sees("已请 A001 到")
	b.submit("form[action='/desk/deliver'] button")
	b.sees("已交车 A001")
	r.ticket()
	b.do(chromedp.Reload())
	b.sees("已交车 A001")
	b.shot("delivered")
	for typ, want := range map[string]int{"visit.accepted": 1, "order.signed": 1, "promise.revised": 1, "visit.called": 1, "visit.delivered": 1} {
		if n := len(of(r.rows(), typ)); n != want {
			r.t.Errorf("%d %s in the journal, want %d", n, typ, want)
		}
	}
}

// deskBadInputs: what staff type stays text, and a PIN is not guessed.
func deskBadInputs(r *rig, browser context.Context) {
	b := r.sit(browser, desktop).signIn()
	const evil = `<script>alert(1)</script>=HYPERLINK("x")`
	b.press("人工登记进站")
	for _, field := range []string{"plate", "vin", "name"} {
		b.fill("form[action='/desk/checkin'] [name="+field+"]", evil)
	}
	b.submit("form[action='/desk/checkin'] button")
	b.is("document.querySelector('.flash.is-bad') && !document.querySelector('main script')")
	b.fill("form[action='/desk/checkin'] [name=plate]", "粤B12345")
	b.fill("form[action='/desk/checkin'] [name=vin]", "")
	b.submit("form[action='/desk/checkin'] button")
	b.sees("登记成功")
	b.fill("[name=q]", evil[:40])
	b.do(chromedp.Submit("form[role=search]", chromedp.ByQuery))
	b.sees("没有符合", "<script>")
	stranger := r.sit(browser, desktop)
	stranger.open("/sign-in")
	for range 6 {
		stranger.fill("#who", "a01")
		stranger.fill("#pin", "0000")
		stranger.submit("form.card button")
	}
	stranger.sees("尝试次数过多")
	stranger.shot("locked")
}

// restartFlow: a page of an earlier run of the kiosk, and its session.
func restartFlow(r *rig, browser context.Context) {
	b := r.sit(browser, desktop).signIn()
	customer := r.sit(browser, portrait)
	customer.open("/checkin?purpose=fault")
	must(r.t, r.stop())
	r.up()
	b.open("/desk")
	b.at("/sign-in")
	// The customer's page has loaded itself again; its form works.
	customer.is("performance.getEntriesByType('navigation')[0].type === 'reload'")
	customer.plate("粤B12345")
	customer.press("在店等候")
	customer.at("/done")
	customer.sees("A001")
}

// deafFlow: the kiosk ended before a customer's page had what listens to it. The
// page hears of the next scan all the same.
func deafFlow(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	b.before(`{ const Real = window.SharedWorker; let n = 0;
			window.SharedWorker = class { constructor(url) { window.tried = ++n; return new Real(n === 1 ? "/static/absent.js" : url); } }; }`)
	b.open("/").listens()
	b.is("window.tried === 2")
	r.scan("front", car(1), bench.AckGood)
	b.at("/ask")
}

// bayFlow: what a scan did is told beside the lamp, and goes by itself.
func bayFlow(r *rig, browser context.Context) {
	b := r.sit(browser, landscape)
	b.open("/bay/b1")
	b.sees("空闲", "白灯")
	b.shot("free")
	b.js("window.same = 1", nil)
	r.scan("s1", "nonsense", bench.AckBad)
	b.sees("不认识这个码")
	b.shot("unknown code")
	r.scan("s1", badge, bench.AckGood)
	b.sees("您好 李师傅")
	r.scan("front", car(1), bench.AckGood)
	visit := r.visitOn(r.ticket())
	r.scan("s1", kiosk.MakeCode(kiosk.KindVisit, visit), bench.AckGood)
	b.sees("A001", "李师傅", "施工中")
	b.shot("working")
	b.is("!document.querySelector('.answer')")
	b.is("window.same === 1")
	b.shot("after 5 s")
	b.hides(car(1))
}

// boardFlow: the waiting room.
func boardFlow(r *rig, browser context.Context) {
	b := r.sit(browser, tv)
	b.before(`window.told = []; window.speechSynthesis.speak = (u) => told.push(u.lang + ": " + u.text);
		window.AudioContext = class extends EventTarget { state = "running"; currentTime = 0;
			createOscillator() { told.push("chime"); return { frequency: {}, connect: (v) => v, start() {}, stop() {} }; }
			createGain() { return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect: (v) => v }; } };`)
	b.standStill()
	b.open("/board")
	b.sees("暂无车辆")
	b.js("window.same = 1", nil)
	r.scan("front", car(1), bench.AckGood)
	b.sees("A001", "等待服务顾问")
	visit := r.visitOn(r.ticket())
	desk := r.desk()
	r.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	r.post(desk, "/api/desk/sign", map[string]any{"visit": visit, "item": []string{"M10"}, "promise": "2026-03-02T11:30:00+08:00"})
	b.sees("11:30")
	r.post(desk, "/api/desk/call", map[string]any{"visit": visit, "place": "desk"})
	b.is("!document.querySelector('#announce').hidden")
	b.sees("A001", "服务顾问台", "Service desk")
	b.is(`told.join("; ") === "chime; chime; zh-CN: 请 A 0 0 1 号到服务顾问台; en: Number A 0 0 1, please come to Service desk"`)
	b.shot("announced")
	b.js("pass(8000)", nil)
	b.is("document.querySelector('#announce').hidden && document.querySelector('.called').innerText.includes('A001')")
	b.is("window.same === 1")
	b.shot("called")
	// An hour in which a hundred cars come: pages turn, and nobody is left out.
	for i := range 99 {
		r.post(http.DefaultClient, "/api/kiosk/checkin", map[string]any{"plate": fmt.Sprintf("粤B%05d", i), "purpose": "maintenance"})
	}
	b.is("document.querySelectorAll('.line').length === 100")
	b.is("document.documentElement.scrollHeight <= innerHeight && document.querySelector('#page').textContent.startsWith('1 / ')")
	b.shot("hundred")
	var seen []string
	var all float64
	b.js("Number(document.querySelector('#page').textContent.split(' / ')[1])", &all)
	for range int(all) {
		var numbers []string
		b.js(`Array.from(document.querySelectorAll('.line:not([hidden]) b')).filter((n) => n.getBoundingClientRect().bottom <= document.querySelector('.legend').getBoundingClientRect().top).map((n) => n.textContent)`, &numbers)
		seen = append(seen, numbers...)
		b.js("turn++; pages()", nil)
	}
	slices.Sort(seen)
	if seen = slices.Compact(seen); len(seen) != 100 || all > 4 {
		r.t.Errorf("%d numbers of 100 could be read on %v pages", len(seen), all)
	}
	r.t.Logf("100 visits take %v pages", all)
	b.hides(visit, "王顾问", car(1), "粤B")
}

// devicesFlow: who is signed in tries each kind of device; others only look.
func devicesFlow(r *rig, browser context.Context) {
	r.sit(browser, desktop).open("/devices").is("document.body.innerText.includes('printer') && !document.querySelector('form[action=\"/devices/test\"]')")
	b := r.sit(browser, desktop).signIn()
	b.open("/devices")
	b.shot("before")
	test := func(device string) {
		b.submit("form[action='/devices/test']:has([value='" + device + "']) button")
	}
	test("printer")
	b.sees("测试页已送出")
	if text, err := paper.PlainText(r.ticket()); err != nil || !strings.Contains(text, "sh-test") {
		r.t.Errorf("%v; the test page says %q", err, text)
	}
	test("lamp b2")
	b.sees("lamp b2：白、绿、黄、红、蓝已依次点亮")
	for _, pin := range []string{"P6", "P7", "P8", "P9"} {
		if len(r.changes(pin)) < 2 {
			r.t.Errorf("pin %s was not lit and dark again: %v", pin, r.changes(pin))
		}
	}
	if levels := r.pins.Levels(); !levels["P5"] || levels["P8"] {
		r.t.Errorf("after the test the lamp does not follow its bay: %v", levels)
	}
	test("front")
	b.sees("30 秒内扫任意一码")
	<-r.scanners["front"].Acks() // that it was asked
	r.send("front", []byte(car(1)+"\r"), bench.AckGood)
	b.sees("17 B", car(1)[:4]+"…")
	b.hides(car(1))
	b.shot("tried")
	if n := len(of(r.rows(), "visit.checked_in")); n != 0 {
		r.t.Errorf("an echo made %d check-ins", n)
	}
	r.scan("front", car(1), bench.AckGood) // the next one counts
	if n := len(of(r.rows(), "visit.checked_in")); n != 1 {
		r.t.Errorf("after an echo a scan made %d check-ins", n)
	}
	r.ticket()
	must(r.t, r.printer.Unplug())
	r.await("the printer is missed", func() bool { return len(r.health().down()) == 1 })
	b.sees("断开") // the table has moved
	test("printer")
	b.sees("printer 测试失败")
	must(r.t, r.printer.Replug())
}

// ticketFlow: the QR code of a real ticket, and what somebody made of it.
func ticketFlow(r *rig, browser context.Context) {
	r.scan("front", car(1), bench.AckGood)
	ops, err := paper.Parse(r.ticket())
	must(r.t, err)
	var qr string
	for _, op := range ops {
		if op.Kind == paper.QRStore {
			qr = string(op.Data)
		}
	}
	b := r.sit(browser, desktop).signIn()
	find := func(text string) {
		b.fill("[name=q]", text)
		b.submit("form[role=search] button")
	}
	find(qr)
	b.sees("真票：A001", "等待服务顾问")
	b.shot("genuine")
	find(strings.Replace(qr, "A001", "A002", 1))
	b.sees("伪造的小票")
	b.shot("forged")
	find("BL1.ffffffff" + qr[12:])
	b.sees("不是本店的小票")
	r.scan("front", qr, bench.AckGood) // at the kiosk the genuine one asks for the car
	if n := len(of(r.rows(), "pickup.requested")); n != 1 {
		r.t.Errorf("the ticket's QR code made %d pick-ups", n)
	}
	r.scan("front", strings.Replace(qr, "A001", "A002", 1), bench.AckBad)
}
