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

// provinces are the first characters of plates in the order of the keyboard.
const provinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

// customer begins a page of the customer's kiosk.
func (h *handler) customer(r *http.Request, name string) *page {
	p := h.page(r, name, "screen.start")
	p.Customer, p.Place, p.Here = true, floor.Reception, "/"
	if r.Method == http.MethodGet {
		p.Here = r.URL.RequestURI()
	}
	return p
}

// result is a check-in or another answer, to be read from afar.
type result struct {
	Flash *Flash
	Visit *kiosk.Visit
	Next  string // the start without this answer
}

// result is a reply as a customer reads it: without the workshop's words, and
// while no printer works nobody is asked to take a ticket.
func (p *page) result(reply floor.Reply) result {
	switch reply.Message.Key {
	case "floor.checked_in":
		if p.PrinterDown() {
			reply.Message.Key = "screen.checkedin"
		}
	case "floor.rejected.unknown_code", "floor.rejected.unknown_action", "floor.rejected.unknown_badge":
		reply.Message.Key = "screen.unknowncode"
	case "floor.rejected.confirm":
		reply.Message.Key = "screen.vin.unsure"
	}
	res := result{Flash: p.h.flash(p.Lang, reply), Next: p.Home()}
	res.Visit, _ = p.Snap.Visit(reply.Visit)
	return res
}

// start invites to scan or to choose; for a while after a scan at reception it
// shows what became of it.
func (h *handler) start(w http.ResponseWriter, r *http.Request) {
	p := h.customer(r, "start")
	said := p.Snap.Said[floor.Reception]
	if said.Reply.Asked != nil {
		if _, fresh := h.asks(p, askFresh); fresh && r.URL.Query().Get("seen") != strconv.FormatUint(said.N, 10) {
			http.Redirect(w, r, h.to(r, "/ask?said="+strconv.FormatUint(said.N, 10)), http.StatusSeeOther)
			return
		}
		h.show(w, http.StatusOK, p)
		return
	}
	if n := strconv.FormatUint(said.N, 10); p.Said(floor.Reception, p.shownFor()) != nil && r.URL.Query().Get("seen") != n {
		res := p.result(said.Reply)
		res.Next += "?" + url.Values{"seen": {n}}.Encode()
		p.Data, p.Refresh = res, int(p.Wait.Seconds())+1
	}
	h.show(w, http.StatusOK, p)
}

// choose keeps the purpose for the next scan, and goes on to the plate.
func (h *handler) choose(w http.ResponseWriter, r *http.Request) {
	if !h.parse(w, r) {
		return
	}
	f := h.fields(r.PostForm)
	c, err := form(f)
	if err != nil {
		h.start(w, r)
		return
	}
	c.Waiting = true
	h.st.Prepare(floor.CheckInForm{Purpose: c.Purpose, Waiting: true, Language: h.lang(r)})
	http.Redirect(w, r, h.to(r, "/checkin?"+url.Values{"purpose": {c.Purpose}}.Encode()), http.StatusSeeOther)
}

// plateForm is what the page with the plate keyboard draws.
type plateForm struct {
	Purpose   string
	Provinces string
}

func (h *handler) checkInPage(w http.ResponseWriter, r *http.Request) {
	p := h.customer(r, "checkin")
	h.plateForm(w, http.StatusOK, p, r.URL.Query().Get("purpose"))
}

func (h *handler) plateForm(w http.ResponseWriter, status int, p *page, purpose string) {
	if !slices.Contains(kiosk.Purposes(), purpose) {
		purpose = "other"
	}
	p.Data = plateForm{Purpose: purpose, Provinces: provinces}
	h.show(w, status, p)
}

func (h *handler) checkIn(w http.ResponseWriter, r *http.Request) {
	if !h.parse(w, r) {
		return
	}
	if b := h.st.Expected(r.PostForm.Get("plate")); b != nil && r.PostForm.Get("booked") != b.ID && r.PostForm.Get("booked") != "no" {
		p := h.customer(r, "ask")
		p.Form = r.PostForm
		h.askTyped(w, p, b)
		return
	}
	reply, key, err := h.act(r, nobody, h.fields(r.PostForm), h.customerCheckIn)
	if err == nil && reply.Good {
		h.st.Prepare(floor.CheckInForm{})
		h.goDone(w, r, key)
		return
	}
	p := h.customer(r, "checkin")
	p.Form = r.PostForm
	status := http.StatusUnprocessableEntity
	if err != nil {
		code, m := h.said(w, r, err)
		status, p.Flash = code, &Flash{Text: m.In(p.Lang)}
	} else {
		p.Flash = h.flash(p.Lang, reply)
	}
	p.Here = "/checkin?" + url.Values{"purpose": r.PostForm["purpose"]}.Encode()
	h.plateForm(w, status, p, r.PostForm.Get("purpose"))
}

func (h *handler) pickupPage(w http.ResponseWriter, r *http.Request) {
	h.show(w, http.StatusOK, h.customer(r, "pickup"))
}

// pickup takes a ticket number, or the code on the ticket.
func (h *handler) pickup(w http.ResponseWriter, r *http.Request) {
	if !h.parse(w, r) {
		return
	}
	reply, key, err := h.act(r, nobody, h.fields(r.PostForm), h.customerPickup)
	if err == nil && reply.Good {
		h.goDone(w, r, key)
		return
	}
	p := h.customer(r, "pickup")
	p.Form, p.Here = r.PostForm, "/pickup"
	status := http.StatusUnprocessableEntity
	if err != nil {
		code, m := h.said(w, r, err)
		status, p.Flash = code, &Flash{Text: m.In(p.Lang)}
	} else {
		p.Flash = h.flash(p.Lang, reply)
	}
	h.show(w, status, p)
}

// customerPickup finds the visit of a ticket number: by the whole number or the
// code only, so that nobody leafs through other people's visits.
func (h *handler) customerPickup(f fields, id string) (floor.Input, error) {
	number, err := f.need("ticket", maxWord)
	if err != nil {
		return nil, err
	}
	code, codeErr := kiosk.ParseCode(number)
	for _, v := range slices.Backward(h.st.Snapshot().Visits) { // numbers begin anew each day: the latest counts
		if strings.EqualFold(v.Ticket, number) || codeErr == nil && v.ID == code.ID {
			return floor.Pickup{ID: id, Visit: v.ID}, nil
		}
	}
	return nil, bad("ticket", "screen.bad.ticket", number)
}

// callPerson calls somebody to reception. It works from a page of any age.
func (h *handler) callPerson(w http.ResponseWriter, r *http.Request) {
	if !h.parse(w, r) {
		return
	}
	if _, ok := h.ids.verify(r.PostForm.Get("id")); !ok {
		r.PostForm.Set("id", h.ids.sign(h.st.NewID()))
	}
	_, key, err := h.act(r, nobody, h.fields(r.PostForm), customerHelp)
	if err != nil {
		status, m := h.said(w, r, err)
		h.refuse(w, r, status, m)
		return
	}
	h.goDone(w, r, key)
}

func customerHelp(_ fields, id string) (floor.Input, error) {
	return floor.CallHelp{ID: id, Place: floor.Reception}, nil
}

// goDone shows the reply by its id: the page can be loaded again, and its
// address cannot be guessed.
func (h *handler) goDone(w http.ResponseWriter, r *http.Request, key string) {
	http.Redirect(w, r, h.to(r, "/done?"+url.Values{"id": {h.ids.sign(key)}}.Encode()), http.StatusSeeOther)
}

func (h *handler) done(w http.ResponseWriter, r *http.Request) {
	key, ok := h.ids.verify(r.URL.Query().Get("id"))
	reply, known := h.recent.get(key)
	if !ok || !known {
		http.Redirect(w, r, h.to(r, "/"), http.StatusSeeOther)
		return
	}
	p := h.customer(r, "done")
	p.Data, p.Refresh = p.result(reply), int(p.shownFor().Seconds())
	h.show(w, http.StatusOK, p)
}

// shownFor is how long a customer's answer stays: longer where it has to be
// remembered.
func (p *page) shownFor() time.Duration {
	if p.PrinterDown() {
		return RememberFor
	}
	return CustomerFor
}

// apiCustomer is the customer's kiosk for scripts and for the demo.
func (h *handler) apiCustomer(w http.ResponseWriter, r *http.Request) {
	builds := map[string]func(fields, string) (floor.Input, error){
		"checkin": h.customerCheckIn, "confirm": h.customerConfirm, "pickup": h.customerPickup, "help": customerHelp,
	}
	build, ok := builds[r.PathValue("action")]
	if !ok {
		h.refuse(w, r, http.StatusNotFound, notFound)
		return
	}
	values, ok := h.body(w, r)
	if !ok {
		return
	}
	reply, _, err := h.act(r, nobody, h.fields(values), build)
	h.reply(w, r, reply, err)
}
