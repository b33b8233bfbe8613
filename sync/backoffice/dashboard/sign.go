package dashboard

import (
	"errors"
	"net/http"
	"strings"

	"baylight/kiosk/staff"
	"baylight/sync/backoffice/audit"
)

type signin struct {
	page
	Next, Refused string
}

func (d *dashboard) signinPage(w http.ResponseWriter, r *http.Request) {
	if d.Door == nil {
		http.NotFound(w, r)
		return
	}
	d.render(w, http.StatusOK, "signin.html", signin{page: d.plain(r), Next: ownPath(r.URL.Query().Get("next"))})
}

func (d *dashboard) signin(w http.ResponseWriter, r *http.Request) {
	if err := staff.CheckOrigin(r); err != nil || d.Door == nil {
		http.Error(w, "sign-in is not possible from here", http.StatusForbidden)
		return
	}
	who := r.PostFormValue("who")
	token, s, err := d.Door.SignIn(r.Context(), who, r.PostFormValue("pin"), staff.Address(r))
	if err != nil {
		// What somebody typed may be a PIN: only a staff id that exists is kept.
		p, _ := d.Office.Stores()[0].Staff.Person(strings.ToLower(strings.TrimSpace(who)))
		key, what := "office.signin.refused", audit.Refused
		if locked := (*staff.LockedError)(nil); errors.As(err, &locked) {
			key, what = "office.signin.locked", audit.Locked
		}
		d.note(r, what, p.ID, "", "")
		d.render(w, http.StatusForbidden, "signin.html", signin{page: d.plain(r), Next: r.PostFormValue("next"), Refused: key})
		return
	}
	d.note(r, audit.SignedIn, s.Person, "", "")
	d.Door.SignOut(staff.CookieToken(r)) // the session that the browser had ends
	staff.SetCookie(w, r, token)
	http.Redirect(w, r, ownPath(r.PostFormValue("next")), http.StatusSeeOther)
}

func (d *dashboard) signout(w http.ResponseWriter, r *http.Request) {
	if err := staff.CheckOrigin(r); err != nil || d.Door == nil {
		http.Error(w, "sign-out is not possible from here", http.StatusForbidden)
		return
	}
	if p, ok := d.who(r); ok {
		d.note(r, audit.SignedOut, p.ID, "", "")
	}
	d.Door.SignOut(staff.CookieToken(r))
	staff.ClearCookie(w, r)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// note keeps who did what that is no event. What cannot be kept does not stop
// people from working; the log says so.
func (d *dashboard) note(r *http.Request, what, who, store, detail string) {
	if d.Audit == nil {
		return
	}
	if err := d.Audit.Add(audit.Entry{What: what, Who: who, From: staff.Address(r), Store: store, Detail: detail}); err != nil {
		d.Log.Error("audit log", "what", what, "err", err)
	}
}

// reader is the staff id of who asks, "" with the token or from this machine.
func (d *dashboard) reader(r *http.Request) string {
	p, _ := d.who(r)
	return p.ID
}
