package hostile_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"baylight/cmd/internal/hostile"
)

// site is one of the two servers as an attacker knows it.
type site struct {
	name, base, signIn string
	posts              []string // whatever changes something
	pages              []string
}

func (s *store) sites() []site {
	return []site{
		{"kiosk", "http://" + s.kiosk, "/sign-in", []string{"/choose", "/confirm", "/checkin", "/pickup", "/help", "/sign-in", "/sign-out", "/desk/accept", "/desk/close", "/desk/sign", "/devices/test", "/devices/identify", "/api/sign-in", "/api/kiosk/checkin", "/api/desk/accept"},
			[]string{"/", "/desk", "/board", "/devices", "/healthz", "/metrics", "/stream", "/static/layout.css"}},
		{"office", "http://" + s.office, "/signin", []string{"/signin", "/signout", "/record", "/bookings", "/staff", "/api/v1/events", "/api/v1/bookings", "/api/v1/import", "/api/v1/verify?repair=true", "/api/v1/staff", "/api/v1/erasures"},
			[]string{"/", "/kpi", "/orders", "/api/v1/kpi", "/api/v1/export", "/api/v1/openapi.json", "/healthz", "/metrics", "/stream", "/static/chart.js"}},
	}
}

// public says whether a page of a kiosk asks for nothing: whoever stands before it
// chooses a language, or calls for help.
func public(path string) bool { return path == "/choose" || path == "/help" }

// TestServers: attacks on a real kiosk and a real back office over the network.
func TestServers(t *testing.T) {
	s := newStore(t)
	s.open()
	for _, at := range s.sites() {
		t.Run(at.name+" DNS rebinding", func(t *testing.T) { s.rebinding(t, at) })
		t.Run(at.name+" CSRF", func(t *testing.T) { s.forged(t, at) })
		t.Run(at.name+" session fixation", func(t *testing.T) { s.fixation(t, at) })
		t.Run(at.name+" bodies", func(t *testing.T) { s.bodies(t, at) })
	}
	t.Run("imports", s.imports)
	if text := s.log.String(); strings.Contains(text, "panic") {
		t.Error(text)
	}
}

// rebinding: a name that somebody made point here is answered 421 on every path.
func (s *store) rebinding(t *testing.T, at site) {
	for _, host := range []string{"evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "localhost.", "0.0.0.0", "[::]", "10.0.0.7", "kiosk", "127.0.0.1:80:80"} {
		for _, path := range append(at.pages, at.posts...) {
			method := http.MethodGet
			if path != at.pages[0] && strings.Contains(strings.Join(at.posts, " "), path) {
				method = http.MethodPost
			}
			if status, _, body := s.ask(s.browser(), method, at.base+path, map[string]string{"Host": host}, nil); status != http.StatusMisdirectedRequest && status != http.StatusBadRequest || strings.Contains(body, "<form") {
				t.Errorf("%s %s as %q: %d", method, path, host, status)
			}
		}
	}
}

// forged: what another site's page can send, it sends in vain, also with the
// cookie of somebody who is signed in.
func (s *store) forged(t *testing.T, at site) {
	c := s.browser()
	s.enter(t, c, at)
	before := outbox{}
	s.tool("/outbox", nil, &before)
	for _, head := range []map[string]string{
		{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost"}, {"Origin": strings.Replace(at.base, "http", "https", 1)}, {"Origin": at.base + ".evil.example"},
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "cross-site", "Origin": at.base}, {"Sec-Fetch-Site": "Same-Origin "},
	} {
		for _, path := range at.posts {
			for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json"} {
				all := map[string]string{"Content-Type": kind}
				for k, v := range head {
					all[k] = v
				}
				status, answer, _ := s.ask(c, http.MethodPost, at.base+path, all, strings.NewReader("who=m01&pin="+pin+"&plate=x&purpose=fault&id=x"))
				if status != http.StatusForbidden && status != http.StatusUnsupportedMediaType && status != http.StatusUnauthorized || answer.Get("Set-Cookie") != "" {
					t.Errorf("POST %s as %s with %v: %d %v", path, kind, head, status, answer)
				}
			}
		}
	}
	// Without a word of where it comes from, only the session's secret opens what changes something.
	for _, path := range at.posts {
		if strings.Contains(path, "sign") || strings.HasPrefix(path, "/api/v1/") || public(path) {
			continue // they ask for a PIN, for what no form can send, or for nothing
		}
		status, _, page := s.ask(c, http.MethodPost, at.base+path, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, strings.NewReader("visit=x&form=guess&id=x&plate=x"))
		if status < 400 {
			t.Errorf("POST %s without a secret: %d %.200s", path, status, page)
		}
	}
	after := outbox{}
	s.tool("/outbox", nil, &after)
	if after.Head != before.Head {
		t.Errorf("%d events came of forged requests", after.Head-before.Head)
	}
}

// enter signs somebody in.
func (s *store) enter(t *testing.T, c *http.Client, at site) http.Header {
	t.Helper()
	status, head, page := s.ask(c, http.MethodPost, at.base+at.signIn, map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}, strings.NewReader(url.Values{"who": {"m01"}, "pin": {pin}}.Encode()))
	if status != http.StatusSeeOther {
		t.Fatalf("cannot sign in: %d %.300s", status, page)
	}
	return head
}

var cookie = regexp.MustCompile(`^baylight=([A-Za-z0-9_-]{43}); Path=/; HttpOnly; SameSite=Strict$`)

// fixation: a session is new at each sign-in, the one before it ends, and signing
// out ends it at the server.
func (s *store) fixation(t *testing.T, at site) {
	inside := map[string]string{"kiosk": "/desk", "office": "/staff"}[at.name]
	open := func(token string) bool {
		status, _, _ := s.ask(s.browser(), http.MethodGet, at.base+inside, map[string]string{"Cookie": "baylight=" + token}, nil)
		return status == http.StatusOK
	}
	planted := strings.Repeat("A", 43)
	c := s.browser()
	u, err := url.Parse(at.base)
	if err != nil {
		t.Fatal(err)
	}
	c.Jar.SetCookies(u, []*http.Cookie{{Name: "baylight", Value: planted}})
	var tokens []string
	for range 2 {
		m := cookie.FindStringSubmatch(s.enter(t, c, at).Get("Set-Cookie"))
		if m == nil {
			t.Fatal("the cookie is not as it has to be")
		}
		tokens = append(tokens, m[1])
	}
	if tokens[0] == planted || tokens[0] == tokens[1] || open(planted) || open("") || open(hostile.Mark) {
		t.Error("a session is not new, or a planted one is good")
	}
	if open(tokens[0]) || !open(tokens[1]) {
		t.Error("the session before goes on, or the new one is none")
	}
	if status, _, _ := s.ask(c, http.MethodPost, at.base+strings.Replace(at.signIn, "in", "out", 1), map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}, nil); status != http.StatusSeeOther {
		t.Errorf("signing out: %d", status)
	}
	if open(tokens[1]) {
		t.Error("signed out, the session is still good")
	}
}

// bodies: what is too long, packed, deep or broken is refused, and the server
// answers the next one.
func (s *store) bodies(t *testing.T, at site) {
	c := s.browser()
	s.enter(t, c, at)
	for name, body := range map[string][]byte{"10 MB": hostile.Huge(), "deep": hostile.Deep(1_000_000)[:60_000], "deeper": hostile.Deep(1_000_000), "bomb": bomb(t, 64<<20)} {
		for _, path := range at.posts {
			for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/x-ndjson"} {
				head := map[string]string{"Content-Type": kind, "Sec-Fetch-Site": "same-origin", "Authorization": "Bearer a token of the office", "Origin": at.base}
				if name == "bomb" {
					head["Content-Encoding"] = "gzip"
				}
				status, _, text, err := s.try(c, at.base+path, head, body)
				bodiless := public(path) || strings.Contains(path, "sign-out") || strings.Contains(path, "signout") || strings.Contains(path, "verify")
				if err == nil && (status < 400 && !bodiless || status >= 500) {
					t.Errorf("POST %s of %s as %s: %d %.200s", path, name, kind, status, text)
				}
			}
		}
		if status, _, _ := s.ask(c, http.MethodGet, at.base+"/healthz", nil, nil); status != http.StatusOK {
			t.Errorf("after %s: /healthz %d", name, status)
		}
	}
}

// try is ask of a server that may hang up while it is being told.
func (s *store) try(c *http.Client, address string, head map[string]string, body []byte) (int, http.Header, string, error) {
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, "", err
	}
	for k, v := range head {
		r.Header.Set(k, v)
	}
	res, err := c.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(http.MaxBytesReader(nil, res.Body, 1<<20))
	return res.StatusCode, res.Header, b.String(), err
}

// bomb is so many zeros, packed.
func bomb(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for chunk := make([]byte, 1<<20); n > 0; n -= len(chunk) {
		if _, err := z.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imports: every text of the corpus as a file of bookings and of events, and a
// workbook where a table is wanted: nothing of it is taken, the answer is short.
func (s *store) imports(t *testing.T) {
	var book bytes.Buffer
	f := excelize.NewFile()
	defer f.Close()
	if err := f.Write(&book); err != nil {
		t.Fatal(err)
	}
	files := [][]byte{book.Bytes(), bomb(t, 8<<20), hostile.Deep(400_000), []byte("{}\n{}\n"), []byte(`{"base64":"` + strings.Repeat("A", 300<<10) + `"}`), []byte(`{"id":"x","source":"../../x","person":{}}`)}
	for _, v := range values() {
		files = append(files, []byte(v), []byte("time,plate\n2026-03-02 10:00,\""+strings.ReplaceAll(v, `"`, `""`)+"\"\n"))
	}
	c := s.browser()
	for i, file := range files {
		for _, path := range []string{"/api/v1/import", "/api/v1/bookings"} {
			status, _, answer, err := s.try(c, "http://"+s.office+path, map[string]string{"Authorization": "Bearer a token of the office", "Content-Type": "text/csv"}, file)
			taken := status == http.StatusOK && (strings.Contains(answer, `"added":0`) || path == "/api/v1/bookings" && i >= 6 && i%2 == 1 || len(strings.TrimSpace(string(file))) == 0)
			if err != nil || status < 400 && !taken || status >= 500 || len(answer) > 64<<10 {
				t.Errorf("POST %s of %.60q: %d, %d bytes: %.300q, %v", path, file, status, len(answer), answer, err)
			}
		}
	}
	if status, _, body := s.ask(c, http.MethodGet, "http://"+s.office+"/api/v1/export?store="+shop, map[string]string{"Authorization": "Bearer a token of the office"}, nil); status != http.StatusOK || strings.Contains(body, "DROP TABLE") {
		t.Errorf("after the imports: %d %.200s", status, body)
	}
}
