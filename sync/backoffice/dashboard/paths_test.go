package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"baylight/sync/backoffice/dashboard"
)

// TestUnknownPaths: an address that is none, a method that an address does not
// take and a foreign host name are told to scripts by RFC 9457, to people on a page.
func TestUnknownPaths(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	ask := func(method, host, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://"+host+path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		s.server.Config.Handler.ServeHTTP(w, r)
		return w
	}
	for _, c := range []struct {
		method, host, path string
		status             int
		says               string
	}{
		{"GET", "localhost", "/api/v1/kpis", 404, `there is nothing at \"/api/v1/kpis\"`},
		{"GET", "localhost", "/api/", 404, "there is nothing"},
		{"POST", "localhost", "/api/v1/kpi", 405, `POST is not among what \"/api/v1/kpi\" takes: GET, HEAD`},
		{"DELETE", "localhost", "/api/v1/events", 405, "takes: GET, HEAD, POST"},
		{"GET", "evil.example", "/api/v1/kpi", 421, "evil.example"},
		{"POST", "evil.example", "/api/v1/events", 421, "evil.example"},
		{"GET", "localhost", "/riesgo", 404, "这里没有“/riesgo”这个页面。"},
		{"GET", "localhost", "/riesgo?lang=en", 404, "There is no page “/riesgo”."},
		{"GET", "localhost", "/%2F%2Fevil.example", 404, `<a href="/evil.example?lang=en"`},
		{"GET", "localhost", "/%5Cevil.example", 404, `<a href="/evil.example?lang=en"`},
		{"GET", "localhost", "/%2F%09%2Fevil.example", 404, `<a href="/%09/evil.example?lang=en"`},
		{"PUT", "localhost", "/kpi", 405, "这里没有"},
		{"GET", "localhost", "/static/none.js", 404, ""},
	} {
		w := ask(c.method, c.host, c.path)
		kind, want := w.Header().Get("Content-Type"), "text/html"
		switch {
		case strings.HasPrefix(c.path, "/api/"):
			want = "application/problem+json"
			if got := pick(t, w.Body.String(), "status"); got != float64(c.status) {
				t.Errorf("%s %s: status %v in %s", c.method, c.path, got, w.Body)
			}
		case strings.HasPrefix(c.path, "/static/"):
			want = "text/plain"
		}
		if w.Code != c.status || !strings.HasPrefix(kind, want) || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: %d %s, want %d %s %q: %.300s", c.method, c.path, w.Code, kind, c.status, want, c.says, w.Body)
		}
		if c.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: nothing is said to be allowed", c.method, c.path)
		}
	}
	if w := ask("GET", "localhost", "//kpi"); w.Code/100 != 3 || !strings.HasSuffix(w.Header().Get("Location"), "/kpi") {
		t.Errorf("//kpi: %d %s", w.Code, w.Header())
	}
}
