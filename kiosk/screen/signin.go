package screen

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

func (h *handler) signInPage(w http.ResponseWriter, r *http.Request) {
	if _, _, ok := h.cfg.Door.Who(staff.CookieToken(r)); ok {
		http.Redirect(w, r, h.to(r, "/desk"), http.StatusSeeOther)
		return
	}
	h.show(w, http.StatusOK, h.page(r, "signin", "screen.signin"))
}

func (h *handler) signIn(w http.ResponseWriter, r *http.Request) {
	if !h.parse(w, r) {
		return
	}
	_, err := h.enter(w, r, r.PostForm)
	if err == nil {
		http.Redirect(w, r, h.to(r, "/desk"), http.StatusSeeOther)
		return
	}
	status, m := h.said(w, r, err)
	p := h.page(r, "signin", "screen.signin")
	p.Form, p.Flash = url.Values{"who": {clip(r.PostForm.Get("who"), maxWord)}}, &Flash{Text: m.In(p.Lang)}
	h.show(w, status, p)
}

// apiSignIn does the same for scripts; the cookie is the session.
func (h *handler) apiSignIn(w http.ResponseWriter, r *http.Request) {
	values, ok := h.body(w, r)
	if !ok {
		return
	}
	person, err := h.enter(w, r, values)
	if err != nil {
		status, m := h.said(w, r, err)
		h.problem(w, r, status, m, "", false)
		return
	}
	writeJSON(w, "application/json", http.StatusOK, map[string]any{"good": true, "person": person})
}

// enter checks badge and PIN and hands out a new session, ending the one the
// browser had.
func (h *handler) enter(w http.ResponseWriter, r *http.Request, v url.Values) (person string, err error) {
	token, s, err := h.cfg.Door.SignIn(r.Context(), v.Get("who"), v.Get("pin"), staff.Address(r))
	var locked *staff.LockedError
	switch {
	case errors.As(err, &locked):
		h.cfg.Log.Warn("sign-in locked", "from", staff.Address(r), "wait", locked.Wait)
		return "", &refused{http.StatusTooManyRequests, words.Say("screen.signin.locked", seconds(locked.Wait)), locked.Wait}
	case errors.Is(err, staff.ErrRefused):
		h.cfg.Log.Warn("sign-in refused", "from", staff.Address(r))
		return "", &refused{status: http.StatusUnauthorized, Message: words.Say("screen.signin.refused")}
	case err != nil:
		return "", err
	}
	h.cfg.Door.SignOut(staff.CookieToken(r))
	staff.SetCookie(w, r, token)
	return s.Person, nil
}

func (h *handler) signOut(w http.ResponseWriter, r *http.Request) {
	h.cfg.Door.SignOut(staff.CookieToken(r))
	staff.ClearCookie(w, r)
	http.Redirect(w, r, h.to(r, "/desk"), http.StatusSeeOther)
}

func fieldOf(err error) string {
	var b *badInput
	if errors.As(err, &b) {
		return b.Field
	}
	return ""
}

// body reads a JSON body, or answers that it cannot.
func (h *handler) body(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		h.problem(w, r, http.StatusUnsupportedMediaType, words.Say("screen.bad.json"), "", false)
		return nil, false
	}
	values, err := readJSON(r.Body)
	if err != nil {
		h.problem(w, r, tooLarge(err), words.Say("screen.bad.json"), "", false)
		return nil, false
	}
	return values, true
}
