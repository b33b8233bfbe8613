package screen

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"baylight/kiosk/floor"
	"baylight/kiosk/words"
)

// maxKey bounds an Idempotency-Key header.
const maxKey = 128

// act does one action: it takes the id from the form (or, for JSON without one,
// makes a new one), builds the input and waits until it is durable. key is
// where its reply can be found again.
func (h *handler) act(r *http.Request, by string, f fields, build func(fields, string) (floor.Input, error)) (reply floor.Reply, key string, err error) {
	id, key, err := h.actionID(r, by, f)
	if err != nil {
		return reply, "", err
	}
	if by == nobody {
		if err := h.paced(r, key); err != nil {
			return reply, key, err
		}
	}
	in, err := build(f, id)
	if err != nil {
		return reply, key, err
	}
	reply, err = h.recent.do(r.Context(), key, f.sum(), func() (floor.Reply, error) {
		// An action once begun is finished, even if the browser has gone.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), doWithin)
		defer cancel()
		return h.st.Do(ctx, in)
	})
	if errors.Is(err, errOther) {
		err = bad("id", "screen.bad.expired")
	}
	return reply, key, err
}

// actionID is the id of an action and the key under which its reply is kept. A
// form's id counts only if this process signed it.
func (h *handler) actionID(r *http.Request, by string, f fields) (id, key string, err error) {
	if signed := f.values.Get("id"); signed != "" || !isJSON(r) {
		id, ok := h.ids.verify(signed)
		if !ok {
			return "", "", bad("id", "screen.bad.expired")
		}
		return id, id, nil
	}
	id = h.st.NewID()
	switch k := r.Header.Get("Idempotency-Key"); {
	case len(k) > maxKey:
		return "", "", bad("Idempotency-Key", "screen.bad.long", "Idempotency-Key", "128")
	case k != "":
		return id, "key " + by + " " + r.URL.Path + " " + k, nil
	}
	return id, id, nil
}

func (h *handler) fields(v map[string][]string) fields {
	return fields{values: v, setup: h.cfg.Setup(), zone: h.zone()}
}

// said is what went wrong, as people read it, and its HTTP status.
func (h *handler) said(w http.ResponseWriter, r *http.Request, err error) (int, words.Message) {
	var no *refused
	if errors.As(err, &no) {
		if no.after > 0 {
			w.Header().Set("Retry-After", seconds(no.after))
		}
		return no.status, no.Message
	}
	var b *badInput
	if errors.As(err, &b) {
		return http.StatusUnprocessableEntity, b.Message
	}
	h.cfg.Log.Error("do action", "path", r.URL.Path, "error", err)
	return http.StatusServiceUnavailable, words.Say("screen.notstored")
}

// problem is RFC 9457's problem details, with what a reply says besides.
type problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail,omitempty"`
	Field   string `json:"field,omitempty"`
	Good    bool   `json:"good"`
	Confirm bool   `json:"confirm,omitempty"`
}

// refuse answers that nothing was done: problem details to a script, else a page.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, m words.Message) {
	if isAPI(r) || isJSON(r) {
		h.problem(w, r, status, m, "", false)
		return
	}
	p := &page{h: h, Lang: h.cfg.Lang, Name: "refused", Title: "screen.refused", Style: h.style, Setup: h.cfg.Setup(),
		Snap: h.st.Snapshot(), Now: h.now(), Warning: h.cfg.InsecureLAN, Flash: &Flash{Text: m.In(h.cfg.Lang)}}
	h.show(w, status, p)
}

func (h *handler) problem(w http.ResponseWriter, r *http.Request, status int, m words.Message, field string, confirm bool) {
	lang := h.cfg.Lang
	if l := words.Lang(r.URL.Query().Get("lang")); l == words.EN || l == words.ZH {
		lang = l
	}
	writeJSON(w, "application/problem+json", status, problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: m.In(lang), Field: field, Confirm: confirm})
}

// answer is a reply as scripts read it.
type answer struct {
	Good    bool   `json:"good"`
	Warn    bool   `json:"warn"`
	Confirm bool   `json:"confirm"`
	Key     string `json:"key"` // of the message, the same in every language
	Message string `json:"message"`
	Visit   string `json:"visit,omitempty"`
	Ticket  string `json:"ticket,omitempty"`
	Plate   string `json:"plate,omitempty"` // masked
}

// reply answers a script: 200 if it was done, problem details if not.
func (h *handler) reply(w http.ResponseWriter, r *http.Request, done floor.Reply, err error) {
	var b *badInput
	switch {
	case errors.As(err, &b):
		h.problem(w, r, http.StatusUnprocessableEntity, b.Message, b.Field, false)
		return
	case err != nil:
		status, m := h.said(w, r, err)
		h.problem(w, r, status, m, "", false)
		return
	case !done.Good:
		h.problem(w, r, http.StatusUnprocessableEntity, done.Message, "", done.Confirm)
		return
	}
	snap := h.st.Snapshot()
	a := answer{Good: true, Warn: done.Warn, Confirm: done.Confirm, Key: string(done.Message.Key), Message: h.flash(h.cfg.Lang, done).Text,
		Visit: done.Visit, Plate: snap.Plates[done.Visit]}
	if v, ok := snap.Visit(done.Visit); ok {
		a.Ticket = v.Ticket
	}
	writeJSON(w, "application/json", http.StatusOK, a)
}

func writeJSON(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
