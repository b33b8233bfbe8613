package officeapp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"baylight/cmd/internal/rig"
	"baylight/kiosk"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// painter notes when the board shows a ticket in a bay: at the frame after the one
// in which the change was drawn, so that it was on the screen by then.
const painter = `
window.drawn = {}; window.asked = {};
new MutationObserver(() => {
  for (const b of document.querySelectorAll("#live .bay b")) {
    const ticket = b.textContent;
    if (!ticket || ticket in drawn) continue;
    drawn[ticket] = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      drawn[ticket] = performance.timeOrigin + performance.now();
      if (ticket in asked) asked[ticket](drawn[ticket]);
    }));
  }
}).observe(document.getElementById("live"), {childList: true, subtree: true});
window.painted = (ticket) => new Promise((done) => { if (drawn[ticket]) done(drawn[ticket]); else asked[ticket] = done; });
null`

// BenchmarkPixel is how long it takes from a scan at a bay to the frame in which a
// browser shows the car in that bay: a scanner on a pty, the real kioskd, broker,
// backofficed with a month of full days behind it and eighty cars in the house,
// and its live board in Chromium. Beside it, until the scanner beeps: the event is
// durable on the board then; and what the live part of the page takes by itself.
//
//	go test ./cmd/internal/officeapp -run '^$' -bench Pixel -benchtime 200x
func BenchmarkPixel(b *testing.B) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		b.Skip("no chromium: apt-get install -y chromium")
	}
	dir := b.TempDir()
	const bays = 4
	shop, err := rig.New(dir, bays)
	must(b, err)
	defer shop.Close()
	must(b, os.Mkdir(filepath.Join(dir, "office"), 0o700))
	book, err := ledger.Open(filepath.Join(dir, "office", "ledger.db"))
	must(b, err)
	ledgertest.Fill(b, book, rig.Store, 30*ledgertest.FillVisits*ledgertest.FillEvents)
	must(b, book.Close())
	hub, err := broker.Start(broker.Config{Addr: shop.Broker})
	must(b, err)
	defer hub.Close()
	for _, p := range []struct {
		program string
		ready   func(context.Context) bool
	}{{"backofficed", shop.OfficeReady}, {"kioskd", shop.KioskReady}} {
		path := filepath.Join(dir, p.program)
		if out, err := exec.Command("go", "build", "-o", path, "baylight/cmd/"+p.program).CombinedOutput(); err != nil {
			b.Fatalf("build %s: %v\n%s", p.program, err, out)
		}
		config := map[string]string{"backofficed": "backoffice.toml", "kioskd": "kiosk.toml"}[p.program]
		daemon, err := shop.Start(p.program, nil, path, "run", "--config", filepath.Join(dir, config))
		must(b, err)
		defer daemon.Kill()
		must(b, daemon.Await(b.Context(), p.ready))
	}
	page := lookAt(b, chromium, "http://"+shop.Office+"/")
	cars := arrivals(b, hub.URL())
	for n := range 80 {
		cars.arrive(b, n)
	}
	var took, beep, asked []float64 // ms
	for n := 80; b.Loop(); n++ {
		b.StopTimer()
		cars.arrive(b, n)
		cars.leave(b, n-80) // as many as before
		page.is(b, fmt.Sprintf(`document.body.innerText.includes(%q)`, ticketOf(n)))
		asked = append(asked, page.asked(b, "http://"+shop.Office+"/?part=live"))
		b.StartTimer()
		began := time.Now()
		_, err := shop.Scanners[n%bays].Scan(b.Context(), rig.Card(n))
		must(b, err)
		beep = append(beep, float64(time.Since(began).Microseconds())/1e3)
		took = append(took, page.painted(b, ticketOf(n))-float64(began.UnixNano())/1e6)
	}
	for _, all := range [][]float64{took, beep, asked} {
		slices.Sort(all)
	}
	b.ReportMetric(beep[len(beep)/2], "beep-p50-ms")
	b.ReportMetric(asked[len(asked)/2], "page-p50-ms")
	b.ReportMetric(took[len(took)/2], "p50-ms")
	b.ReportMetric(took[(len(took)-1)*99/100], "p99-ms")
	b.ReportMetric(took[len(took)-1], "worst-ms")
}

func ticketOf(n int) string { return fmt.Sprintf("B%04d", n) }

// desk is the reception's board, at which cars arrive.
type desk struct {
	board   *ledgertest.Board
	session *link.Session
}

func arrivals(b *testing.B, url string) *desk {
	l, err := link.New(link.Config{Broker: url, ClientID: "desk"}, nil)
	must(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	var task sync.WaitGroup
	task.Go(func() { _ = l.Run(ctx) })
	b.Cleanup(func() { cancel(); task.Wait() })
	session, err := l.Next(ctx, 0)
	must(b, err)
	d := &desk{board: ledgertest.NewBoard(b, rig.Store, "k9", "e9"), session: session}
	d.board.Now.Wall = time.Now()
	return d
}

// arrive checks a car in and signs its order.
func (d *desk) arrive(b *testing.B, n int) {
	due := time.Now().Add(3 * time.Hour)
	d.send(b, &kiosk.CheckedIn{Visit: visitOn(n), Ticket: ticketOf(n), Purpose: "maintenance", Language: "zh-CN", Means: "keyed"})
	d.send(b, &kiosk.Signed{Visit: visitOn(n), Order: "o" + ticketOf(n), Adviser: "a1", Promise: &due,
		Items: []kiosk.Item{{No: 1, Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
}

func (d *desk) leave(b *testing.B, n int) {
	d.send(b, &kiosk.Closed{Visit: visitOn(n), Outcome: "left"})
}

// visitOn is the visit whose card it is.
func visitOn(n int) string { return rig.Card(n)[1:11] }

func (d *desk) send(b *testing.B, p kiosk.Payload) {
	d.board.Now = d.board.Now.Add(time.Since(d.board.Now.Wall) - time.Second) // Event adds it
	e := d.board.Event(p)
	must(b, d.session.Publish(wire.Prefix+rig.Store+"/k9/event/"+string(e.Event.Type()), wire.QoS, false, e.Bytes).Wait(b.Context()))
}

// screen is the live board in a browser.
type screen struct{ ctx context.Context }

func lookAt(b *testing.B, chromium, url string) screen {
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.UserDataDir(b.TempDir()), chromedp.Flag("disable-dev-shm-usage", true))...)
	b.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	b.Cleanup(cancel)
	must(b, chromedp.Run(ctx))
	b.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the browser has ended
	must(b, chromedp.Run(ctx, chromedp.EmulateViewport(1366, 900), chromedp.Navigate(url), chromedp.WaitVisible(".bays"), chromedp.Evaluate(painter, nil)))
	return screen{ctx}
}

// is waits until an expression is true in the page.
func (s screen) is(b *testing.B, expression string) {
	must(b, chromedp.Run(s.ctx, chromedp.Poll(expression, nil, chromedp.WithPollingInterval(20*time.Millisecond))))
}

// asked is how many ms the office takes to answer for the live part of the page.
func (screen) asked(b *testing.B, url string) float64 {
	began := time.Now()
	res, err := http.Get(url)
	must(b, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	must(b, err)
	return float64(time.Since(began).Microseconds()) / 1e3
}

// painted is when the board had shown a ticket in a bay, in ms since 1970.
func (s screen) painted(b *testing.B, ticket string) (at float64) {
	must(b, chromedp.Run(s.ctx, chromedp.Evaluate(fmt.Sprintf("painted(%q)", ticket), &at,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })))
	return at
}
