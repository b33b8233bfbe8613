package dashboard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"baylight/kiosk/staff"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
)

// problem is an error that a caller can do something about (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Parameter string `json:"parameter,omitempty"` // where it stands in the request

	message words.Message // what pages say: in words, with what to do next
}

func (p *problem) Error() string { return p.Detail }

func fault(status int, parameter, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Parameter: parameter}
}

// say gives the problem the words that pages show.
func (p *problem) say(key words.Key, args ...string) *problem {
	p.message = words.Say(key, args...)
	return p
}

// clip bounds what is shown of a parameter.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

func bad(parameter string, err error) *problem {
	return fault(http.StatusBadRequest, parameter, err.Error())
}

// answering turns an error into problem details, on pages into plain words.
func (d *dashboard) answering(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		var p *problem
		switch {
		case errors.As(err, &p):
		case errors.Is(err, backoffice.ErrNoStore):
			p = fault(http.StatusNotFound, "store", err.Error()).say("office.err.store")
		case errors.Is(err, backoffice.ErrNotHeld):
			p = notHere(err)
		default:
			d.Log.Error("request failed", "path", r.URL.Path, "err", err)
			p = fault(http.StatusInternalServerError, "", "the back office could not read its ledger; its log says why").say("office.err.ledger")
		}
		if p.Status == http.StatusUnauthorized && r.Method == http.MethodGet && !api(r) && d.Door != nil {
			http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		if p.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="baylight"`)
		}
		d.refuse(w, r, p)
	}
}

// refuse says what is wrong: scripts by RFC 9457, people on a page.
func (d *dashboard) refuse(w http.ResponseWriter, r *http.Request, p *problem) {
	if !api(r) && r.URL.Path != "/stream" && r.URL.Path != "/metrics" {
		d.wrongPage(w, r, p)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the reader may have gone
}

// knowing serves the paths of mux, and says of any other what is wrong with it,
// as of everything else.
func (d *dashboard) knowing(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		seen := unwritten{ResponseWriter: w}
		h.ServeHTTP(&seen, r)
		switch seen.status {
		case http.StatusNotFound:
			d.refuse(w, r, fault(seen.status, "", fmt.Sprintf("there is nothing at %.80q", r.URL.Path)).say("office.err.path", clip(r.URL.Path)))
		case http.StatusMethodNotAllowed:
			d.refuse(w, r, fault(seen.status, "", fmt.Sprintf("%.20s is not among what %.80q takes: %s", r.Method, r.URL.Path, w.Header().Get("Allow"))).say("office.err.path", clip(r.URL.Path)))
		}
	})
}

// unwritten keeps from a client what net/http says of paths it does not know; a
// redirection to the path as it should be written goes through.
type unwritten struct {
	http.ResponseWriter
	status int
}

func (u *unwritten) WriteHeader(status int) {
	if u.status = status; status < http.StatusBadRequest {
		u.ResponseWriter.WriteHeader(status)
	}
}

func (u *unwritten) Write(b []byte) (int, error) {
	if u.status >= http.StatusBadRequest {
		return len(b), nil
	}
	return u.ResponseWriter.Write(b)
}

// notHere says that another office has the store, and which if it is known.
func notHere(err error) *problem {
	where := ""
	if there := (*backoffice.Elsewhere)(nil); errors.As(err, &there) {
		where = there.Office + " " + there.URL
	}
	return fault(http.StatusConflict, "store", err.Error()).say("office.err.elsewhere", where)
}

func api(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// guard is in front of everything: known host names, our own pages, bounded bodies,
// the policy.
func (d *dashboard) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		if !strings.HasPrefix(r.URL.Path, "/static/") {
			h.Set("Cache-Control", "no-store")
		}
		if err := staff.CheckHost(r, d.Hosts); err != nil {
			d.foreign(w, r, http.StatusMisdirectedRequest, err)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !d.tokenOK(r) {
			if err := staff.CheckOrigin(r); err != nil { // before a byte of it is read
				d.Log.Warn("request refused", "path", r.URL.Path, "from", staff.Address(r), "reason", err)
				d.foreign(w, r, http.StatusForbidden, err)
				return
			}
		}
		most := int64(maxBody)
		if r.URL.Path == "/bookings" {
			most = maxImport
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// foreign refuses what does not come by a name of ours or from our own pages.
func (d *dashboard) foreign(w http.ResponseWriter, r *http.Request, status int, err error) {
	if !api(r) { // a page with our links in it is not for them
		http.Error(w, err.Error(), status)
		return
	}
	d.refuse(w, r, fault(status, "", err.Error()))
}

// reading lets a request through that has a right to look.
func (d *dashboard) reading(right Right, h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return d.answering(func(w http.ResponseWriter, r *http.Request) error {
		p, signedIn := d.who(r)
		switch {
		case signedIn && !right.of(p):
			return fault(http.StatusForbidden, "", fmt.Sprintf("%s may not %s; it takes one of %v", p.ID, right, rights()[right])).
				say("office.err.right", roleNames(newPage(r, d.Office.Stores()[0]).Lang, rights()[right]))
		case signedIn || d.tokenOK(r) || d.Token == "" && local(r) && right.of(staff.Person{Roles: []staff.Role{staff.Viewer}}):
			return h(w, r)
		}
		return fault(http.StatusUnauthorized, "Authorization", "sign in, or bring the token: Authorization: Bearer …").say("office.err.signin")
	})
}

// who is the person signed in.
func (d *dashboard) who(r *http.Request) (staff.Person, bool) {
	if d.Door == nil {
		return staff.Person{}, false
	}
	p, _, ok := d.Door.Who(staff.CookieToken(r))
	return p, ok
}

func (d *dashboard) tokenOK(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(d.Token))
	return ok && d.Token != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func local(r *http.Request) bool {
	ip := net.ParseIP(staff.Address(r))
	return ip != nil && ip.IsLoopback()
}

// ownPath is a path of this site, or "/".
func ownPath(s string) string {
	if u, err := url.Parse(s); err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.Contains(s, `\`) {
		return "/"
	}
	return s
}
