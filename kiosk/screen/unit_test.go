package screen

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/words"
)

// Every text of the templates stands in the catalogue, and none in a template.
func TestTemplatesHoldNoText(t *testing.T) {
	key := regexp.MustCompile(`\.(?:T|Other) "([^"]+)"`)
	action := regexp.MustCompile(`\{\{[^}]*\}\}`)
	tag := regexp.MustCompile(`(?s)<[^>]*>`)
	all := words.All()
	files, err := fs.Glob(web, "web/*.html")
	if err != nil || len(files) < 10 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		b, err := web.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(b), -1) {
			if _, ok := all[words.Key(m[1])]; !ok {
				t.Errorf("%s: no text %q", name, m[1])
			}
		}
		rest := tag.ReplaceAllString(action.ReplaceAllString(string(b), ""), "")
		if i := strings.IndexFunc(rest, unicode.IsLetter); i >= 0 {
			t.Errorf("%s holds text: %.40q", name, rest[i:])
		}
	}
	for _, typ := range kiosk.Types() {
		if _, ok := all[words.Key("event."+string(typ))]; !ok {
			t.Errorf("no text for event %s", typ)
		}
	}
}

func TestFind(t *testing.T) {
	s := &Snapshot{
		Visits: []*kiosk.Visit{{ID: "0A7AQ20001", Ticket: "A001"}, {ID: "0A7AQ20002", Ticket: "A002"}, {ID: "0A7AQ20003", Ticket: "B003"}},
		Plates: map[string]string{"0A7AQ20001": "粤B••345", "0A7AQ20002": "粤B••890"},
		Tails:  map[string]string{"0A7AQ20003": "184931"},
	}
	for text, want := range map[string]string{
		"A001": "A001", " a002 ": "A002", "粤B12345": "A001", "粤b·67890": "A002", "345": "A001", "45": "", "A0": "", "": "",
		kiosk.MakeCode(kiosk.KindVisit, "0A7AQ20002"): "A002", "0a7aq20001": "A001", "沪B12345": "", "4931": "B003", "LSVAA4182E2184931": "B003", "931": "", "LSVAA4182E2184932": "",
		strings.Repeat("A", 1000): "",
	} {
		var got []string
		for _, v := range s.Find(text) {
			got = append(got, v.Ticket)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("Find(%q) = %v, want %q", text, got, want)
		}
	}
}

func TestRecent(t *testing.T) {
	c := newRecent()
	good := floor.Reply{Good: true, Visit: "v"}
	var ran sync.Map
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 50 {
		wg.Go(func() {
			r, err := c.do(t.Context(), "k", "same", func() (floor.Reply, error) {
				<-start
				ran.Store(i, true)
				return good, nil
			})
			if err != nil || r.Visit != "v" {
				t.Errorf("reply %+v, %v", r, err)
			}
		})
	}
	close(start)
	wg.Wait()
	n := 0
	ran.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("done %d times", n)
	}
	if _, err := c.do(t.Context(), "k", "other", nil); !errors.Is(err, errOther) {
		t.Errorf("other content: %v", err)
	}
	fail := func() (floor.Reply, error) { return floor.Reply{}, errDisk }
	if _, err := c.do(t.Context(), "f", "", fail); !errors.Is(err, errDisk) {
		t.Errorf("failed: %v", err)
	}
	if r, err := c.do(t.Context(), "f", "", func() (floor.Reply, error) { return good, nil }); err != nil || !r.Good {
		t.Errorf("after a failure: %+v, %v", r, err)
	}
	for i := range maxRecent {
		c.do(t.Context(), fmt.Sprint(i), "", func() (floor.Reply, error) { return good, nil })
	}
	if _, ok := c.get("k"); ok || len(c.all) > maxRecent {
		t.Errorf("%d replies are kept, at most %d are allowed", len(c.all), maxRecent)
	}
	// Whoever waits for another's action may leave.
	ctx, cancel := context.WithCancel(t.Context())
	block := make(chan struct{})
	begun := make(chan struct{})
	wg.Go(func() {
		c.do(t.Context(), "slow", "", func() (floor.Reply, error) { close(begun); <-block; return good, nil })
	})
	<-begun
	cancel()
	if _, err := c.do(ctx, "slow", "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("left: %v", err)
	}
	if _, ok := c.get("slow"); ok {
		t.Error("a reply is there before the action is done")
	}
	close(block)
	wg.Wait()
}

func TestIDs(t *testing.T) {
	a, b := newIDs(), newIDs()
	s := a.sign("id.with.dots")
	if id, ok := a.verify(s); !ok || id != "id.with.dots" {
		t.Errorf("verify = %q, %v", id, ok)
	}
	for _, bad := range []string{"", ".", "id", s + "0", s[:len(s)-1], "x" + s, b.sign("id.with.dots"), strings.Repeat("a", 300)} {
		if id, ok := a.verify(bad); ok {
			t.Errorf("accepted %q as %q", bad, id)
		}
	}
}

// pipes is a listener whose connections are pipes, for a server on fake time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// A stream outlives the server's limit on reading a request, and ends with the
// server's context.
func TestStreamLives(t *testing.T) {
	shop, cfg := open(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		srv := NewServer(ctx, New(cfg, shop))
		ln := &pipes{conns: make(chan net.Conn, 1)}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ln) }()
		mine, theirs := net.Pipe()
		ln.conns <- theirs
		if _, err := fmt.Fprint(mine, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		resp, err := http.ReadResponse(bufio.NewReader(mine), nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		next := func(prefix string) string {
			t.Helper()
			for lines.Scan() {
				if s, ok := strings.CutPrefix(lines.Text(), prefix); ok {
					return s
				}
			}
			t.Fatalf("the stream ended after %s: %v", time.Since(begin), lines.Err())
			return ""
		}
		for range 5 {
			next(":") // the heartbeat
		}
		if alive := time.Since(begin); alive < 5*heartbeat || alive < 2*readWithin {
			t.Errorf("five heartbeats within %s", alive)
		}
		shop.scan("s1", kiosk.MakeCode(kiosk.KindBadge, "0A70000T07"))
		var c change
		if err := json.Unmarshal([]byte(next("data: ")), &c); err != nil || c.Head != 1 || c.Said["b1"] != 1 || c.Run == "" {
			t.Errorf("after a scan: %+v, %v", c, err)
		}
		cancel()
		if lines.Scan() && lines.Text() != "" {
			t.Errorf("after the end: %q", lines.Text())
		}
		mine.Close()
		srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	if len(shop.subs) != 0 {
		t.Errorf("%d subscriptions are left", len(shop.subs))
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add(`{"visit":"x","item":["a","b"],"n":1.5,"yes":true,"no":null}`)
	f.Add(`[]`)
	f.Add(`{"a":{"b":1}}`)
	f.Fuzz(func(t *testing.T, s string) {
		v, err := readJSON(strings.NewReader(s))
		if err != nil && v != nil {
			t.Errorf("%q gives both %v and %v", s, v, err)
		}
		x := fields{values: v, zone: shanghai, setup: Setup{Menu: menu}}
		for name, a := range actions() {
			if in, err := a.build(x, "id", "a01"); err == nil && in == nil {
				t.Errorf("%s of %q: neither input nor error", name, s)
			}
		}
	})
}

func TestProposal(t *testing.T) {
	cal := kiosk.ShanghaiWeek(shanghai)
	cal.Week[time.Sunday] = kiosk.Hours{}
	at := func(day, h, m int) time.Time { return time.Date(2026, 11, day, h, m, 0, 0, shanghai) }
	for _, c := range []struct {
		name            string
		now             time.Time
		load, bays, own int
		want            time.Time
	}{
		{"an empty workshop", at(21, 9, 0), 0, 4, 40, at(21, 9, 40)},
		{"others first, shared by the bays", at(21, 9, 0), 240, 4, 40, at(21, 10, 40)},
		{"rounded up to five minutes", at(21, 9, 1), 0, 4, 40, at(21, 9, 45)},
		{"before opening", at(20, 7, 0), 0, 4, 30, at(20, 9, 0)},
		{"exactly at closing", at(20, 17, 0), 0, 4, 60, at(20, 18, 0)},
		{"over night", at(20, 17, 30), 0, 4, 60, at(21, 9, 0)},
		{"over a closed Sunday", at(21, 17, 30), 0, 4, 60, at(23, 9, 0)},
		{"after closing", at(20, 19, 0), 0, 4, 30, at(21, 9, 0)},
		{"no bays configured", at(20, 9, 0), 60, 0, 0, at(20, 10, 0)},
	} {
		if got := propose(c.now, cal, c.load, c.bays, c.own); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got.Format(time.DateTime), c.want.Format(time.DateTime))
		}
	}
	never := kiosk.Calendar{Zone: shanghai}
	if got := propose(at(20, 9, 0), never, 0, 4, 30); !got.Equal(at(20, 9, 30)) {
		t.Errorf("a store that never opens: %s", got)
	}
}
