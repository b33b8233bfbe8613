package dashboard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
)

// problem is an error that a caller can do something about (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Parameter string `json:"parameter,omitempty"` // where it stands in the request
}

func (p *problem) Error() string { return p.Detail }

func fault(status int, parameter, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Parameter: parameter}
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
			p = fault(http.StatusNotFound, "store", err.Error())
		default:
			d.Log.Error("request failed", "path", r.URL.Path, "err", err)
			p = fault(http.StatusInternalServerError, "", "the back office could not read its ledger; its log says why")
		}
		if p.Status == http.StatusUnauthorized && r.Method == http.MethodGet && !api(r) && d.Door != nil {
			http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		if p.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="baylight"`)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p) // the reader may have gone
	}
}

func api(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// guard is in front of everything: known host names, bounded bodies, the policy.
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
			http.Error(w, err.Error(), http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// reading lets a request through that may read.
func (d *dashboard) reading(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return d.answering(func(w http.ResponseWriter, r *http.Request) error {
		if _, signedIn := d.who(r); signedIn || d.tokenOK(r) || d.Token == "" && local(r) {
			return h(w, r)
		}
		return fault(http.StatusUnauthorized, "Authorization", "sign in, or bring the token: Authorization: Bearer …")
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

func (d *dashboard) signin(w http.ResponseWriter, r *http.Request) {
	if err := staff.CheckOrigin(r); err != nil || d.Door == nil {
		http.Error(w, "sign-in is not possible from here", http.StatusForbidden)
		return
	}
	token, _, err := d.Door.SignIn(r.Context(), r.PostFormValue("who"), r.PostFormValue("pin"), staff.Address(r))
	if err != nil {
		key := "office.signin.refused"
		var locked *staff.LockedError
		if errors.As(err, &locked) {
			key = "office.signin.locked"
		}
		w.WriteHeader(http.StatusForbidden)
		d.render(w, "signin.html", signin{page: newPage(r, d.Office.Stores()[0]), Next: r.PostFormValue("next"), Refused: key})
		return
	}
	staff.SetCookie(w, r, token)
	http.Redirect(w, r, ownPath(r.PostFormValue("next")), http.StatusSeeOther)
}

func (d *dashboard) signout(w http.ResponseWriter, r *http.Request) {
	if err := staff.CheckOrigin(r); err != nil || d.Door == nil {
		http.Error(w, "sign-out is not possible from here", http.StatusForbidden)
		return
	}
	d.Door.SignOut(staff.CookieToken(r))
	staff.ClearCookie(w, r)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// ownPath is a path of this site, or "/".
func ownPath(s string) string {
	if u, err := url.Parse(s); err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.Contains(s, `\`) {
		return "/"
	}
	return s
}
