package kioskapp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"baylight/device/bench"
)

// maxPage is what a page may take, with everything it loads.
const maxPage = 150_000

// sizesFlow: every page, loaded anew, is small, and asks nobody else for anything
// (each tab fails the test if it does).
func sizesFlow(r *rig, browser context.Context) {
	for i := range 30 {
		r.post(http.DefaultClient, "/api/kiosk/checkin", map[string]any{"plate": fmt.Sprintf("粤B%05d", i), "purpose": "maintenance"})
	}
	customer, staff := r.sit(browser, landscape), r.sit(browser, desktop).signIn()
	customer.open("/").listens()
	r.scan("front", car(1), bench.AckGood)
	customer.at("/ask")
	var ask, visit string
	customer.js("location.pathname + location.search", &ask)
	staff.open("/desk")
	staff.js("new URL(document.querySelector('.visit-row').href).pathname", &visit)
	for _, c := range []struct {
		tab   *tab
		paths []string
	}{
		{customer, []string{ask, "/?seen=1", "/checkin?purpose=fault", "/pickup", "/sign-in", "/bay/b1", "/board"}},
		{staff, []string{"/desk", visit, "/devices"}},
	} {
		c.tab.do(network.SetCacheDisabled(true))
		for _, path := range c.paths {
			c.tab.mu.Lock()
			c.tab.bytes = 0
			c.tab.mu.Unlock()
			c.tab.open(path)
			c.tab.is("document.readyState === 'complete'")
			c.tab.mu.Lock()
			size := c.tab.bytes
			c.tab.mu.Unlock()
			r.t.Logf("%-24s %6.0f bytes", path, size)
			if size > maxPage || size < 1000 {
				r.t.Errorf("%s takes %.0f bytes, at most %d are allowed", path, size, maxPage)
			}
		}
	}
}

// heap is what a page's scripts hold after everything unused was collected, in kB.
func (b *tab) heap() (kB float64) {
	b.t.Helper()
	b.do(heapprofiler.CollectGarbage(), chromedp.ActionFunc(func(ctx context.Context) error {
		used, _, _, _, err := cdpruntime.GetHeapUsage().Do(ctx)
		kB = used / 1024
		return err
	}))
	return kB
}

// dayFlow: customer after customer at one kiosk, with board and desk open all the
// while. Neither pages nor daemon may grow with the visits. BAYLIGHT_SOAK makes it
// a day of 300 visits.
func dayFlow(r *rig, browser context.Context) {
	visits := 30
	if os.Getenv("BAYLIGHT_SOAK") != "" {
		visits = 300
	}
	kiosk, board := r.sit(browser, portrait).open("/").listens(), r.sit(browser, tv).open("/board")
	staff := r.sit(browser, desktop).signIn()
	adviser := r.desk()
	var pages, daemon []float64
	for i := range visits {
		r.scan("front", car(i+1), bench.AckGood)
		kiosk.is("location.pathname === '/ask' && document.body.innerText.includes(" + quote(car(i + 1)[13:]) + ")")
		r.post(http.DefaultClient, "/api/kiosk/confirm", map[string]any{"purpose": "maintenance", "waiting": true})
		visit := r.visitOn(r.ticket())
		r.post(adviser, "/api/desk/close", map[string]any{"visit": visit, "outcome": "left"})
		if (i+1)%(visits/3) == 0 {
			board.is("document.querySelectorAll('.line').length === 0")
			pages = append(pages, kiosk.heap()+board.heap()+staff.heap())
			daemon = append(daemon, heapOfThis())
		}
	}
	r.t.Logf("after %d, %d and %d visits: kiosk, board and desk in the browser hold %.0f kB, the daemon (in this process) %.0f kB", visits/3, visits*2/3, visits, pages, daemon)
	// The journal's own memory of two days grows by some kB a visit; a leak of a
	// page, a connection or a snapshot is larger.
	if grown := pages[2] - pages[0]; grown > 2048+float64(visits) {
		r.t.Errorf("the pages grew by %.0f kB", grown)
	}
	if grown := daemon[2] - daemon[0]; grown > 4096+60*float64(visits) {
		r.t.Errorf("the daemon grew by %.0f kB", grown)
	}
}

// heapOfThis is what this process holds after a collection, in kB.
func heapOfThis() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1024
}

// resident is the memory of this process as the kernel counts it, in MB.
func resident(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	pages, err := strconv.Atoi(string(bytes.Fields(b)[1]))
	must(t, err)
	return float64(pages) * float64(os.Getpagesize()) / 1e6
}

// Two hundred boards are open, and one event reaches them all. The figures are
// told; that every board hears is what has to hold.
func TestTwoHundredBoards(t *testing.T) {
	const boards = 200
	r := newRig(t)
	r.up()
	debug.FreeOSMemory() // else what the start gave back counts as won
	before := resident(t)
	heads := make(chan uint64, boards*8)
	var ears sync.WaitGroup
	t.Cleanup(ears.Wait)
	for range boards {
		c, err := net.Dial("tcp", r.http)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		_, err = fmt.Fprintf(c, "GET /stream HTTP/1.1\r\nHost: %s\r\n\r\n", r.http)
		must(t, err)
		ears.Go(func() { hearHeads(c, heads) }) // ends with its connection
	}
	wait := func(head uint64, n int) {
		t.Helper()
		late := time.After(patience)
		for n > 0 {
			select {
			case h := <-heads:
				if h >= head {
					n--
				}
			case <-late:
				t.Fatalf("%d of %d boards did not hear of event %d", n, boards, head)
			}
		}
	}
	wait(0, boards) // each is told once when it connects
	with := resident(t)
	head := r.health().Head
	begun := time.Now()
	r.scan("front", car(1), bench.AckGood)
	wait(head+1, boards)
	t.Logf("one event reached %d boards within %v of the scan, wire and commit included; they and their ends in this process take %.1f MB", boards, time.Since(begun).Round(time.Microsecond), with-before)
	if with-before > 100 {
		t.Errorf("%d boards take %.1f MB", boards, with-before)
	}
}

// hearHeads tells the position of the journal each time a stream says it.
func hearHeads(c net.Conn, heads chan<- uint64) {
	for in := bufio.NewScanner(c); in.Scan(); {
		text, ok := bytes.CutPrefix(in.Bytes(), []byte("data: "))
		var change struct {
			Head uint64 `json:"head"`
		}
		if ok && json.Unmarshal(text, &change) == nil {
			heads <- change.Head
		}
	}
}
