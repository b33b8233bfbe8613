package screen

import (
	"net/http"
	"strconv"
	"strings"

	"baylight/kiosk/words"
)

// again is after how many seconds a page asks whether the kiosk has started.
const again = "2"

// starting answers, while the kiosk reads its records, whatever would show them or
// change them: an empty shop would be a wrong answer. It says whether it has.
func (h *handler) starting(w http.ResponseWriter, r *http.Request) bool {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/static/"), path == "/stream", path == "/healthz", path == "/readyz", path == "/metrics":
		return false
	}
	s := h.st.Snapshot()
	if !s.Starting {
		return false
	}
	w.Header().Set("Retry-After", again)
	if isAPI(r) || isJSON(r) {
		h.problem(w, r, http.StatusServiceUnavailable, words.Say("screen.starting"), "", false)
		return true
	}
	p := h.page(r, "starting", "screen.starting")
	if s.Head > 0 && s.Read > 0 {
		p.Data = strconv.FormatUint(min(s.Read*100/s.Head, 99), 10)
	}
	to := again
	if r.Method != http.MethodGet {
		to += "; url=" + p.To("/") // what was sent is not sent again
	}
	w.Header().Set("Refresh", to)
	h.show(w, http.StatusServiceUnavailable, p)
	return true
}
