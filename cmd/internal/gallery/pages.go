package main

import (
	"fmt"

	"github.com/chromedp/chromedp"
)

// The screens that pages are made for.
const (
	portraitWide, portraitHigh   = 1080, 1920
	landscapeWide, landscapeHigh = 1280, 800
	wallWide, wallHigh           = 1920, 1080
)

// customer is what a customer with a booking sees.
func (g gallery) customer() error {
	t, end, err := g.open(portraitWide, portraitHigh, g.at.kiosk+"/?seen=0")
	if err != nil {
		return err
	}
	defer end()
	demo, over, err := g.open(wallWide, wallHigh, g.at.demo+"/")
	if err != nil {
		return err
	}
	defer over()
	scan := func() error {
		return demo.do(chromedp.Evaluate(`(() => { const f = document.getElementById("scan").elements;
			f.place.value = "reception"; f.text.value = "APPT-1001"; document.getElementById("scan").requestSubmit(); })()`, nil))
	}
	return steps(
		func() error { return t.sees(`document.body.dataset.listens && document.querySelector(".invite")`) },
		func() error { return t.shoot("kiosk-start") },
		scan,
		func() error { return t.sees(`location.pathname === "/ask" && document.readyState === "complete"`) },
		func() error { return t.shoot("kiosk-booking") },
		func() error { return t.click(`button[value="1"]`) },
		func() error { return t.sees(`document.querySelector(".result .number")`) },
		func() error { return t.shoot("kiosk-number") },
		func() error { return demo.sees(`document.images.length > 0`) },
		func() error { return demo.shoot("demo") },
		func() error {
			return g.page("kiosk-plate", landscapeWide, landscapeHigh, g.at.kiosk+"/checkin?purpose=fault")
		},
		func() error {
			return g.page("kiosk-large-english", landscapeWide, landscapeHigh, g.at.kiosk+"/?seen=0&lang=en&large=1")
		},
	)
}

// page takes a picture of a page as it is opened.
func (g gallery) page(name string, width, height int64, url string) error {
	t, end, err := g.open(width, height, url)
	if err != nil {
		return err
	}
	defer end()
	return steps(func() error { return t.sees(`document.readyState === "complete"`) }, func() error { return t.shoot(name) })
}

// workshop is what technicians and the waiting room see.
func (g gallery) workshop() error {
	t, end, err := g.open(landscapeWide, landscapeHigh, g.at.kiosk+"/bay/b1")
	if err != nil {
		return err
	}
	defer end()
	for n := 1; n <= 8; n++ {
		var works bool
		if err := t.do(chromedp.Navigate(fmt.Sprintf("%s/bay/b%d", g.at.kiosk, n)), chromedp.Evaluate(`!!document.querySelector(".st-working")`, &works)); err != nil {
			return err
		}
		if works {
			break
		}
	}
	return steps(
		func() error { return t.shoot("bay") },
		func() error { return g.page("board", wallWide, wallHigh, g.at.kiosk+"/board") },
		func() error { return g.page("devices", landscapeWide, landscapeHigh, g.at.kiosk+"/devices") },
	)
}

// staff is what an adviser sees.
func (g gallery) staff() error {
	t, end, err := g.open(1440, 900, g.at.kiosk+"/desk")
	if err != nil {
		return err
	}
	defer end()
	return steps(
		func() error { return t.do(chromedp.SendKeys("#who", "a01"), chromedp.SendKeys("#pin", "2468")) },
		func() error { return t.click("form.card button") },
		func() error { return t.shoot("desk") },
		func() error { return t.click(".columns section:nth-child(2) .visit-row") },
		func() error { return t.shoot("visit") },
		func() error { return t.do(chromedp.Navigate(g.at.kiosk + "/desk")) },
		func() error { return t.click(".columns section:nth-child(1) .visit-row:last-of-type") },
		func() error { return t.shoot("order") },
	)
}

// office is what a manager sees.
func (g gallery) office() error {
	t, end, err := g.open(landscapeWide, landscapeHigh, g.at.office+"/signin")
	if err != nil {
		return err
	}
	defer end()
	see := func(name, path, shown string) func() error {
		return func() error {
			return steps(
				func() error { return t.do(chromedp.Navigate(g.at.office + path)) },
				func() error {
					return t.sees(`document.readyState === "complete" && document.querySelector("` + shown + `")`)
				},
				func() error { return t.shoot(name) },
			)
		}
	}
	return steps(
		func() error {
			return t.do(chromedp.SendKeys("[name=who]", "m01"), chromedp.SendKeys("[name=pin]", "2468"))
		},
		func() error { return t.click("main button") },
		see("office", "/", ".tiles"),
		see("kpi", "/kpi?by=adviser", ".u-wrap"),
		see("office-order", "/orders/A012", ".timeline"),
		see("worklist", "/worklist", "main"),
		func() error { return t.do(chromedp.EmulateViewport(794, 1123)) },
		see("report", "/report", ".paper article"),
	)
}
