package hostile_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"baylight/cmd/internal/hostile"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/screen"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// The people of both sites, and their PIN; its verifier takes little time.
const (
	pin      = "2468"
	verifier = "$argon2id$v=19$m=64,t=1,p=1$c2FsdCBmb3IgdGVzdHM$peo2V++V45cxbWoMDJHGx12+ywI6LDC5H8GU1XS7m6I"
	storeKey = "the store's key"
)

var zone = time.FixedZone("CST", 8*3600)

// people are an adviser and a manager whose names are s.
func people(s string) []staff.Person {
	return []staff.Person{{ID: "a01", Name: s, PIN: verifier, Roles: []staff.Role{staff.Adviser}, Team: s}, {ID: "m01", Name: s, PIN: verifier, Roles: []staff.Role{staff.Manager}, Team: s}}
}

// checkPage reads a page as a browser does: it has no element, attribute, script
// or address that is not ours.
func checkPage(t testing.TB, where, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		src := ""
		for _, a := range n.Attr {
			key := strings.ToLower(a.Key)
			switch {
			case strings.Contains(key, hostile.Mark), strings.HasPrefix(key, "on"), key == "style", key == "srcdoc", key == "http-equiv":
				t.Errorf("%s: <%s> has an attribute %q", where, n.Data, a.Key)
			case slices.Contains([]string{"href", "src", "action", "formaction", "poster", "data", "xlink:href"}, key) && !ours(a.Val):
				t.Errorf("%s: <%s %s> leads to %.80q", where, n.Data, a.Key, a.Val)
			case key == "src":
				src = a.Val
			}
		}
		switch {
		case strings.Contains(n.Data, hostile.Mark), slices.Contains([]string{"iframe", "object", "embed", "base", "style", "frame", "applet"}, n.Data), n.Data == "img" && !strings.HasPrefix(src, "/static/"):
			t.Errorf("%s: an element <%s>", where, n.Data)
		case n.Data == "script" && (!strings.HasPrefix(src, "/static/") || n.FirstChild != nil):
			t.Errorf("%s: a script from %q, or with text in it", where, src)
		}
	}
}

// evil is what tests look for that it is shown, as text.
const evil = `"><` + hostile.Mark + ` onfocus=alert(1)>'{{.}}`

// readable is what a person reads on a page.
func readable(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
		}
	}
	return out.String()
}

// ours says whether an address is one of this site.
func ours(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "" && u.Host == "" && u.Opaque == "" && !strings.ContainsAny(address, "\\\t\r\n") && !strings.HasPrefix(address, "//")
}

// visitor is a browser.
type visitor struct {
	testing.TB
	base string
	*http.Client
}

// within asks a handler without a network, each visitor from an address of its own.
type within struct {
	h    http.Handler
	from string
}

// RoundTrip asks.
func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), r.Body)
	in.Header, in.RemoteAddr, in.Host = r.Header, w.from, "localhost"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := httptest.NewRecorder()
	w.h.ServeHTTP(out, in)
	return out.Result(), nil
}

// visitors counts those who came.
var visitors atomic.Uint32

func visit(t testing.TB, h http.Handler) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := visitors.Add(1)
	from := fmt.Sprintf("10.%d.%d.%d:1234", n>>16&0xff, n>>8&0xff, n&0xff)
	return visitor{t, "http://localhost", &http.Client{Transport: within{h, from}, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send asks, checks what heads must hold, and gives what came.
func (v visitor) send(method, path string, form url.Values) (*http.Response, string) {
	v.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.Context(), method, v.base+path, body)
	if err != nil {
		v.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := v.Do(r)
	if err != nil {
		v.Fatalf("%s %.200q: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.Fatal(err)
	}
	v.checkHead(path, res)
	return res, string(b)
}

// checkHead: a head has only headers of ours, on a line each, and sends nobody
// elsewhere; a page says what may run in it.
func (v visitor) checkHead(path string, res *http.Response) {
	v.Helper()
	known := []string{"Allow", "Cache-Control", "Content-Disposition", "Content-Length", "Content-Security-Policy", "Content-Type", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date", "Etag",
		"Last-Modified", "Location", "Permissions-Policy", "Referrer-Policy", "Retry-After", "Set-Cookie", "Www-Authenticate", "X-Content-Type-Options", "X-Frame-Options", "Accept-Ranges"}
	for name, all := range res.Header {
		if !slices.Contains(known, name) {
			v.Errorf("%.100q answers with a header %s: %q", path, name, all)
		}
		for _, value := range all {
			if steers(value, "") || len(all) > 1 && name != "Set-Cookie" {
				v.Errorf("%.100q: %s: %.100q", path, name, all)
			}
		}
	}
	if to := res.Header.Get("Location"); !ours(to) {
		v.Errorf("%.100q leads to %.100q", path, to)
	}
	for _, c := range res.Cookies() {
		if c.Name != "baylight" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
			v.Errorf("%.100q sets the cookie %v", path, c)
		}
	}
	csp := res.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		v.Errorf("%.100q: policy %q, %v", path, csp, res.Header)
	}
}

// look reads pages.
func (v visitor) look(paths ...string) {
	v.Helper()
	for _, path := range paths {
		res, page := v.send(http.MethodGet, path, nil)
		if res.StatusCode >= 500 {
			v.Errorf("%.100q: %s: %.200q", path, res.Status, page)
		}
		switch kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); kind {
		case "text/html":
			checkPage(v.TB, path, page)
		case "", "text/plain", "text/csv", "application/json", "application/problem+json", "text/css", "text/javascript", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		default:
			v.Errorf("%.100q is a %q", path, kind)
		}
	}
}

func (v visitor) signIn(path, who string) {
	v.Helper()
	if res, page := v.send(http.MethodPost, path, url.Values{"who": {who}, "pin": {pin}}); res.StatusCode != http.StatusSeeOther {
		v.Fatalf("%s cannot sign in: %s %.300q", who, res.Status, page)
	}
}

// stage is a station whose every text is s.
type stage struct{ s string }

func (g stage) Do(context.Context, floor.Input) (floor.Reply, error) {
	return floor.Reply{Message: words.Say("floor.bad_input", g.s), Visit: g.s, Place: g.s}, nil
}
func (g stage) Subscribe() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }
func (g stage) Prepare(floor.CheckInForm)            {}
func (g stage) Attend() func()                       { return func() {} }
func (g stage) Expected(string) *floor.Booking {
	return &floor.Booking{ID: g.s, At: g.Now().Wall, Plate: g.s, Vehicle: g.s, Purpose: g.s}
}
func (g stage) NewID() string { return "id" }
func (g stage) Now() kiosk.Moment {
	return kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 0, 0, 0, zone), Boot: "boot", Up: time.Hour, Clock: kiosk.Synced}
}

func (g stage) Timeline(context.Context, string) ([]kiosk.Event, error) {
	due := g.Now().Wall.Add(time.Hour)
	all := []kiosk.Event{{Source: g.s, Epoch: g.s, Data: told("SHPA138QZ2", g.s), Moment: g.Now(), Was: g.s}}
	for i, p := range []kiosk.Payload{&kiosk.Signed{Visit: "SHPA138QZ2", Order: g.s, Adviser: g.s, Promise: &due, Items: []kiosk.Item{{No: 1, Code: g.s, Text: g.s, Category: kiosk.Category(g.s), Payer: g.s}}},
		&kiosk.Started{Job: kiosk.Job{Visit: "SHPA138QZ2", Bay: g.s, Technician: g.s}}, &kiosk.Closed{Visit: "SHPA138QZ2", Outcome: g.s, Meta: kiosk.Meta{Reason: g.s, By: g.s}}} {
		all = append(all, kiosk.Event{Source: g.s, Epoch: g.s, Seq: uint64(i + 2), Data: p, Moment: g.Now()})
	}
	return all, nil
}

func (g stage) Snapshot() *screen.Snapshot {
	all, _ := g.Timeline(context.Background(), "")
	v := kiosk.Apply(all[:3], kiosk.ShanghaiWeek(zone))
	v.Place, v.Called = g.s, g.Now().Wall
	reply, _ := g.Do(context.Background(), nil)
	asked := reply
	asked.Asked = &floor.Asked{Event: g.s, Plate: g.s, Tail: g.s, Purpose: g.s}
	return &screen.Snapshot{Ready: true, Version: g.s, Visits: []*kiosk.Visit{v}, Plates: map[string]string{v.ID: g.s}, Tails: map[string]string{v.ID: g.s},
		Bays: []floor.BayView{{Bay: floor.Bay{ID: "b1", Name: g.s}, State: floor.LampWorking, Visit: v.ID, Ticket: g.s, Technicians: []string{g.s}, Badge: g.s, Selected: g.s, Since: g.Now().Wall},
			{Bay: floor.Bay{ID: g.s, Name: g.s}, State: floor.LampState(g.s), Visit: g.s, Ticket: g.s}},
		Said: map[string]screen.Said{"b1": {N: 1, Reply: reply, Real: time.Now()}, floor.Reception: {N: 2, Reply: asked, Real: time.Now()}}, Help: []string{"b1", g.s},
		Lamps: map[string]screen.Lamp{"b1": {Colour: g.s}}, Devices: []screen.Device{{Name: g.s, Kind: g.s, Reason: g.s, Last: g.s}, {Name: "p", Kind: "printer", Up: true, Last: g.s}},
		Alarms: []screen.Alarm{{Text: words.Say(words.Key(g.s)), Detail: g.s}, {Text: words.Message{Key: "health.journal.lost", Args: []string{g.s}, List: []words.Message{words.Say("lost.unknown", g.s)}}}}, Reasons: []health.Reason{{Level: health.Degraded, Code: g.s, Text: words.Say("health.printer.paper", g.s)}}, Notice: g.s, Clock: kiosk.Synced}
}

// entrance is one door for all boards, whose people change: a door of its own
// each would cost more than all the rest.
type entrance struct {
	*staff.Door
	people atomic.Pointer[staff.Directory]
}

var front = sync.OnceValue(func() *entrance {
	e := &entrance{}
	e.Door = staff.NewDoor(e.people.Load, []byte(storeKey), time.Now)
	return e
})

// play is a stage that is given its text later, and the pages of its kiosk.
type play struct {
	http.Handler
	text atomic.Pointer[string]
}

func (p *play) now() stage { return stage{*p.text.Load()} }
func (p *play) Do(ctx context.Context, in floor.Input) (floor.Reply, error) {
	return p.now().Do(ctx, in)
}
func (p *play) Snapshot() *screen.Snapshot           { return p.now().Snapshot() }
func (p *play) Subscribe() (<-chan struct{}, func()) { return p.now().Subscribe() }
func (p *play) Prepare(floor.CheckInForm)            {}
func (p *play) Attend() func()                       { return func() {} }
func (p *play) Expected(s string) *floor.Booking     { return p.now().Expected(s) }
func (p *play) Timeline(ctx context.Context, v string) ([]kiosk.Event, error) {
	return p.now().Timeline(ctx, v)
}
func (p *play) Now() kiosk.Moment { return p.now().Now() }
func (p *play) NewID() string     { return "id" }

var stages = sync.OnceValue(func() *play {
	p := &play{}
	p.Handler = screen.New(screen.Config{Door: front().Door, Lines: func(int) []string { return []string{p.now().s} }, Setup: func() screen.Setup {
		s := p.now().s
		return screen.Setup{Store: s, Calendar: kiosk.ShanghaiWeek(zone), Staff: front().people.Load(), Menu: []screen.MenuItem{{Code: s, Text: s, Category: kiosk.Category(s), Payer: s, Minutes: 10}}}
	}}, p)
	return p
})

// board is the pages of a kiosk whose every text is s.
func board(s string) http.Handler {
	front().people.Store(staff.NewDirectory(people(s)))
	stages().text.Store(&s)
	return stages()
}

// boardPages are all pages of a kiosk, with s wherever they take a word.
func boardPages(s string) []string {
	q, p := url.QueryEscape(s), url.PathEscape(s)
	return []string{"/", "/?lang=" + q, "/ask?n=" + q, "/checkin?purpose=" + q, "/pickup?ticket=" + q, "/done?id=" + q + "&visit=" + q, "/bay/b1?lang=" + q, "/bay/" + p, "/board?lang=" + q, "/devices?d=" + q, "/sign-in?next=" + q + "&who=" + q,
		"/desk", "/desk?q=" + q + "&id=" + q + "&lang=" + q, "/desk/visit/SHPA138QZ2", "/desk/visit/" + p, "/desk/proposal?visit=" + q + "&items=" + q, "/devices/log", "/healthz", "/readyz", "/metrics", "/static/" + p, "/" + p, "/" + q}
}

func checkBoard(t testing.TB, s string) {
	t.Helper()
	v := visit(t, board(s))
	v.look(boardPages(s)[:12]...)
	v.signIn("/sign-in", "a01")
	v.look(boardPages(s)...)
	for path, form := range map[string]url.Values{"/choose": {"purpose": {s}, "lang": {s}, "id": {s}}, "/checkin": {"plate": {s}, "name": {s}, "phone": {s}, "id": {s}}, "/pickup": {"ticket": {s}, "id": {s}}, "/help": {"place": {s}, "id": {s}},
		"/confirm": {"event": {s}, "id": {s}}, "/sign-in": {"who": {s}, "pin": {s}}, "/desk/accept": {"form": {s}, "visit": {s}}, "/sign-out": {"next": {s}}} {
		_, page := v.send(http.MethodPost, path, form)
		checkPage(t, "POST "+path, page)
	}
}

// TestKioskPages: a kiosk that says s everywhere, and is told s everywhere.
func TestKioskPages(t *testing.T) {
	for _, x := range hostile.Texts() {
		checkBoard(t, short(x.Value))
	}
	v := visit(t, board(evil))
	v.signIn("/sign-in", "a01")
	for _, path := range []string{"/desk", "/desk/visit/SHPA138QZ2", "/bay/b1", "/devices"} {
		if _, page := v.send(http.MethodGet, path, nil); !strings.Contains(readable(t, page), evil) {
			t.Errorf("%s does not show what it was told, as text", path)
		}
	}
}

func FuzzKioskPages(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) { checkBoard(t, short(s)) })
}

// house is a dashboard over a real ledger, whose store and people are called s.
type house struct {
	visitor
	ledger *ledger.Ledger
	now    time.Time
}

func newHouse(t testing.TB, s string) house {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	now := time.Date(2026, 11, 3, 17, 0, 0, 0, zone)
	dir := staff.NewDirectory(people(s))
	office, err := backoffice.New(backoffice.Config{Ledger: l, Now: func() time.Time { return now }, Stores: []backoffice.Store{{Name: shop, Title: s, Calendar: kiosk.ShanghaiWeek(zone),
		Bays: []string{"b1"}, BayNames: map[string]string{"b1": s}, Staff: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	front().people.Store(dir)
	h, err := dashboard.New(dashboard.Config{Office: office, Audit: audit.New(l, "office", func() time.Time { return now }), Door: front().Door})
	if err != nil {
		t.Fatal(err)
	}
	return house{visit(t, h), l, now}
}

// happen commits the day of a car of which everything is called s.
func (h house) happen(visit, s string) {
	h.Helper()
	b := ledgertest.NewBoard(h, shop, "k1", fmt.Sprintf("%s-epoch", visit))
	due := h.now.Add(-time.Hour)
	batch := backoffice.Batch{At: h.now}
	for _, p := range []kiosk.Payload{told(visit, s), &kiosk.Accepted{Visit: visit, Adviser: s},
		&kiosk.Signed{Visit: visit, Order: s, Adviser: s, Promise: &due, Items: []kiosk.Item{{No: 1, Code: s, Text: s, Category: kiosk.Category(s), Payer: s, StandardMinutes: 30}}},
		&kiosk.Started{Job: kiosk.Job{Visit: visit, Bay: s, Technician: s}}, &kiosk.HelpCalled{Bay: s},
		&kiosk.PromiseRevised{Visit: visit, Promise: h.now, Meta: kiosk.Meta{Reason: s, By: s}}, &kiosk.Finished{Job: kiosk.Job{Visit: visit, Bay: s, Technician: s}}, &kiosk.Passed{Visit: visit, Inspector: s},
		&kiosk.Closed{Visit: visit, Outcome: s, Meta: kiosk.Meta{Reason: s, By: s}}} {
		batch.Entries = append(batch.Entries, b.Event(p))
	}
	if out, err := h.ledger.Commit(h.Context(), batch); err != nil || out.Added != len(batch.Entries) {
		h.Fatalf("commit: %+v, %v", out, err)
	}
}

// officePages are all pages of an office, with s wherever they take a word.
func officePages(visit, s string) []string {
	q, p := url.QueryEscape(s), url.PathEscape(s)
	return []string{"/signin?next=" + q, "/?lang=" + q, "/kpi?by=" + q, "/kpi/on_time?by=technician&from=" + q, "/kpi/" + p, "/orders?q=" + q + "&key=" + q + "&by=bay", "/orders/" + visit, "/orders/" + visit + "?lang=" + q, "/orders/" + p,
		"/worklist?kind=" + q, "/kiosks?x=" + q, "/report?month=" + q, "/staff", "/audit?who=" + q, "/export/orders.csv?q=" + q, "/export/figures.csv?by=" + q + "&from=" + q, "/api/v1/orders/" + p, "/api/v1/kpi?store=" + q, "/?store=" + q, "/static/" + p, "/" + p}
}

// officeWhole are the pages that show what all the cars were.
func officeWhole() []string {
	return []string{"/", "/?lang=en", "/kpi", "/kpi?by=bay", "/kpi?by=technician", "/kpi?by=category", "/kpi?by=adviser", "/kpi/on_time?by=technician", "/kpi/rework", "/kpi/appraisal", "/kpi/reworks", "/orders", "/orders?kpi=orders", "/worklist", "/kiosks", "/report", "/staff", "/audit",
		"/export/orders.csv", "/export/figures.csv?by=technician", "/api/v1/orders?kpi=orders", "/api/v1/kpi?by=technician"}
}

// TestOfficePages: a back office told of cars of which everything is hostile,
// and asked for everything by hostile words.
func TestOfficePages(t *testing.T) {
	h := newHouse(t, evil)
	all := hostile.Texts()
	for i, x := range all {
		h.happen(fmt.Sprintf("V%09d", i), short(x.Value)[:min(len(x.Value), 500)])
	}
	h.look("/", "/signin")
	h.signIn("/signin", "m01")
	h.look(officeWhole()...)
	h.happen("V999999999", evil)
	for _, path := range []string{"/", "/orders/V999999999", "/kpi?by=technician", "/staff"} {
		if _, page := h.send(http.MethodGet, path, nil); !strings.Contains(readable(t, page), evil) {
			t.Errorf("%s does not show what it was told, as text", path)
		}
	}
	bare := newHouse(t, evil)
	bare.happen("V000000000", evil)
	bare.signIn("/signin", "m01")
	for i, x := range all {
		h.look(fmt.Sprintf("/orders/V%09d", i))
		pages := officePages("V000000000", x.Value[:min(len(x.Value), 1000)])
		if !slices.Contains([]hostile.Attack{hostile.Markup, hostile.Header, hostile.Path, hostile.Broken}, x.Attack) {
			pages = []string{pages[i%len(pages)], pages[(i+7)%len(pages)], pages[(i+14)%len(pages)]} // each in turn: what these texts break is no address
		}
		bare.look(pages...)
	}
	for _, x := range hostile.Texts(hostile.Markup, hostile.Header, hostile.Path) {
		for _, path := range []string{"/signin", "/record", "/staff"} {
			_, page := h.send(http.MethodPost, path, url.Values{"who": {x.Value}, "pin": {x.Value}, "next": {x.Value}, "form": {x.Value}, "type": {x.Value}, "visit": {x.Value}, "id": {x.Value}})
			checkPage(t, "POST "+path, page)
		}
	}
}

func FuzzOfficePages(f *testing.F) {
	seed(f)
	h, n := newHouse(f, evil), 0
	h.signIn("/signin", "m01")
	f.Fuzz(func(t *testing.T, s string) {
		s = s[:min(len(s), 1000)]
		n++
		id := fmt.Sprintf("V%09d", n)
		asked := h
		asked.TB = t
		asked.happen(id, s)
		asked.look(officePages(id, s)[5:]...)
	})
}
