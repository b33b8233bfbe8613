package dashboard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"baylight/kiosk"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/backoffice/outlook"
)

const axe = "../../../kiosk/screen/axe/node_modules/axe-core/axe.min.js"

// tab is what a manager sits in front of. Whatever it asks of another host and
// whatever its console complains of fails the test.
type tab struct {
	*testing.T
	ctx  context.Context
	base string
}

// patience bounds one look at a page.
const patience = time.Minute

func (s *site) tab() tab {
	s.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const missing = "no chromium: the pages are not looked at. Install with: apt-get install -y chromium fonts-noto-cjk"
		if os.Getenv("CI") != "" {
			s.Fatal(missing)
		}
		s.Skip(missing)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(s.TempDir()),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "zh-CN"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	s.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	s.Cleanup(cancel)
	t := tab{s.T, ctx, s.server.URL}
	if err := chromedp.Run(ctx); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the browser has ended
	chromedp.ListenTarget(ctx, t.heard)
	return t
}

func (t tab) heard(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, t.base+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			t.Errorf("a page asks for %.200s", e.Request.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork { // pages of mistakes are 4xx by right
			t.Errorf("the console says: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		t.Errorf("a script failed: %s", e.ExceptionDetails.Error())
	}
}

func (t tab) do(actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func (t tab) open(path string) {
	t.Helper()
	t.do(chromedp.Navigate(t.base + path))
}

// is waits until an expression is true in the page. Asking fails while one page
// follows another; then it asks again.
func (t tab) is(expression string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		var ok bool
		ctx, cancel := context.WithTimeout(t.ctx, patience/8) // an answer may go down with the page that was asked
		err := chromedp.Run(ctx, chromedp.Evaluate("!!("+expression+")", &ok))
		cancel()
		if ok && err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not within %s: %s (%v)", patience, expression, err)
		}
	}
}

func (t tab) says(js string) (out string) {
	t.Helper()
	t.do(chromedp.Evaluate(js, &out))
	return out
}

// shot keeps the picture of a whole page if BAYLIGHT_SHOTS names a folder.
func (t tab) shot(name string) {
	t.Helper()
	dir := os.Getenv("BAYLIGHT_SHOTS")
	if dir == "" {
		return
	}
	var b []byte
	t.do(chromedp.FullScreenshot(&b, 100))
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644)); err != nil {
		t.Error(err)
	}
}

// manager signs in on the page for it.
func (t tab) manager() {
	t.Helper()
	t.do(chromedp.EmulateViewport(1280, 800))
	t.open("/signin")
	t.do(chromedp.SendKeys("[name=who]", "m1"), chromedp.SendKeys("[name=pin]", pin), chromedp.Click("main button"))
	t.is(`location.pathname === "/" && document.readyState === "complete"`)
}

// morning is the worked example with what a worklist is for besides.
func morning(t *testing.T) *site {
	t.Helper()
	trail := audit.New(memledger.New("trail"), "", nil)
	kept := &books{}
	people := rosterOf(t, crew(t))
	share := func(f float64) *float64 { return &f }
	learnt := outlook.Calibration{From: clock(t, "08:00").AddDate(0, -1, 0), To: clock(t, "08:00"), Orders: 80, Samples: 400, Late: 0.2, Brier: 0.11, Base: 0.16,
		Deciles: []outlook.Decile{{N: 300, Guessed: share(0.04), Observed: share(0.05)}, {}, {N: 60, Guessed: share(0.25), Observed: share(0.3)}, {}, {}, {}, {}, {N: 40, Guessed: share(0.74), Observed: share(0.8)}, {}, {}}}
	s := newDesk(t, dashboard.Config{Audit: trail, Bookings: func(string) dashboard.Importer { return kept }, Staff: func(string) dashboard.Roster { return people },
		Outlook: func(string) (outlook.Report, error) {
			return outlook.Report{Estimating: true, Calibration: &learnt}, nil
		}})
	due := clock(t, "17:20")
	s.at("16:41", &kiosk.CheckedIn{Visit: "VA", Ticket: "A020", Vehicle: "car1", Purpose: "fault", Waiting: true})
	s.at("16:42", &kiosk.Accepted{Visit: "VA", Adviser: "a1"})
	s.at("16:43", &kiosk.Signed{Visit: "VA", Order: "WA", Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "W1", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 90}}})
	s.at("16:44", &kiosk.Started{Job: kiosk.Job{Visit: "VA", Bay: "b1", Technician: "t1"}, Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.WrongBay}}})
	s.at("16:46", &kiosk.CheckedIn{Visit: "VB", Ticket: "A021", Purpose: "maintenance"})
	s.at("16:47", &kiosk.HelpCalled{Bay: "b3"})
	return s
}

// aimed is a morning of a store with targets, criteria, teams and a rework.
func aimed(t *testing.T) *site {
	t.Helper()
	s := ambitious(t, morning(t))
	return s
}

// pagesToSee are all pages that a manager has.
func pagesToSee() []string {
	return []string{"/", "/?lang=en", "/kpi?from=2026-11-01&until=2026-11-30", "/kpi?from=2026-11-03&by=adviser&lang=en", "/kpi?from=2026-02-29", "/kpi/on_time?from=2026-11-01&until=2026-11-14",
		"/kpi/turnaround?from=2026-11-03&by=category", "/orders?from=2026-11-03", "/orders/V9", "/orders/VA", "/orders/nothing", "/worklist", "/kiosks", "/bookings", "/staff", "/audit", "/kpi/risk", "/kpi/appraisal?month=2026-11", "/kpi/appraisal?by=technician&lang=en",
		"/kpi/reworks?from=2026-11-01&until=2026-11-30", "/kpi?from=2026-11-01&until=2026-11-30&by=team", "/report?month=2026-11", "/kpi/targets", "/?adviser=a1"}
}

// TestAccessible lets axe-core judge every page (WCAG 2.2 A and AA, and its
// advice) at the width of a desk (1366) and of a telephone (390); none of them is wider than
// the screen.
func TestAccessible(t *testing.T) {
	judge, err := os.ReadFile(axe)
	if err != nil {
		const how = "no axe-core: the pages are not judged. Install with: npm install --prefix kiosk/screen/axe"
		if os.Getenv("CI") != "" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	s := aimed(t)
	b := s.tab()
	b.manager()
	for _, width := range []int64{1366, 390} {
		b.do(chromedp.EmulateViewport(width, 844))
		for i, path := range pagesToSee() {
			b.open(path)
			b.do(chromedp.Evaluate(`document.querySelectorAll("main details").forEach((d) => { d.open = true; })`, nil))
			b.judged(string(judge), fmt.Sprintf("%s at %d", path, width))
			var wide int
			b.do(chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide))
			if wide > int(width) {
				t.Errorf("%s is %d wide on a screen of %d: %s", path, wide, width, b.says(fmt.Sprintf(
					`[...document.querySelectorAll("main *")].filter((e) => !e.closest(".scroll,pre") && e.getBoundingClientRect().right > %d + 1).slice(0, 3).map((e) => e.outerHTML.slice(0, 100)).join(" ; ")`, width)))
			}
			b.do(chromedp.Evaluate(`document.querySelectorAll("main details").forEach((d) => { d.open = false; })`, nil))
			if narrow := b.says(`[...document.querySelectorAll("main .scroll > table")].filter((t) => t.getClientRects().length && t.offsetWidth < t.parentElement.clientWidth - 2).map((t) => t.parentElement.ariaLabel).join()`); narrow != "" {
				t.Errorf("%s at %d: tables that do not fill their card: %s", path, width, narrow)
			}
			b.shot(fmt.Sprintf("%d-%02d", width, i))
		}
	}
}

// judged fails with what axe-core finds on the page.
func (t tab) judged(axe, path string) {
	t.Helper()
	var found []string
	t.do(chromedp.Evaluate(axe+"; null", nil), chromedp.Evaluate(
		`axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.help + "\n    " + v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160) + " " + n.failureSummary.split("\n").slice(1).join(" ")).join("\n    ")))`,
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if len(found) > 0 {
		t.Errorf("%s: %d violations\n  %s", path, len(found), strings.Join(found, "\n  "))
	}
}

// TestByHand does what a manager does: from the rate down to the scan that
// decides it, a correction with its confirmation, and the rate again, which the
// board shows without being loaded again.
func TestByHand(t *testing.T) {
	s := morning(t)
	b := s.tab()
	b.manager()
	b.is(`document.querySelector(".tile b").innerText === "63.6%"`)
	b.open("/kpi/on_time?from=2026-11-03")
	b.is(`document.querySelector(".u-wrap canvas")`)
	b.do(chromedp.Click(`.made a`))
	b.is(`location.pathname === "/orders" && document.querySelectorAll("tbody tr").length === 7`)
	b.do(chromedp.Click(`tbody tr:first-child a`))
	b.is(`location.pathname === "/orders/V0" && document.body.innerText.includes("V0A713K8QZ25")`)
	pass := s.idOf("V0", "inspection.passed")
	row := `[id="e-` + pass + `"] `
	b.do(chromedp.Click(row+".a summary"), chromedp.SendKeys(row+"[name=reason]", "扫错了车"), chromedp.Click(row+"button.quiet"))
	b.is(`document.querySelector("[name=sure]") && document.body.innerText.includes("扫错了车")`)
	b.shot("sure")
	b.do(chromedp.Evaluate(`document.querySelector("form.put button").click()`, nil))
	b.is(`document.body.innerText.includes("已记录") && document.body.innerText.includes("已作废")`)
	b.shot("corrected")
	b.open("/")
	b.is(`document.querySelector(".tile b").innerText === "54.5%"`)
	b.do(chromedp.Evaluate(`window.same = true`, nil))
	s.at("16:52", &kiosk.Passed{Visit: "VA", Inspector: "q1"})
	if _, err := s.office.Record(t.Context(), store, &kiosk.ReworkConfirmed{Visit: "VA", Earlier: "V1", Items: []string{"W1"}, Meta: kiosk.Meta{By: "m1", Reason: "x"}}); err != nil {
		t.Fatal(err)
	}
	b.is(`window.same && document.querySelector(".tile b").innerText === "63.6%"`)
}

// TestWithoutScripts: every page says the same without JavaScript, and forms work.
func TestWithoutScripts(t *testing.T) {
	s := morning(t)
	b := s.tab()
	b.do(emulation.SetScriptExecutionDisabled(true))
	b.do(chromedp.EmulateViewport(1280, 800))
	b.open("/signin")
	b.do(chromedp.SendKeys("[name=who]", "m1"), chromedp.SendKeys("[name=pin]", pin), chromedp.Click("main button", chromedp.NodeVisible))
	b.do(chromedp.WaitVisible(".tile"))
	b.open("/kpi?from=2026-11-01&until=2026-11-07")
	var bars []byte
	b.do(chromedp.WaitVisible(".chart svg .col"), chromedp.Screenshot(".charts", &bars))
	if len(bars) < 2000 {
		t.Errorf("the picture of the bars has %d bytes", len(bars))
	}
	b.shot("noscript")
}

var pdfPages = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// TestPrintsOnA4: the report of a month of eleven technicians in seven bays fits
// one sheet, upright, without the pages' own furniture.
func TestPrintsOnA4(t *testing.T) {
	s := aimed(t)
	for i := range 9 {
		job := kiosk.Job{Visit: "VA", Bay: fmt.Sprintf("b%d", i%7+1), Technician: fmt.Sprintf("t%d", i+3)}
		s.at(fmt.Sprintf("17:%02d", 10+2*i), &kiosk.Started{Job: job})
		s.at(fmt.Sprintf("17:%02d", 11+2*i), &kiosk.Finished{Job: job})
	}
	s.now = clock(t, "17:40")
	b := s.tab()
	b.manager()
	b.open("/report?month=2026-11")
	var pdf []byte
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).WithPrintBackground(true).Do(ctx)
		return err
	}))
	if n := len(pdfPages.FindAll(pdf, -1)); n != 1 {
		t.Errorf("the report has %d sheets", n)
	}
	if m := regexp.MustCompile(`/MediaBox\s*\[0 0 ([0-9.]+) ([0-9.]+)\]`).FindSubmatch(pdf); m == nil || !strings.HasPrefix(string(m[1]), "59") || !strings.HasPrefix(string(m[2]), "84") {
		t.Errorf("the sheet is %s", m)
	}
	// As paper shows it, at 96 dots an inch less the margins.
	b.do(emulation.SetEmulatedMedia().WithMedia("print"), chromedp.EmulateViewport(703, 1020))
	var seen string
	b.do(chromedp.Evaluate(`[...document.querySelectorAll("nav, .noprint, form")].filter((e) => e.getClientRects().length).map((e) => e.tagName).join()`, &seen))
	if seen != "" {
		t.Errorf("on paper stand %s", seen)
	}
	var shot []byte
	b.do(chromedp.FullScreenshot(&shot, 100))
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil || picture.Bounds().Dx() > 704 {
		t.Errorf("on paper the report is %v wide (%v)", picture.Bounds(), err)
	}
	b.shot("paper")
	if dir := os.Getenv("BAYLIGHT_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "paper.pdf"), pdf, 0o644); err != nil {
			t.Error(err)
		}
	}
}
