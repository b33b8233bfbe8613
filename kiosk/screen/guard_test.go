package screen

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"baylight/kiosk/floor"
	"baylight/kiosk/words"
)

func TestForgedRequests(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.signIn("a01").get("/desk/visit/" + v)
	good := b.fill("/desk/accept", nil)
	send := func(host, origin, site, kind string, form url.Values) int {
		t.Helper()
		r, _ := http.NewRequest("POST", b.url+"/desk/accept", strings.NewReader(form.Encode()))
		if host != "" {
			r.Host = host
		}
		for k, s := range map[string]string{"Origin": origin, "Sec-Fetch-Site": site, "Content-Type": kind} {
			if s != "" {
				r.Header.Set(k, s)
			}
		}
		b.do(r)
		return b.code
	}
	const urlencoded = "application/x-www-form-urlencoded"
	without := url.Values{"id": good["id"], "visit": good["visit"]}
	wrong := url.Values{"id": good["id"], "visit": good["visit"], "form": {"x"}}
	chosen := url.Values{"id": {"my-own-id"}, "visit": good["visit"], "form": good["form"]}
	for _, c := range []struct {
		name                     string
		host, origin, site, kind string
		form                     url.Values
		want                     int
	}{
		{"another site's page", "", "https://evil.example", "", urlencoded, good, 403},
		{"another site by fetch metadata", "", b.url, "cross-site", urlencoded, good, 403},
		{"a page of the same network", "", "", "same-site", urlencoded, good, 403},
		{"a rebound name", "evil.example", "", "", urlencoded, good, 421},
		{"no form secret", "", b.url, "", urlencoded, without, 403},
		{"a wrong form secret", "", b.url, "", urlencoded, wrong, 403},
		{"an id nobody signed", "", b.url, "", urlencoded, chosen, 422},
		{"text/plain as another site may send", "", "", "", "text/plain", good, 403},
	} {
		if got := send(c.host, c.origin, c.site, c.kind, c.form); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if n := b.s.count("visit.accepted"); n != 0 {
		t.Errorf("%d forged acceptances went through", n)
	}
	if r, _ := http.NewRequest("GET", b.url+"/desk/accept", nil); r != nil {
		if b.do(r); b.code != http.StatusMethodNotAllowed {
			t.Errorf("GET of an action: %d", b.code)
		}
	}
	if got := send("", b.url, "same-origin", urlencoded, good); got != 200 || b.s.count("visit.accepted") != 1 {
		t.Errorf("the real form: %d", got)
	}
	b.get("/desk").send("/sign-out", nil)
	if b.at != "/sign-in" {
		t.Errorf("signed out, at %s", b.at)
	}
	if got := send("", b.url, "", urlencoded, good); got != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", got)
	}
}

func TestSignInLimits(t *testing.T) {
	b := browse(t)
	b.get("/sign-in")
	for range 5 {
		if b.post("/sign-in", url.Values{"who": {"a01"}, "pin": {"1111"}}); b.code != http.StatusUnauthorized {
			t.Fatalf("wrong PIN: %d", b.code)
		}
		b.shows("工牌或密码不正确")
	}
	if b.post("/sign-in", url.Values{"who": {"a01"}, "pin": {"2468"}}); b.code != http.StatusTooManyRequests || b.head.Get("Retry-After") == "" {
		t.Errorf("after five failures: %d, Retry-After %q", b.code, b.head.Get("Retry-After"))
	}
}

func TestHeaders(t *testing.T) {
	b := browse(t)
	for _, path := range []string{"/", "/board", "/bay/b1", "/devices", "/sign-in", "/healthz", "/nothing"} {
		b.get(path)
		csp := b.head.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || b.head.Get("X-Content-Type-Options") != "nosniff" || b.head.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", path, b.head)
		}
		for _, inline := range []string{"<style", " style=", " onclick", "javascript:", "http://", "https://"} {
			if strings.Contains(b.page, inline) {
				t.Errorf("%s contains %q", path, inline)
			}
		}
		if s := regexp.MustCompile(`<script[^>]*>[^<]`).FindString(b.page); s != "" {
			t.Errorf("%s has a script inline: %s", path, s)
		}
		if len(b.page) > 150_000 {
			t.Errorf("%s is %d bytes", path, len(b.page))
		}
	}
}

// hostile is what somebody may type or send as any text.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{.}}=HYPERLINK("x")`

func TestHostileTextIsEscaped(t *testing.T) {
	b := browse(t)
	b.s.mu.Lock()
	b.s.devices = append(b.s.devices, Device{Name: hostile, Kind: hostile, Reason: hostile, Last: hostile})
	b.s.said["b1"] = Said{N: 1, Real: b.s.real, Reply: floor.Reply{Good: true, Message: words.Say("floor.bad_input", hostile), Place: "b1"}}
	b.s.mu.Unlock()
	v := b.checkedIn("粤B12345")
	b.signIn("s01")
	q := url.QueryEscape(hostile)
	for _, path := range []string{"/", "/?lang=" + q, "/checkin?purpose=" + q, "/done?id=" + q, "/bay/b1", "/bay/" + url.PathEscape(hostile), "/board", "/devices", "/metrics",
		"/desk", "/desk?q=" + q, "/desk?id=" + q, "/desk/visit/" + v, "/desk/visit/" + url.PathEscape(hostile)} {
		b.get(path)
		if path != "/metrics" {
			b.hides("<script>alert", "<img src=x")
		}
	}
	b.signIn("a01").get("/desk/visit/"+v).send("/desk/close", url.Values{"outcome": {"other"}, "reason": {hostile}})
	b.get("/desk/visit/" + v).shows("&lt;script&gt;alert(1)")
	b.hides("<script>alert", "<img src=x")
	b.get("/desk").send("/desk/checkin", url.Values{"plate": {hostile}, "vin": {hostile}, "name": {hostile}})
	b.hides("<script>alert", "<img src=x")
}
