package screen

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk/floor"
	"baylight/kiosk/words"
)

// caller asks a handler as somebody at an address.
type caller struct {
	t    *testing.T
	h    http.Handler
	from string
}

func (c caller) ask(method, path, kind, body string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequest(method, "http://kiosk1.local"+path, strings.NewReader(body))
	r.RemoteAddr = c.from + ":4711"
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

// checkIn is a script's, of a car that no other has.
func (c caller) checkIn(n int) *httptest.ResponseRecorder {
	return c.ask("POST", "/api/kiosk/checkin", "application/json", fmt.Sprintf(`{"plate":"粤B%05d","purpose":"fault"}`, n))
}

// TestFlood: a day's customers come through at once, a flood does not; the kiosk's own
// screen and signed-in staff are not held up by one from elsewhere, and whoever waits
// goes on.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := open(t)
		cfg.Real = time.Now
		h := New(cfg, s)
		own, one, two, three := caller{t, h, "127.0.0.1"}, caller{t, h, "10.0.0.1"}, caller{t, h, "10.0.0.2"}, caller{t, h, "10.0.0.3"}
		n := 0
		flood := func(c caller, most int) (good int, last *httptest.ResponseRecorder) {
			for range most {
				n++
				if last = c.checkIn(n); last.Code == http.StatusOK {
					good++
				} else if last.Code != http.StatusTooManyRequests {
					t.Fatalf("%d: %s", last.Code, last.Body)
				}
			}
			return good, last
		}
		for _, c := range []struct {
			caller
			let  int
			wait string
		}{{one, ownBurst, "6"}, {two, ownBurst, "6"}, {three, 0, "3"}, {own, ownBurst, "6"}} {
			good, last := flood(c.caller, 500)
			if good != c.let || last.Header().Get("Retry-After") != c.wait || last.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d of 500 went through, want %d; then %v %s", c.from, good, c.let, last.Header(), last.Body)
			}
		}
		if got := s.count("visit.checked_in"); got != 3*ownBurst {
			t.Errorf("%d cars are checked in, %d were let through", got, 3*ownBurst)
		}
		time.Sleep(ownEvery)
		if good, _ := flood(own, 5); good != 1 {
			t.Errorf("after %v %d went through, want 1", ownEvery, good)
		}
		time.Sleep(24 * time.Hour)
		for range 228 { // a queue that never ends, at a pace that no door lets in
			n++
			if w := own.checkIn(n); w.Code != http.StatusOK {
				t.Fatalf("customer %d waits: %d %s", n, w.Code, w.Body)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// TestHeldUpForms: who is held up sees the page again with what was entered, and the
// same form is taken later; what was done before is answered at no cost.
func TestHeldUpForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := open(t)
		cfg.Real = time.Now
		h := New(cfg, s)
		c := caller{t, h, "10.0.0.1"}
		const urlencoded = "application/x-www-form-urlencoded"
		fill := func(page string, v url.Values) string {
			t.Helper()
			w := c.ask("GET", page, "", "")
			m := inputs.FindAllStringSubmatch(w.Body.String(), -1)
			for _, in := range m {
				if in[1] == "id" {
					v.Set("id", in[2])
				}
			}
			if v.Get("id") == "" {
				t.Fatalf("%s has no form: %s", page, w.Body)
			}
			return v.Encode()
		}
		before := fill("/checkin?purpose=fault", url.Values{"plate": {"粤B12345"}, "purpose": {"fault"}, "waiting": {"1"}})
		if w := c.ask("POST", "/checkin", urlencoded, before); w.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for i := range 2 * ownBurst {
			c.checkIn(i)
		}
		if w := c.ask("POST", "/checkin", urlencoded, before); w.Code != http.StatusSeeOther {
			t.Errorf("a double tap: %d", w.Code)
		}
		was := s.count("visit.checked_in")
		late := fill("/checkin?purpose=fault", url.Values{"plate": {"粤B99999"}, "purpose": {"fault"}, "waiting": {"1"}})
		s.mu.Lock()
		s.said[floor.Reception] = Said{N: 1, Real: time.Now(), Reply: floor.Reply{Good: true, Asked: &floor.Asked{Event: "e1", Plate: "粤B••345"}}}
		s.mu.Unlock()
		kept := map[string]string{"/checkin": "粤B99999", "/confirm": "粤B••345"}
		for path, form := range map[string]string{"/checkin": late, "/pickup": fill("/pickup", url.Values{"ticket": {"A001"}}), "/help": "",
			"/confirm": fill("/ask?said=1", url.Values{"said": {"1"}, "purpose": {"fault"}, "waiting": {"1"}})} {
			w := c.ask("POST", path, urlencoded, form)
			said := words.Say("screen.busy", w.Header().Get("Retry-After")).In(words.ZH)
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), said) {
				t.Errorf("%s: %d, Retry-After %q: %s", path, w.Code, w.Header().Get("Retry-After"), w.Body)
			}
			if !strings.Contains(w.Body.String(), kept[path]) {
				t.Errorf("%s: what was entered or asked is lost: %s", path, w.Body)
			}
		}
		if n := s.count("visit.checked_in"); n != was {
			t.Errorf("%d were checked in while held up", n-was)
		}
		time.Sleep(ownEvery)
		if w := c.ask("POST", "/checkin", urlencoded, late); w.Code != http.StatusSeeOther || s.count("visit.checked_in") != was+1 {
			t.Errorf("after waiting: %d", w.Code)
		}
	})
}
