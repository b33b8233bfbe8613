package screen

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// A scan that asks something takes its screen to the question for askFresh; the
// question itself can be answered for askFor. Both in real time.
const (
	askFresh = 10 * time.Second
	askFor   = 3 * time.Minute
)

// askView is what the page draws that asks whether a car is the right one. Of a
// scanned car it asks the purpose and whether the customer stays; of a typed
// plate both were chosen before, and only the booking is asked about.
type askView struct {
	floor.Asked
	Said    uint64 // number of the answer at reception that asks; 0: the plate was typed
	Event   string // signed
	Plate   string // masked
	Typed   string // the plate as it was typed
	Booking string // id
}

// asks is the question of the last scan at reception, while it may be answered.
func (h *handler) asks(p *page, during time.Duration) (Said, bool) {
	said := p.Snap.Said[floor.Reception]
	ok := said.Reply.Asked != nil && h.cfg.Real().Sub(said.Real) < during && h.answered.Load() != said.N
	return said, ok
}

// ask shows the question. It is found by its number, so that a page opened again
// after the next scan is not that scan's.
func (h *handler) ask(w http.ResponseWriter, r *http.Request) {
	p := h.customer(r, "ask")
	said, ok := h.asks(p, askFor)
	if !ok || r.URL.Query().Get("said") != strconv.FormatUint(said.N, 10) {
		http.Redirect(w, r, h.to(r, "/"), http.StatusSeeOther)
		return
	}
	h.askPage(w, http.StatusOK, p, said)
}

func (h *handler) askPage(w http.ResponseWriter, status int, p *page, said Said) {
	a := *said.Reply.Asked
	if now := p.Form.Get("purpose"); now != "" {
		a.Purpose = now
	}
	n := strconv.FormatUint(said.N, 10)
	p.Here, p.Left = "/ask?said="+n, "?seen="+n
	p.Data = askView{Asked: a, Said: said.N, Plate: a.Plate, Event: h.ids.sign(askedEvent + a.Event)}
	h.show(w, status, p)
}

// askedEvent begins the signed texts that name an event, so that none of them
// passes for the id of a form.
const askedEvent = "asked "

// confirm opens the visit that was asked about.
func (h *handler) confirm(w http.ResponseWriter, r *http.Request) {
	if !h.parse(w, r) {
		return
	}
	p := h.customer(r, "ask")
	said, open := h.asks(p, askFor)
	p.Form = r.PostForm
	if open && r.PostForm.Get("purpose") == "" {
		p.Flash = &Flash{Text: p.T("screen.ask.purpose.missing")}
		h.askPage(w, http.StatusUnprocessableEntity, p, said)
		return
	}
	reply, key, err := h.act(r, nobody, h.fields(r.PostForm), h.customerConfirm)
	if err == nil && reply.Good {
		if n, err := strconv.ParseUint(r.PostForm.Get("said"), 10, 64); err == nil && n == said.N {
			h.answered.Store(n)
		}
		h.goDone(w, r, key)
		return
	}
	if err != nil {
		status, m := h.said(w, r, err)
		if open && status == http.StatusTooManyRequests { // the question still stands
			p.Flash = &Flash{Text: m.In(p.Lang)}
			h.askPage(w, status, p, said)
			return
		}
		h.refuse(w, r, status, m)
		return
	}
	p.Name, p.Here = "done", "/"
	p.Data, p.Refresh = p.result(reply), int(p.shownFor().Seconds())
	h.show(w, http.StatusUnprocessableEntity, p)
}

// customerConfirm is a yes to a question. A page names it by its signed event; a
// script means the one that is open.
func (h *handler) customerConfirm(f fields, id string) (floor.Input, error) {
	event, ok := "", false
	if signed := f.values.Get("event"); signed != "" {
		event, ok = h.ids.verify(signed)
		event, ok = strings.TrimPrefix(event, askedEvent), ok && strings.HasPrefix(event, askedEvent)
	} else if said := h.st.Snapshot().Said[floor.Reception]; said.Reply.Asked != nil && h.answered.Load() != said.N {
		event, ok = said.Reply.Asked.Event, h.answered.CompareAndSwap(h.answered.Load(), said.N)
	}
	if !ok {
		return nil, bad("event", "screen.bad.expired")
	}
	c, err := customerForm(f)
	return floor.Confirm{ID: id, Event: event, Form: c}, err
}

// customerForm is what a customer may say: name, number and free text are asked
// for by a person.
func customerForm(f fields) (floor.CheckInForm, error) {
	c, err := form(f)
	c.Phone, c.Name, c.Text = "", "", ""
	return c, err
}

// askTyped shows the question about the booking of a typed plate.
func (h *handler) askTyped(w http.ResponseWriter, p *page, b *floor.Booking) {
	p.Name = "ask"
	p.Here = "/checkin?" + url.Values{"purpose": p.Form["purpose"]}.Encode()
	a := floor.Asked{Plate: b.Plate, Booked: b.At, Purpose: p.Form.Get("purpose"), Waiting: p.Form.Get("waiting") == "1"}
	if !slices.Contains(kiosk.Purposes(), a.Purpose) {
		a.Purpose = ""
	}
	p.Data = askView{Asked: a, Plate: b.Plate, Typed: clip(p.Form.Get("plate"), maxWord), Booking: b.ID}
	h.show(w, http.StatusOK, p)
}
