package kioskapp_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"baylight/device/bench"
	"baylight/kiosk"
)

// TestBrowser plays what people do in a real browser before a real kiosk: scans
// come through ptys, tickets come out of the printer's.
func TestBrowser(t *testing.T) {
	browser := chromium(t)
	for _, flow := range []struct {
		name string
		play func(*rig, context.Context)
	}{
		{"scan", scanFlow}, {"booked", bookedFlow}, {"walks away from the question", walkAwayFlow}, {"typed plate", typedFlow}, {"pick-up", pickupFlow}, {"languages and help", helpFlow},
		{"idle", idleFlow}, {"large print", largeFlow}, {"printer out", printerOut},
		{"without scripts", noScripts}, {"customer's bad inputs", customerBadInputs}, {"back, reload, double tap, second tab", impatient},
		{"desk", deskFlow}, {"desk's bad inputs", deskBadInputs}, {"session after restart", restartFlow}, {"deaf at first", deafFlow},
		{"bay", bayFlow}, {"board", boardFlow}, {"axe", axeFlow}, {"devices", devicesFlow}, {"support", supportFlow}, {"tickets", ticketFlow}, {"scan to screen", scanToScreen},
		{"sizes", sizesFlow}, {"a day", dayFlow},
	} {
		t.Run(flow.name, func(t *testing.T) {
			r := newRig(t)
			r.up()
			flow.play(r, browser)
		})
	}
}

// scanFlow: a customer scans the car's label, says what for and is done.
func scanFlow(r *rig, browser context.Context) {
	for i, size := range [][2]int64{portrait, landscape} {
		b := r.sit(browser, size)
		b.open("/?seen=" + strconv.Itoa(i)).listens() // as the customer before left it
		b.sees("请扫码登记", "Scan to check in", "呼叫工作人员")
		b.screen("start")
		b.scan("front", car(i+1), bench.AckGood)
		b.at("/ask")
		b.sees("这是您的车吗？", "车架号尾号 "+car(i + 1)[13:])
		b.screen("right car")
		if i == 0 { // who forgets what for is asked
			b.submit(`button[value="1"]`)
			b.sees("请先选择今天来做什么")
		}
		b.finger(`document.querySelector('label.tile-fault')`, 1)
		b.press("对，在店等候")
		b.at("/done")
		b.sees("您的号码", []string{"A001", "A002"}[i], "待服务顾问确认")
		b.screen("number")
		b.ticket()
		b.hides(car(i + 1))
		b.within("walk-in, a scanned label", 6, 60*time.Second)
		b.press("完成")
		b.sees("请扫码登记") // and not the question again
	}
}

// plate touches a plate on the screen's keyboard.
func (b *tab) plate(text string) {
	b.t.Helper()
	for _, c := range text {
		b.finger("Array.from(document.querySelectorAll('#keyboard button')).find((e) => e.textContent === "+quote(string(c))+")", 1)
	}
}

// typedFlow: a customer without a code chooses and types the plate.
func typedFlow(r *rig, browser context.Context) {
	for i, plate := range []string{"粤B12345", "沪AD12345"} {
		b := r.sit(browser, [][2]int64{portrait, landscape}[i])
		b.open("/")
		b.screen("start")
		b.press("保养")
		b.at("/checkin")
		b.screen("keyboard")
		b.plate(plate)
		b.screen("plate")
		b.press("在店等候")
		b.at("/done")
		b.sees([]string{"A001", "A002"}[i], string([]rune(plate)[:2])+"••")
		b.hides(plate)
		b.screen("number")
		b.ticket()
		b.screens = slices.Delete(b.screens, 2, 3) // the keyboard with its plate is one screen
		b.within("walk-in, a typed plate", 6, 60*time.Second)
	}
	rows := of(r.rows(), "visit.checked_in")
	if len(rows) != 2 {
		r.t.Errorf("check-ins in the journal: %d", len(rows))
	}
}

// pickupFlow: back for the car, with the ticket or the number.
func pickupFlow(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	r.scan("front", car(1), bench.AckGood)
	visit := r.visitOn(r.ticket())
	b.open("/pickup")
	b.sees("请扫描您的小票")
	b.screen("ask")
	r.scan("front", kiosk.MakeCode(kiosk.KindVisit, visit), bench.AckGood)
	b.at("/")
	b.sees("A001", "取车已通知服务顾问", "等待服务顾问")
	b.screen("stage")
	b.open("/pickup")
	b.fill("#ticket", "a001")
	b.press("我来取车")
	b.at("/done")
	b.sees("A001", "取车已通知服务顾问")
	if n := len(of(r.rows(), "pickup.requested")); n != 2 {
		r.t.Errorf("%d pick-ups in the journal, 2 were asked for", n)
	}
	desk := r.sit(browser, desktop).signIn()
	desk.sees("客户已来取车")
}

// helpFlow: another language, and a person from anywhere.
func helpFlow(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	b.open("/")
	b.press("English")
	b.sees("Scan to check in", "Call a person")
	b.press("Maintenance")
	b.at("/checkin")
	b.sees("Your number plate")
	b.shot("english")
	for i, path := range []string{"/", "/checkin?purpose=fault", "/pickup"} {
		b.open(path)
		b.press("呼叫工作人员")
		b.at("/done")
		b.sees("已呼叫帮助 · 接待台")
		if n := len(of(r.rows(), "help.called")); n != i+1 {
			r.t.Errorf("from %s: %d calls in the journal, want %d", path, n, i+1)
		}
	}
	b.shot("called")
	desk := r.sit(browser, desktop).signIn()
	desk.sees("接待台 呼叫帮助")
	desk.submit("form[action='/desk/clearhelp'] button")
	desk.is("!document.body.innerText.includes('呼叫帮助')")
}

// idleFlow: who walks away is asked once, and leaves nothing behind.
func idleFlow(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	b.standStill()
	b.open("/checkin?purpose=fault&lang=en")
	b.plate("粤B1")
	b.js("pass(44999)", nil)
	b.is("!document.querySelector('#still').open")
	b.js("pass(1)", nil)
	b.sees("Are you still there?", "15")
	b.shot("still there")
	b.js("pass(14000)", nil)
	b.press("Continue") // at the last second
	b.is("!document.querySelector('#still').open && document.querySelector('#plate').value === '粤B1'")
	b.js("pass(30000)", nil)
	b.plate("2") // each touch begins anew
	b.js("pass(44999)", nil)
	b.is("!document.querySelector('#still').open")
	b.js("pass(1)", nil)
	b.press("Continue") // a second time
	b.is("!document.querySelector('#still').open && document.querySelector('#plate').value === '粤B12'")
	b.plate("3")
	b.js("pass(60000)", nil)
	b.at("/")
	b.sees("请扫码登记") // in the store's own language
	b.do(chromedp.NavigateBack())
	b.at("/checkin")
	b.is("document.querySelector('#plate').value === ''")
}

// largeFlow: one touch, and it holds until the visit is done.
func largeFlow(r *rig, browser context.Context) {
	for i, size := range [][2]int64{portrait, landscape} {
		b := r.sit(browser, size)
		b.open("/")
		b.press("大字")
		b.is("document.documentElement.className === 'large'")
		b.shot("start")
		b.press("保养")
		b.at("/checkin")
		b.is("document.documentElement.className === 'large'")
		b.plate("粤B1234" + strconv.Itoa(i))
		b.shot("keyboard")
		var fits bool
		if b.js("document.documentElement.scrollHeight <= innerHeight", &fits); !fits {
			r.t.Errorf("at %v the keyboard does not fit in large print", size)
		}
		b.press("在店等候")
		b.at("/done")
		b.is("document.documentElement.className === 'large'")
		b.shot("number")
		b.press("English")
		b.sees("Your number")
		b.is("document.documentElement.className === 'large'")
		b.press("Done")
		b.at("/")
		b.sees("请扫码登记")
		b.is("document.documentElement.className === ''") // the next customer's
	}
}

// printerOut: the number is there, and nobody is sent to take a ticket.
func printerOut(r *rig, browser context.Context) {
	must(r.t, r.printer.Unplug())
	r.await("the printer is missed", func() bool { return len(r.health().down()) == 1 })
	b := r.sit(browser, portrait)
	b.open("/").listens()
	r.scan("front", car(1), bench.AckGood)
	b.finger(`document.querySelector('label.tile-fault')`, 1)
	b.press("对，在店等候")
	b.at("/done")
	b.sees("登记成功", "A001", "工作人员会把小票送给您")
	b.is("!document.body.innerText.includes('请取票')")
	b.shot("scanned")
	b.open("/checkin?purpose=fault")
	b.plate("粤B12345")
	b.press("在店等候")
	b.at("/done")
	b.sees("A002", "工作人员会把小票送给您")
	desk := r.sit(browser, desktop).signIn()
	desk.sees("待打印 2 张", "printer")
	desk.shot("desk")
	must(r.t, r.printer.Replug())
	r.ticket()
	r.ticket()
	desk.is("!document.body.innerText.includes('待打印')")
}

// noScripts: everything a customer needs works without JavaScript, also twice.
func noScripts(r *rig, browser context.Context) {
	b := r.sit(browser, landscape)
	b.scripts(false)
	b.open("/")
	b.press("故障")
	b.at("/checkin")
	b.do(chromedp.SendKeys("#plate", "粤b 12345", chromedp.ByQuery))
	b.do(chromedp.DoubleClick(`button[value="1"]`, chromedp.ByQuery))
	b.at("/done")
	b.sees("A001", "粤B••345")
	if n := len(of(r.rows(), "visit.checked_in")); n != 1 {
		r.t.Errorf("%d check-ins after a double tap without scripts", n)
	}
}

// customerBadInputs: whatever is typed, it stays text.
func customerBadInputs(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	for _, text := range []string{"<b>x</b>", `"><img src=x o=1>`, "=1+1", "粤B", "\x1b@1234", "{{.}}"} {
		b.open("/checkin?purpose=maintenance")
		b.js("document.querySelector('#plate').value = "+quote(text), nil)
		b.submit(`button[value="1"]`)
		b.at("/checkin")
		b.is("document.querySelector('.flash.is-bad') && document.querySelectorAll('main b:not(button b), img').length === 0")
	}
	b.shot("refused")
	for _, path := range []string{"/checkin?purpose=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", "/?lang=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/done?id=%3Cscript%3E"} {
		b.open(path)
		b.hides("<script>alert", "onerror=")
	}
	b.open("/")
	b.scan("front", `"><script>alert(1)</script>`, bench.AckBad)
	b.sees("不认识这个码，请扫预约码、车架号或小票")
	b.shot("unknown code")
	b.open("/pickup")
	b.fill("#ticket", "<i>A001</i>")
	b.submit("main form button.primary")
	b.sees("<i>A001</i>", "没有找到")
	if n := len(of(r.rows(), "visit.checked_in")); n != 0 {
		r.t.Errorf("%d check-ins from what is no plate", n)
	}
	// Blanks, full-width letters and a middle dot are what people type.
	b.open("/checkin?purpose=maintenance")
	b.js("document.querySelector('#plate').value = '粤 B·12345'", nil)
	b.submit(`button[value="1"]`)
	b.sees("A001", "粤B••345")
}

// impatient: back, reload, a double tap and a second tab make one visit.
func impatient(r *rig, browser context.Context) {
	b := r.sit(browser, portrait)
	b.open("/")
	b.press("保养")
	b.at("/checkin")
	other := b.beside()
	other.open("/checkin?purpose=maintenance")
	b.plate("粤B12345")
	b.finger(`document.querySelector('button[value="1"]')`, 2)
	b.at("/done")
	b.sees("A001")
	b.do(chromedp.Reload())
	b.sees("A001")
	b.do(chromedp.NavigateBack())
	b.at("/checkin")
	b.is("document.querySelector('#plate').value === ''") // nothing of the one before
	b.plate("粤B67890")
	b.press("先离店")
	b.at("/done")
	b.sees("A002")
	other.plate("粤B12345") // the same car again, on a page that stood open
	other.press("在店等候")
	other.at("/done")
	other.sees("A001", "您已登记")
	if n := len(of(r.rows(), "visit.checked_in")); n != 2 {
		r.t.Errorf("%d check-ins of two cars", n)
	}
	res, err := http.Get("http://" + r.http + "/done?id=forged.0000")
	must(r.t, err)
	check(r.t, res.Body.Close())
	if res.Request.URL.Path != "/" {
		r.t.Errorf("a forged answer leads to %s", res.Request.URL)
	}
}
