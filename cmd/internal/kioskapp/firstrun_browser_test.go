package kioskapp_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"

	"baylight/cmd/internal/firstrun"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
)

// firstRunFlow sets a board up from nothing, by hand, and meets its start page.
func firstRunFlow(r *rig, browser context.Context) {
	t := r.t
	dir := filepath.Join(r.dir, "etc")
	links := filepath.Join(r.dir, "root/dev/serial/by-id")
	must(t, os.MkdirAll(links, 0o755))
	must(t, os.Symlink(r.scanners["front"].Path(), filepath.Join(links, "usb-Honeywell_1900_front")))
	must(t, os.Symlink(r.printer.Path(), filepath.Join(links, "usb-Printer_TM")))
	console, ready, done := make(chan string, 4), make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	path := filepath.Join(dir, "kiosk.toml")
	go func() {
		done <- firstrun.Run(ctx, firstrun.Options{Path: path, Listen: r.http, Root: filepath.Join(r.dir, "root"), Console: writer(console),
			Data: filepath.Join(dir, "data"), Socket: filepath.Join(r.dir, "first.sock"), Ready: func() { close(ready) }})
	}()
	<-ready
	code := regexp.MustCompile(`[A-Z2-7]{8}`).FindString(<-console)

	b := r.sit(browser, desktop)
	var judge []byte
	if judge, _ = os.ReadFile(axe); judge == nil && os.Getenv("CI") != "" {
		t.Fatal("no axe-core: install with: npm install --prefix kiosk/screen/axe")
	}
	shot := func(name string) {
		t.Helper()
		if judge != nil {
			b.judged(string(judge), name)
		}
		b.shot(name)
	}
	b.open("/")
	shot("first-1-code")
	b.fill("input[name=code]", code)
	b.submit("button.primary")
	b.at("/setup/store")
	b.fill("input[name=title]", "浦东服务中心")
	b.fill("input[name=name]", "sh-pudong")
	shot("first-2-store")
	b.submit("button[value=next]")
	b.at("/setup/board")
	b.fill("input[name=listen]", r.http)
	b.fill("input[name=url]", "mqtt://"+r.gate.addr())
	shot("first-3-board")
	b.submit("button[value=next]")
	b.at("/setup/bays")
	b.fill("input[name=green0]", "GPIO6")
	shot("first-4-bays")
	b.fill("input[name=green0]", "")
	b.submit("button[value=next]")
	b.at("/setup/devices")
	b.choose("select[name=what0]", "scanner")
	b.choose("select[name=what1]", "printer")
	shot("first-5-devices")
	b.submit("button[value=next]")
	b.at("/setup/people")
	b.do(chromedp.SetValue("(//input[@name='name'])[1]", "王顾问", chromedp.BySearch), chromedp.SetValue("(//input[@name='pin'])[1]", pin, chromedp.BySearch),
		chromedp.SetValue("(//input[@name='name'])[2]", "李师傅", chromedp.BySearch))
	shot("first-6-people")
	b.submit("button[value=next]")
	b.at("/setup/finish")
	b.sees("检查通过")
	shot("first-7-check")
	b.submit("button[value=write]")
	b.sees("配置已写入")
	shot("first-8-written")
	b.do(chromedp.Click("button[value=start]"))
	must(t, <-done)

	set, err := settings.LoadKiosk(path)
	must(t, err)
	ready = make(chan struct{})
	go func() {
		done <- kioskapp.Run(ctx, kioskapp.Options{Settings: set, Version: "test", Log: slog.New(slog.DiscardHandler), Clock: r.clock,
			NewID: kioskapp.RandomID, Ready: func() { close(ready) }})
	}()
	t.Cleanup(func() {
		cancel()
		check(t, <-done)
	})
	<-ready
	b.open("/?seen=1")
	b.sees("浦东服务中心", "请扫码登记")
}

// writer hands on what is written.
type writer chan string

func (w writer) Write(p []byte) (int, error) { w <- string(p); return len(p), nil }

// TestFirstRun is apart from the other flows: it begins without a kiosk.
func TestFirstRun(t *testing.T) { firstRunFlow(newRig(t), chromium(t)) }
