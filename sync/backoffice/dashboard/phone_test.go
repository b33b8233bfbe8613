package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestTelephone: on a telephone (390 px) nothing has to be pushed sideways, on no
// page, in no language, also with all that folds away unfolded: neither the page
// nor a table in it. Every cell of a row that became a block has the label of its
// column.
func TestTelephone(t *testing.T) {
	b := aimed(t).tab()
	b.manager()
	b.do(chromedp.EmulateViewport(390, 844))
	for i, tt := range []struct {
		path string
		data string // what of the worked example the page shows
	}{
		{"/", "#open, #late .ticket"}, {"/?adviser=a1", "#late .ticket"}, {"/orders?from=2026-11-03", ".blocks tr:nth-child(11)"}, {"/orders/V9", ".timeline li:nth-child(5)"}, {"/orders/VA", ".blocks tbody tr"},
		{"/staff", ".blocks.edits tr:nth-child(5) details"}, {"/staff", ".rights tr:nth-child(5)"}, {"/audit", ".blocks tbody tr"}, {"/worklist", "#proposals, #unclosed"}, {"/kiosks", ".kiosk"}, {"/bookings", "textarea"}, {"/signin", "form"},
		{"/kpi?from=2026-11-01&until=2026-11-30", ".blocks tbody tr:nth-child(3)"}, {"/kpi?from=2026-11-03&by=adviser", ".blocks tfoot tr"}, {"/kpi?from=2026-11-01&until=2026-11-30&by=team", ".blocks tbody tr"}, {"/kpi?from=2026-02-29", ".def"},
		{"/kpi/on_time?from=2026-11-01&until=2026-11-14", ".blocks.variants tr.main"}, {"/kpi/turnaround?from=2026-11-03&by=category", ".blocks tbody tr"}, {"/kpi/promise_error?from=2026-11-03&by=adviser&compare=previous", ".blocks tbody tr"},
		{"/kpi/targets", ".blocks tbody tr"}, {"/kpi/risk", ".blocks tr:nth-child(10)"}, {"/kpi/appraisal?month=2026-11", ".blocks .score"}, {"/kpi/appraisal?month=2026-11&by=technician", ".blocks .score"},
		{"/kpi/reworks?from=2026-11-01&until=2026-11-30", "#confirmed .blocks tbody tr"}, {"/report?month=2026-11", ".blocks tbody tr"}, {"/orders/nothing", "main"}, {"/kpi?store=nowhere", "main"},
	} {
		for _, lang := range []string{"", "en"} {
			b.narrow(withLang(tt.path, lang), tt.data)
			b.shot(fmt.Sprintf("phone%s-%02d", lang, i))
		}
	}
	b.open("/orders/V0") // a correction asks whether it is meant
	b.do(chromedp.Click(".timeline .a summary"), chromedp.SendKeys(".a details[open] [name=reason]", strings.Repeat("扫错了车", 15)), chromedp.Click(".a details[open] button.quiet"))
	b.is(`document.querySelector("[name=sure]")`)
	b.fits("a question")
	b = group(t).tab()
	b.do(chromedp.EmulateViewport(390, 844))
	for i, path := range []string{"/?store=*", "/kpi?store=*&from=2026-11-03", "/kpi/on_time?store=*&from=2026-11-03"} {
		for _, lang := range []string{"", "en"} {
			b.narrow(withLang(path, lang), ".blocks tbody tr:nth-child(3)")
			b.shot(fmt.Sprintf("phone-group%s-%d", lang, i))
		}
	}
}

func withLang(path, lang string) string {
	switch {
	case lang == "":
		return path
	case strings.Contains(path, "?"):
		return path + "&lang=" + lang
	}
	return path + "?lang=" + lang
}

// narrow opens a page that has data and fails with what is wrong with it.
func (t tab) narrow(path, data string) {
	t.Helper()
	t.open(path)
	if there := t.says(fmt.Sprintf(`document.querySelector(%q) ? "yes" : ""`, data)); there == "" {
		t.Errorf("%s has no %s", path, data)
	}
	t.fits(path)
}

// fits fails with what of the page that is open has to be pushed sideways, or has
// no label.
func (t tab) fits(path string) {
	t.Helper()
	for _, open := range []bool{false, true} {
		t.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll("main details").forEach((d) => { d.open = %t; })`, open), nil))
		if wide := t.says(wider); wide != "" {
			t.Errorf("%s (unfolded: %t) has to be pushed sideways: %s", path, open, wide)
		}
	}
	if wrong := t.says(unlabelled); wrong != "" {
		t.Errorf("%s has cells without the label of their column: %s", path, wrong)
	}
}

// wider names what holds more than its width shows, and cells that run into the
// next one; but for text set as it is (pre) and what only screen readers see.
const wider = `[document.documentElement, ...document.querySelectorAll("main *")].filter((e) => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1
	&& (e === document.documentElement || (e.matches(".blocks :is(th, td)") || getComputedStyle(e).overflowX !== "visible") && !e.closest("pre, svg, .u-wrap")))
	.map((e) => e.outerHTML.slice(0, 80) + " " + e.scrollWidth).join("; ")`

// unlabelled names cells of blocks whose label is not the head of their column;
// the first cell is the head of its block, and what unfolds says itself what it is.
const unlabelled = `[...document.querySelectorAll(".blocks")].flatMap((t) => {
	const heads = [...t.tHead.rows[0].cells].map((h) => h.textContent);
	return [...t.rows].filter((r) => r.parentElement !== t.tHead).flatMap((r) => [...r.cells].filter((c, i) =>
		c.dataset.label ? !heads[i].startsWith(c.dataset.label) : i > 0 && !c.querySelector("details")));
}).map((c) => c.outerHTML.slice(0, 80)).slice(0, 3).join("; ")`
