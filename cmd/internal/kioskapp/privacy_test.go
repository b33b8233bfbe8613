package kioskapp_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/kiosk/staff"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// Whom this test's shop serves.
const (
	customer = "欧阳小明"
	itsPhone = "13812345678"
	itsPlate = "粤C54321"
	another  = "沪A98765"
)

// somebody are texts that may stand in person parts and nowhere else.
func somebody() (out []string) {
	for n := 1; n <= 3; n++ {
		out = append(out, car(n))
	}
	return append(out, customer, itsPhone, itsPlate, "C54321", another, "A98765")
}

// reader looks at pages as one person, at one place.
type reader struct {
	t      *testing.T
	who    string
	base   string
	client *http.Client
	token  string
	read   map[string]bool // addresses
	more   []string        // what it may not read either
}

// get reads one address, and holds what comes to it that it names nobody.
func (r *reader) get(path string) (body string, status int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	must(r.t, err)
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	res, err := r.client.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	must(r.t, err)
	r.names(path, raw)
	return string(raw), res.StatusCode
}

// names looks for people, also within a spreadsheet.
func (r *reader) names(path string, raw []byte) {
	r.t.Helper()
	texts := map[string]string{"": html.UnescapeString(string(raw))}
	if z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw))); err == nil {
		for _, f := range z.File {
			in, err := f.Open()
			must(r.t, err)
			b, err := io.ReadAll(io.LimitReader(in, 4<<20))
			must(r.t, err)
			texts[f.Name] = html.UnescapeString(string(b))
		}
	}
	asked, err := url.QueryUnescape(path)
	must(r.t, err)
	for part, text := range texts {
		for _, s := range append(somebody(), r.more...) {
			if at := strings.Index(strings.ToUpper(text), strings.ToUpper(s)); at >= 0 && !strings.Contains(asked, s) { // who asks for it knows it
				r.t.Errorf("%s reads %q at %s %s: …%s…", r.who, s, path, part, text[max(0, at-60):min(len(text), at+60)])
			}
		}
	}
}

var links = regexp.MustCompile(`(?:href|src)="(/[^"#]*)"`)

// walk follows every link from the beginnings on, so many pages at most, and
// gives how many it read.
func (r *reader) walk(limit int, from ...string) int {
	r.t.Helper()
	for todo := from; len(todo) > 0 && len(r.read) < limit; {
		path := todo[0]
		todo = todo[1:]
		if r.read[path] || strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/stream") || strings.HasPrefix(path, "/live") {
			continue
		}
		r.read[path] = true
		body, _ := r.get(path)
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			todo = append(todo, html.UnescapeString(m[1]))
		}
	}
	return len(r.read)
}

func newReader(t *testing.T, who, base string) *reader {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &reader{t: t, who: who, base: base, client: &http.Client{Jar: jar, Timeout: patience}, read: map[string]bool{}}
}

// signIn signs in at the office.
func (r *reader) signIn(who string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.base+"/signin", strings.NewReader(url.Values{"who": {who}, "pin": {pin}}.Encode()))
	must(r.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", r.base)
	res, err := r.client.Do(req)
	must(r.t, err)
	res.Body.Close()
	if res.StatusCode >= 400 {
		r.t.Fatalf("%s does not get in: %s", who, res.Status)
	}
}

// shopPeople is the office's staff file: one of each kind who reads.
func shopPeople(t *testing.T) string {
	v, err := verifier()
	must(t, err)
	var b strings.Builder
	b.WriteString("schema = 1\n[[person]]\nid = \"t01\"\nname = \"李师傅\"\nbadge = \"0A70000001\"\nroles = [\"technician\"]\n")
	for _, p := range [][2]string{{"a01", string(staff.Adviser)}, {"v01", string(staff.Viewer)}, {"m01", string(staff.Manager)}} {
		fmt.Fprintf(&b, "[[person]]\nid = %q\nname = %q\nroles = [%q]\npin = %q\n", p[0], "王"+p[1], p[1], v)
	}
	return b.String()
}

// logs is a log that may be read while it is written.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *logs) text() []byte                { l.mu.Lock(); defer l.mu.Unlock(); return bytes.Clone(l.b.Bytes()) }

// A shop's day at a real board and a real back office: no page, no answer of an
// API, no file to take home, no topic but the one for person parts, no log and no
// paper names a customer, whoever looks. What does is the export with person
// parts, for the manager and the token alone.
func TestNobodyIsNamed(t *testing.T) {
	t.Parallel()
	var officeLog logs
	o := newOfficeOf(t, shopPeople(t), slog.NewTextHandler(&officeLog, nil))
	said := o.everything()
	r := newRig(t)
	r.gate.open(o.broker.Addr())
	r.up()
	r.await("whom the office names", func() bool { return slices.Contains(r.holds(`"v01"`), "staff.json") })
	papers := r.busyDay()
	r.delivered()
	orders, _ := newTokenReader(t, o).get("/api/v1/orders?from=2026-03-02&to=2026-03-03")
	visits := regexp.MustCompile(`"visit":"([^"]+)"`).FindAllStringSubmatch(orders, -1)

	board := "http://" + r.http
	for _, who := range []string{"", "a01", "m01"} {
		look := newReader(t, "at the board "+who, board)
		if who == "" {
			look.more = []string{car(1)[11:], car(2)[11:], "王顾问", "王adviser"} // by the end of a VIN staff know a car
		} else {
			r.post(look.client, "/api/sign-in", map[string]any{"who": who, "pin": pin})
		}
		if n := look.walk(120, "/", "/board", "/bay/b1", "/devices", "/desk", "/checkin", "/pickup", "/healthz", "/metrics", "/devices/log", "/devices/support"); n < 12 {
			t.Errorf("%s read only %d pages", look.who, n)
		}
	}
	for _, who := range []string{"", "v01", "a01", "m01", "token"} {
		look := newReader(t, "at the office "+who, "http://"+o.http)
		switch who {
		case "":
		case "token":
			look.token = "a-token"
		default:
			look.signIn(who)
		}
		from := []string{"/", "/kpi", "/orders", "/kiosks", "/healthz", "/metrics", "/api/v1/kpi?from=2026-03-02&to=2026-03-03&by=day", "/api/v1/orders?from=2026-03-02&to=2026-03-03",
			"/api/v1/bays", "/api/v1/kiosks", "/api/v1/events?after=0&limit=1000", "/api/v1/staff", "/api/v1/erasures", "/api/v1/export?from=2026-03-02&to=2026-03-03",
			"/api/v1/orders/" + car(1), "/orders?q=" + url.QueryEscape(itsPlate), "/api/v1/orders?from=" + car(2) + "&to=x"}
		for _, v := range visits {
			from = append(from, "/orders/"+v[1], "/api/v1/orders/"+v[1])
		}
		if n := look.walk(160, from...); n < 15 || who != "" && n < 40 {
			t.Errorf("%s read only %d pages", look.who, n)
		}
		for _, kind := range []string{"csv", "xlsx"} {
			if who != "" && !slices.ContainsFunc(slices.Collect(maps.Keys(look.read)), func(path string) bool { return strings.Contains(path, kind) }) {
				t.Errorf("%s saw no %s", look.who, kind)
			}
		}
		parts, status := look.persons()
		if may := who == "m01" || who == "token"; may != (status == http.StatusOK) || may != strings.Contains(parts, car(1)) {
			t.Errorf("%s asks for person parts and gets %d", look.who, status)
		}
	}

	everywhere := newReader(t, "somebody", "")
	topics := said()
	if len(topics["person"]) == 0 || !bytes.Contains(topics["person"], []byte(car(1))) {
		t.Error("no person part was seen: this test would find nothing")
	}
	for topic, b := range topics {
		if topic != "person" {
			everywhere.names("topic "+topic, b)
		}
	}
	everywhere.names("the board's log", []byte(r.logged.String()))
	everywhere.names("the office's log", officeLog.text())
	everywhere.names("paper", papers)
}

// persons asks for what only some may have.
func (r *reader) persons() (string, int) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.base+"/api/v1/export?from=2026-03-02&to=2026-03-03&persons=1", nil)
	must(r.t, err)
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	res, err := r.client.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	return string(b), res.StatusCode
}

func newTokenReader(t *testing.T, o *office) *reader {
	r := newReader(t, "the token", "http://"+o.http)
	r.token = "a-token"
	return r
}

// everything listens to all topics of the store, and gives what came by kind.
func (o *office) everything() func() map[string][]byte {
	o.t.Helper()
	var mu sync.Mutex
	all := map[string][]byte{}
	l, err := link.New(link.Config{Broker: o.broker.URL(), ClientID: "all", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(o.t, err)
	l.Handle(wire.Prefix+store+"/#", wire.QoS, func(_ context.Context, m link.Message) {
		mu.Lock()
		defer mu.Unlock()
		kind := strings.TrimPrefix(m.Topic, wire.Prefix+store+"/")
		if strings.HasSuffix(kind, "/person") {
			kind = "person"
		}
		all[kind] = append(append(all[kind], m.Payload...), '\n')
	})
	o.run(l.Run)
	_, err = l.Next(o.t.Context(), 0)
	must(o.t, err)
	return func() map[string][]byte {
		mu.Lock()
		defer mu.Unlock()
		out := map[string][]byte{}
		for k, v := range all {
			out[k] = slices.Clone(v)
		}
		return out
	}
}

// busyDay has all kinds of personal data come in, right and wrong, and gives what
// was printed.
func (r *rig) busyDay() (papers []byte) {
	r.t.Helper()
	desk := r.desk()
	r.scan("front", car(1), bench.AckGood)
	first := r.ticket()
	papers = append(papers, first...)
	r.post(desk, "/api/desk/checkin", map[string]any{"plate": itsPlate, "vin": car(2), "name": customer, "phone": itsPhone, "purpose": "fault"})
	papers = append(papers, r.ticket()...)
	r.post(desk, "/api/desk/checkin", map[string]any{"plate": another, "purpose": "maintenance"})
	papers = append(papers, r.ticket()...)
	visit := r.visitOn(first)
	r.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	r.scan("s1", badge, bench.AckGood)
	r.scan("s1", car(3), bench.AckBad)
	r.scan("s1", itsPlate, bench.AckBad)
	r.scan("front", "BK="+customer+" "+itsPhone+" "+itsPlate, bench.AckBad)
	for _, bad := range []map[string]any{{"plate": customer}, {"plate": itsPlate + itsPlate}, {"plate": itsPlate, "phone": customer}} {
		r.wrong(desk, "/api/desk/checkin", bad)
	}
	r.wrong(desk, "/api/desk/"+itsPlate+car(1), map[string]any{"name": customer})
	r.wrong(http.DefaultClient, "/api/sign-in", map[string]any{"who": customer, "pin": "9753"})
	r.post(desk, "/api/desk/close", map[string]any{"visit": visit, "outcome": "left"})
	return papers
}
