package screen

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

//go:embed web
var web embed.FS

// handler answers all requests of a kiosk.
type handler struct {
	cfg      Config
	st       Station
	pages    map[string]*template.Template
	static   map[string]asset
	style    string // hash of all static files: changes their address with their content
	run      string // names this run of the program
	ids      ids
	recent   *recent
	pace     pace
	streams  atomic.Int64
	answered atomic.Uint64 // the last question at reception that was answered
	mux      *http.ServeMux
}

// asset is one static file.
type asset struct {
	data []byte
	kind string
	tag  string
}

// New makes the handler of a kiosk's pages. cfg.Setup and cfg.Door must be given.
func New(cfg Config, st Station) http.Handler {
	if cfg.Lang == "" {
		cfg.Lang = words.ZH
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Real == nil {
		cfg.Real = time.Now
	}
	if cfg.Keys == nil {
		cfg.Keys = func(string) []byte { return nil }
	}
	h := &handler{cfg: cfg, st: st, pages: templates(), ids: newIDs(), recent: newRecent(), pace: pace{of: staff.NewPace(cfg.Real)}, mux: http.NewServeMux()}
	h.static, h.style = assets()
	h.run = h.ids.mac("run")
	h.routes()
	return h
}

func (h *handler) routes() {
	public := map[string]http.HandlerFunc{
		"GET /{$}":                 h.start,
		"POST /choose":             h.choose,
		"GET /ask":                 h.ask,
		"POST /confirm":            h.confirm,
		"GET /checkin":             h.checkInPage,
		"POST /checkin":            h.checkIn,
		"GET /pickup":              h.pickupPage,
		"POST /pickup":             h.pickup,
		"POST /help":               h.callPerson,
		"GET /done":                h.done,
		"GET /bay/{id}":            h.bay,
		"GET /board":               h.board,
		"GET /devices":             h.devices,
		"GET /stream":              h.stream,
		"GET /static/{file}":       h.file,
		"GET /healthz":             h.healthz,
		"GET /readyz":              h.readyz,
		"GET /metrics":             h.metrics,
		"GET /sign-in":             h.signInPage,
		"POST /sign-in":            h.signIn,
		"POST /sign-out":           h.signOut,
		"POST /api/sign-in":        h.apiSignIn,
		"POST /api/kiosk/{action}": h.apiCustomer,
	}
	for pattern, f := range public {
		h.mux.HandleFunc(pattern, f)
	}
	h.mux.HandleFunc("GET /desk", h.staffOnly(h.desk))
	h.mux.HandleFunc("GET /desk/visit/{id}", h.staffOnly(h.visit))
	h.mux.HandleFunc("GET /desk/proposal", h.staffOnly(h.proposal))
	h.mux.HandleFunc("POST /devices/test", h.staffOnly(h.testDevice))
	h.mux.HandleFunc("POST /devices/identify", h.staffOnly(h.identifyDevice))
	h.mux.HandleFunc("GET /devices/log", h.staffOnly(h.downloadLog))
	h.mux.HandleFunc("GET /devices/support", h.staffOnly(h.downloadSupport))
	h.mux.HandleFunc("POST /desk/{action}", h.staffOnly(h.deskAction))
	h.mux.HandleFunc("POST /api/desk/{action}", h.staffOnly(h.apiDesk))
}

// policy is the Content-Security-Policy: everything from here, nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP checks what holds for every request, then routes it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Referrer-Policy", "same-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	head.Set("Cache-Control", "no-store")
	// Real connections only: a recorder has no deadlines.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWithin))
	if err := staff.CheckHost(r, h.cfg.Hosts); err != nil {
		h.refuse(w, r, http.StatusMisdirectedRequest, words.Say("screen.refused.host", clip(r.Host, 80)))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := staff.CheckOrigin(r); err != nil {
			h.cfg.Log.Warn("request refused", "path", r.URL.Path, "from", staff.Address(r), "reason", err)
			h.refuse(w, r, http.StatusForbidden, words.Say("screen.refused.origin"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	}
	if h.starting(w, r) {
		return
	}
	if found, pattern := h.mux.Handler(r); pattern == "" {
		// Nothing answers to this address, or not to this method: said on a page of ours.
		var status statusOnly
		found.ServeHTTP(&status, r)
		if status.code == http.StatusNotFound || status.code == http.StatusMethodNotAllowed {
			if allow := status.Header().Get("Allow"); allow != "" {
				head.Set("Allow", allow)
			}
			h.refuse(w, r, status.code, notFound)
			return
		}
	}
	h.mux.ServeHTTP(w, r)
}

// statusOnly takes an answer for its status and head.
type statusOnly struct {
	head http.Header
	code int
}

func (s *statusOnly) Header() http.Header {
	if s.head == nil {
		s.head = http.Header{}
	}
	return s.head
}
func (s *statusOnly) WriteHeader(code int)        { s.code = code }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// signedIn is a request's member of staff.
type signedIn struct {
	staff.Person
	session staff.Session
}

// staffOnly asks for a session first. A form has to carry the session's secret;
// a JSON body cannot be sent by another site's form, and is let through.
func (h *handler) staffOnly(next func(http.ResponseWriter, *http.Request, signedIn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, s, ok := h.cfg.Door.Who(staff.CookieToken(r))
		if !ok {
			if r.Method == http.MethodGet && !isAPI(r) {
				http.Redirect(w, r, h.to(r, "/sign-in"), http.StatusSeeOther)
				return
			}
			h.refuse(w, r, http.StatusUnauthorized, words.Say("screen.refused.session"))
			return
		}
		if r.Method == http.MethodPost && !isJSON(r) {
			if !h.parse(w, r) {
				return
			}
			if !s.FormOK(r.PostForm.Get("form")) {
				h.refuse(w, r, http.StatusForbidden, words.Say("screen.refused.form"))
				return
			}
		}
		next(w, r, signedIn{Person: p, session: s})
	}
}

// parse reads a form's body, or answers that it cannot.
func (h *handler) parse(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		h.refuse(w, r, tooLarge(err), words.Say("screen.bad.form"))
		return false
	}
	return true
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

func isJSON(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// file serves an embedded static file.
func (h *handler) file(w http.ResponseWriter, r *http.Request) {
	a, ok := h.static[r.PathValue("file")]
	if !ok {
		h.refuse(w, r, http.StatusNotFound, words.Say("screen.refused.notfound"))
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == h.style {
		w.Header().Set("Cache-Control", "max-age=31536000, immutable")
	}
	w.Header().Set("ETag", a.tag)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(a.data)
}

// assets are the static files by name, and the hash of them all.
func assets() (map[string]asset, string) {
	kinds := map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
	all, sum := map[string]asset{}, sha256.New()
	entries, err := fs.ReadDir(web, "web")
	if err != nil {
		panic(err) // embedded: it is there or the program was not built
	}
	for _, e := range entries {
		kind := kinds[e.Name()[strings.LastIndexByte(e.Name(), '.')+1:]]
		if kind == "" {
			continue
		}
		data, err := web.ReadFile("web/" + e.Name())
		if err != nil {
			panic(err)
		}
		one := sha256.Sum256(data)
		sum.Write(data)
		all[e.Name()] = asset{data: data, kind: kind, tag: `"` + hex.EncodeToString(one[:8]) + `"`}
	}
	return all, hex.EncodeToString(sum.Sum(nil)[:6])
}

// templates are the pages, each with the layout around it.
func templates() map[string]*template.Template {
	all := map[string]*template.Template{}
	entries, err := fs.ReadDir(web, "web")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		name, isPage := strings.CutSuffix(e.Name(), ".html")
		if !isPage || name == "layout" || name == "parts" {
			continue
		}
		all[name] = template.Must(template.ParseFS(web, "web/layout.html", "web/parts.html", "web/"+e.Name()))
	}
	return all
}
