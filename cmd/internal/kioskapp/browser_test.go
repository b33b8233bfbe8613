package kioskapp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// chromium starts the browser that all flows share; each tab keeps its cookies
// to itself. Without chromium the test is skipped, in CI it fails.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const missing = "no chromium: the pages are not looked at. Install with: apt-get install -y chromium fonts-noto-cjk"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "disable-background-timer-throttling", "disable-renderer-backgrounding", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {})) // it names events younger than itself; what fails, fails do
	t.Cleanup(cancel)
	must(t, chromedp.Run(ctx))
	t.Cleanup(func() { check(t, chromedp.Cancel(ctx)) }) // waits until the browser has ended
	return ctx
}

// The screens that pages are made for.
var (
	portrait  = [2]int64{1080, 1920}
	landscape = [2]int64{1280, 800}
	desktop   = [2]int64{1440, 900}
	tv        = [2]int64{1920, 1080}
)

// tab is what somebody sits or stands in front of. Whatever it asks of another
// host, whatever its console complains of, and any dialog fails the test.
type tab struct {
	*rig
	browser context.Context
	cookies cdp.BrowserContextID
	ctx     context.Context
	size    [2]int64
	begun   time.Time
	screens []string // seen by a customer
	touches int

	mu    sync.Mutex
	bytes float64 // come over the wire
}

// sit opens a window with cookies of its own.
func (r *rig) sit(browser context.Context, size [2]int64) *tab {
	r.t.Helper()
	c := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	cookies, err := target.CreateBrowserContext().Do(c)
	must(r.t, err)
	window, err := target.CreateTarget("about:blank").WithBrowserContextID(cookies).WithNewWindow(true).Do(c)
	must(r.t, err)
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithTargetID(window))
	r.t.Cleanup(func() {
		cancel()
		check(r.t, target.DisposeBrowserContext(cookies).Do(c))
	})
	return (&tab{rig: r, browser: browser, cookies: cookies, ctx: ctx, size: size}).ready()
}

// beside is a second tab of the same window, with the same cookies.
func (b *tab) beside() *tab {
	b.t.Helper()
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(b.cookies).Do(cdp.WithExecutor(b.browser, chromedp.FromContext(b.browser).Browser))
	must(b.t, err)
	ctx, cancel := chromedp.NewContext(b.browser, chromedp.WithTargetID(id))
	b.t.Cleanup(cancel)
	return (&tab{rig: b.rig, browser: b.browser, cookies: b.cookies, ctx: ctx, size: b.size}).ready()
}

func (b *tab) ready() *tab {
	b.t.Helper()
	must(b.t, chromedp.Run(b.ctx)) // attaches; what it starts has to outlive each call of do
	chromedp.ListenTarget(b.ctx, b.heard)
	b.do(chromedp.EmulateViewport(b.size[0], b.size[1]))
	return b
}

func (b *tab) heard(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "http://"+b.http+"/") && !strings.HasPrefix(e.Request.URL, "data:") { // the browser draws its own controls with data:
			b.t.Errorf("a page asks for %.200s", e.Request.URL)
		}
	case *network.EventLoadingFinished:
		b.mu.Lock()
		b.bytes += e.EncodedDataLength
		b.mu.Unlock()
	case *log.EventEntryAdded:
		// The pages of mistakes are 4xx by right, and a kiosk that restarts is not there.
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork && e.Entry.Text != "Failed to fetch a worker script." {
			b.t.Errorf("the console says: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.t.Errorf("a script failed: %s", e.ExceptionDetails.Error())
	case *page.EventJavascriptDialogOpening:
		b.t.Errorf("a dialog opened: %q", e.Message)
	}
}

// do runs actions in the tab, bounded.
func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	must(b.t, b.try(actions...))
}

func (b *tab) try(actions ...chromedp.Action) error { return b.tryFor(patience, actions...) }

func (b *tab) tryFor(limit time.Duration, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

func (b *tab) open(path string) *tab {
	b.t.Helper()
	b.do(chromedp.Navigate("http://" + b.http + path))
	return b
}

// js is the value of an expression in the page.
func (b *tab) js(expression string, into any) {
	b.t.Helper()
	b.do(chromedp.Evaluate(expression, into))
}

// is waits until an expression is true in the page.
func (b *tab) is(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ok := false; !ok; <-tick.C {
		// It fails while one page follows another, and an answer may go down with the page that was asked.
		err := b.tryFor(patience/8, chromedp.Evaluate("!!(document.body && ("+expression+"))", &ok))
		if !ok && time.Now().After(deadline) {
			var text string
			b.js("location.href + '\\n' + document.body.innerText", &text)
			b.shot("failed")
			b.t.Fatalf("not within %v: %s (%v) on %s", patience, expression, err, text)
		}
	}
}

// sees waits until texts can be read on the page; hides says that they cannot be.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		b.is("document.body.innerText.includes(" + quote(s) + ")")
	}
}

func (b *tab) hides(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		var there bool
		if b.js("document.documentElement.outerHTML.includes("+quote(s)+")", &there); there {
			b.t.Errorf("the page holds %q", s)
		}
	}
}

func (b *tab) at(path string) {
	b.t.Helper()
	b.is("location.pathname === " + quote(path) + " && document.readyState === 'complete'")
}

func quote(s string) string {
	q, _ := json.Marshal(s) // of a string: it does not fail
	return string(q)
}

// finger touches the middle of an element once it is there and nothing covers it.
func (b *tab) finger(element string, times int64) {
	b.t.Helper()
	b.touches++
	var at []float64
	b.is(`(() => { const e = ` + element + `; if (!e) return false;
		const r = e.getBoundingClientRect(); if (r.top < 0 || r.bottom > innerHeight) e.scrollIntoView({ block: "center" });
		const q = e.getBoundingClientRect(), x = q.x + q.width / 2, y = q.y + q.height / 2, top = document.elementFromPoint(x, y);
		return q.width > 0 && top && e.contains(top) && (window.spot = [x, y]); })()`)
	b.js("window.spot", &at)
	b.do(chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(int(times))))
}

// tap touches what a selector finds.
func (b *tab) tap(sel string) {
	b.t.Helper()
	b.finger("document.querySelector("+quote(sel)+")", 1)
}

// press touches the button or link that says text.
func (b *tab) press(text string) {
	b.t.Helper()
	b.finger("Array.from(document.querySelectorAll('button, a, summary')).find((e) => e.offsetParent && e.innerText.includes("+quote(text)+"))", 1)
}

// fill types into a field over what stands there.
func (b *tab) fill(sel, text string) {
	b.t.Helper()
	b.do(chromedp.Focus(sel, chromedp.ByQuery, chromedp.NodeVisible), chromedp.Evaluate("document.querySelector("+quote(sel)+").value = ''", nil), chromedp.SendKeys(sel, text, chromedp.ByQuery))
}

// choose gives a field a value that nobody types.
func (b *tab) choose(sel, value string) {
	b.t.Helper()
	var is string
	b.js("(() => { const f = document.querySelector("+quote(sel)+"); f.value = "+quote(value)+"; f.dispatchEvent(new Event('input', { bubbles: true })); return f.value; })()", &is)
	if is != value {
		b.t.Fatalf("%s takes no %q", sel, value)
	}
}

// submit sends the form that holds what a selector finds, and waits for the
// page that answers.
func (b *tab) submit(sel string) {
	b.t.Helper()
	b.js("window.before = true", nil)
	b.tap(sel)
	b.is("!window.before && document.readyState === 'complete'")
}

// screen counts what a customer is shown, and keeps a picture.
func (b *tab) screen(name string) {
	b.t.Helper()
	if len(b.screens) == 0 {
		b.begun = time.Now()
	}
	b.screens = append(b.screens, name)
	b.shot(name)
}

// within says how long a flow was, and that it was short enough.
func (b *tab) within(flow string, screens int, limit time.Duration) {
	b.t.Helper()
	took := time.Since(b.begun)
	b.t.Logf("%s: %d screens (%s), %d touches, %v of the machine's time", flow, len(b.screens), strings.Join(b.screens, " → "), b.touches, took.Round(time.Millisecond))
	if len(b.screens) > screens || took > limit {
		b.t.Errorf("%s takes %d screens and %v, at most %d and %v are allowed", flow, len(b.screens), took, screens, limit)
	}
}

// shot keeps a picture of the page in the folder BAYLIGHT_SHOTS, if there is one.
func (b *tab) shot(name string) {
	dir := os.Getenv("BAYLIGHT_SHOTS")
	if dir == "" {
		return
	}
	b.t.Helper()
	var png []byte
	b.do(chromedp.CaptureScreenshot(&png))
	name = fmt.Sprintf("%s-%s-%dx%d.png", strings.NewReplacer("/", "-", " ", "_").Replace(strings.TrimPrefix(b.t.Name(), "TestBrowser/")), name, b.size[0], b.size[1])
	must(b.t, os.MkdirAll(dir, 0o755))
	must(b.t, os.WriteFile(filepath.Join(dir, name), png, 0o644))
}

// standStill gives the page's timers a clock that only pass moves.
func (b *tab) standStill() {
	b.t.Helper()
	b.before(`{ let now = 0, n = 0, all = [];
			window.setTimeout = (f, ms = 0) => { all.push({ f, id: ++n, at: now + ms }); return n; };
			window.clearTimeout = (id) => { all = all.filter((t) => t.id !== id); };
			window.pass = (ms) => {
				const end = now + ms;
				for (let t; (t = all.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0]); ) { now = t.at; clearTimeout(t.id); t.f(); }
				now = end;
			}; }`)
}

// before runs a script in each page before the page's own.
func (b *tab) before(script string) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
}

// scripts switches JavaScript off and on.
func (b *tab) scripts(on bool) { b.t.Helper(); b.do(emulation.SetScriptExecutionDisabled(!on)) }

// signIn takes the adviser to the desk.
func (b *tab) signIn() *tab {
	b.t.Helper()
	b.open("/desk")
	b.at("/sign-in")
	b.fill("#who", "a01")
	b.fill("#pin", pin)
	b.submit("form.card button")
	b.at("/desk")
	return b
}
