package kioskapp_test

import (
	"context"
	"os"
	"strings"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"baylight/device/bench"
)

const axe = "../../../kiosk/screen/axe/node_modules/axe-core/axe.min.js"

// axeFlow lets axe-core judge every page (WCAG 2.2 A and AA, and its advice).
func axeFlow(r *rig, browser context.Context) {
	judge, err := os.ReadFile(axe)
	if err != nil {
		const how = "no axe-core: the pages are not judged. Install with: npm install --prefix kiosk/screen/axe"
		if os.Getenv("CI") != "" {
			r.t.Fatal(how)
		}
		r.t.Skip(how)
	}
	r.scan("front", car(1), bench.AckGood)
	visit := r.visitOn(r.ticket())
	desk := r.desk()
	r.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	r.post(desk, "/api/desk/call", map[string]any{"visit": visit, "place": "desk"})
	b := r.sit(browser, landscape)
	b.open("/?seen=1").listens()
	r.scan("front", car(2), bench.AckGood)
	b.at("/ask")
	b.judged(string(judge), "/ask")
	for _, path := range []string{"/", "/?seen=1", "/?seen=1&lang=en&large=1", "/checkin?purpose=fault", "/checkin?purpose=fault&lang=en", "/pickup", "/sign-in", "/board", "/bay/b1", "/devices", "/nothing"} {
		b.open(path)
		b.judged(string(judge), path)
	}
	staff := r.sit(browser, desktop).signIn()
	for _, path := range []string{"/desk", "/desk?q=A001", "/desk?q=nobody", "/desk/visit/" + visit, "/devices"} {
		staff.open(path)
		staff.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })", nil)
		staff.judged(string(judge), path)
	}
}

// judged fails with what axe-core finds on the page.
func (b *tab) judged(axe, path string) {
	b.t.Helper()
	var found []string
	b.do(chromedp.Evaluate(axe+"; null", nil), chromedp.Evaluate(
		`axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.help + "\n    " + v.nodes.map((n) => n.html.slice(0, 160) + " " + n.failureSummary.split("\n").slice(1).join(" ")).join("\n    ")))`,
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if len(found) > 0 {
		b.t.Errorf("%s: %d violations\n  %s", path, len(found), strings.Join(found, "\n  "))
	}
}
