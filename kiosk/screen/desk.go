package screen

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
	"baylight/kiosk/words"
)

var notFound = words.Say("screen.refused.notfound")

// staffPage begins a page for signed-in staff; the answer to what was just done
// is found by the id in the address.
func (h *handler) staffPage(r *http.Request, me signedIn, name string, title words.Key) *page {
	p := h.page(r, name, title)
	p.Me = &me
	if key, ok := h.ids.verify(r.URL.Query().Get("id")); ok {
		if reply, known := h.recent.get(key); known {
			p.Flash = h.flash(p.Lang, reply)
		}
	}
	return p
}

// deskView is what the desk's first page draws.
type deskView struct {
	Groups []group
	Query  string
	Found  []*kiosk.Visit
	Open   int
}

// group is the visits of one column of the desk.
type group struct {
	Title  words.Key
	Visits []*kiosk.Visit
}

// The columns of the desk: what waits for an adviser, what the workshop has,
// what can be handed over.
func groups(visits []*kiosk.Visit, now time.Time) []group {
	gs := []group{{Title: "screen.desk.arrivals"}, {Title: "screen.desk.workshop"}, {Title: "screen.desk.ready"}}
	for _, v := range visits {
		n := 1
		switch v.StageAt(now) {
		case kiosk.StageWaitingAdviser, kiosk.StageReception:
			n = 0
		case kiosk.StagePassed, kiosk.StageWashed:
			n = 2
		}
		gs[n].Visits = append(gs[n].Visits, v)
	}
	return gs
}

func (h *handler) desk(w http.ResponseWriter, r *http.Request, me signedIn) {
	p := h.staffPage(r, me, "desk", "screen.desk")
	p.Place = floor.Desk
	d := deskView{Groups: groups(p.Snap.Visits, p.Now), Open: len(p.Snap.Visits), Query: clip(r.URL.Query().Get("q"), maxWord)}
	if q := strings.TrimSpace(r.URL.Query().Get("q")); ticket.IsToken(q) {
		t, err := ticket.VerifyToken(q, h.cfg.Keys)
		p.Flash, d.Query = &Flash{Good: err == nil, Text: ticket.Verdict(t, err).In(p.Lang)}, ""
		if v, open := p.Snap.Visit(t.Visit); err == nil && open {
			d.Query, d.Found = t.Ticket, []*kiosk.Visit{v}
		} else if err == nil {
			p.Flash.Warn, p.Flash.Text = true, p.Flash.Text+" · "+p.T("screen.ticket.over")
		}
	} else if d.Query != "" {
		d.Found = p.Snap.Find(d.Query)
		if len(d.Found) == 1 {
			http.Redirect(w, r, h.to(r, "/desk/visit/"+d.Found[0].ID), http.StatusSeeOther)
			return
		}
	}
	p.Data = d
	h.show(w, http.StatusOK, p)
}

// visitView is what the page of one visit draws.
type visitView struct {
	V          *kiosk.Visit
	Events     []line
	Documents  []string
	Proposal   time.Time
	Load       int // open standard minutes of the workshop
	Categories []kiosk.Category
	Payers     []string
	Reasons    []string
	Outcomes   []string
	Consents   []string
	Open       []*kiosk.Work // jobs without a finish
	Counter    bool          // the reader may do what advisers do
	Correct    bool          // … state a finish and void
}

// line is one event of a visit's timeline.
type line struct {
	ID, Who, Detail string
	Type            words.Key
	At              time.Time
	Stated          bool
	Flags           []kiosk.Flag
	Voided          bool
	CanVoid         bool
}

func (h *handler) visit(w http.ResponseWriter, r *http.Request, me signedIn) {
	p := h.staffPage(r, me, "visit", "screen.desk")
	h.visitPage(w, r, http.StatusOK, p, r.PathValue("id"))
}

func (h *handler) visitPage(w http.ResponseWriter, r *http.Request, status int, p *page, id string) {
	events, err := h.st.Timeline(r.Context(), id)
	if err != nil {
		h.cfg.Log.Error("read timeline", "visit", id, "error", err)
		h.refuse(w, r, http.StatusServiceUnavailable, words.Say("screen.notstored"))
		return
	}
	v, open := p.Snap.Visit(id)
	if !open {
		if len(events) == 0 {
			h.refuse(w, r, http.StatusNotFound, notFound)
			return
		}
		v = kiosk.Apply(events, p.Setup.Calendar)
	}
	d := visitView{V: v, Events: timeline(p, events), Documents: documents(id, events), Load: load(p.Snap.Visits, p.Now),
		Categories: kiosk.Categories(), Payers: kiosk.Payers(), Reasons: kiosk.RevisionReasons(), Outcomes: kiosk.Outcomes(),
		Consents: consents(), Counter: actions()["sign"].may(p.Me.Person), Correct: actions()["void"].may(p.Me.Person)}
	d.Proposal = propose(p.Now, p.Setup.Calendar, d.Load, len(p.Snap.Bays), 0)
	for _, work := range v.Works {
		if work.Finished.IsZero() {
			d.Open = append(d.Open, work)
		}
	}
	p.Data = d
	h.show(w, status, p)
}

// timeline puts a visit's events into words.
func timeline(p *page, events []kiosk.Event) []line {
	voided := map[string]bool{}
	for _, e := range events {
		if v, ok := e.Data.(*kiosk.Voided); ok {
			voided[v.Event] = true
		}
	}
	lines := make([]line, 0, len(events))
	for _, e := range events {
		m := e.Data.Common()
		who, detail := describe(p, e)
		l := line{ID: e.ID(), Type: words.Key("event." + string(e.Type())), At: e.Time(), Stated: m.At != nil, Who: who, Detail: detail,
			Flags: m.Flags, Voided: voided[e.ID()], CanVoid: kiosk.Corrects(e.Data) == "" && !voided[e.ID()]}
		lines = append(lines, l)
	}
	return lines
}

// describe is who did it and what about it, for the timeline.
func describe(p *page, e kiosk.Event) (who, detail string) {
	who, detail = tell(p, e.Data)
	if reason := whyOf(p, e); reason != "" {
		detail = strings.TrimPrefix(detail+" · "+reason, " · ")
	}
	if who != "" {
		who = p.Who(who)
	}
	return who, detail
}

// whyOf is the reason of an event: in the person's own words where there are
// some, for they stand in the person part.
func whyOf(p *page, e kiosk.Event) string {
	if own, err := kiosk.DecodePerson(e.Person); err == nil && own.Text != "" {
		return clip(own.Text, maxText)
	}
	reason := e.Data.Common().Reason
	for _, room := range []string{"pause", "revision"} {
		if key := p.Key(room, reason); reason != "" && p.T(key) != string(key) {
			return p.T(key)
		}
	}
	return clip(reason, maxText)
}

func tell(p *page, data kiosk.Payload) (who, detail string) {
	who = data.Common().By
	switch d := data.(type) {
	case *kiosk.CheckedIn:
		detail = p.T(p.Key("purpose", d.Purpose))
	case *kiosk.Accepted:
		who = d.Adviser
	case *kiosk.Signed:
		who, detail = d.Adviser, itemList(d.Items)
		if d.Promise != nil {
			detail += " → " + p.Clock(*d.Promise)
		}
	case *kiosk.ItemsAdded:
		who, detail = d.Adviser, itemList(d.Items)
	case *kiosk.PromiseRevised:
		detail = p.Clock(d.Promise)
	case *kiosk.Started:
		who, detail = d.Technician, job(p, d.Job)
	case *kiosk.Resumed:
		who, detail = d.Technician, job(p, d.Job)
	case *kiosk.Paused:
		who, detail = d.Technician, job(p, d.Job)
	case *kiosk.Finished:
		who, detail = d.Technician, job(p, d.Job)
	case *kiosk.Passed:
		who = d.Inspector
	case *kiosk.Failed:
		who = d.Inspector
	case *kiosk.Called:
		detail = p.PlaceName(d.Place)
	case *kiosk.Closed:
		detail = p.T(p.Key("outcome", d.Outcome))
	case *kiosk.Delivered:
		who = d.Adviser
	case *kiosk.TicketSent:
		detail = p.Document(d.Document)
	case *kiosk.TicketConfirmed:
		detail = p.Document(d.Document)
	case *kiosk.TicketUnknown:
		detail = p.Document(d.Document)
	case *kiosk.TicketReprinted:
		detail = p.Document(d.Document)
	}
	return who, detail
}

func itemList(items []kiosk.Item) string {
	var texts []string
	for _, it := range items {
		texts = append(texts, it.Text)
	}
	return strings.Join(texts, ", ")
}

func job(p *page, j kiosk.Job) string {
	s := p.PlaceName(j.Bay)
	if j.Item > 0 {
		s += " · " + strconv.Itoa(j.Item)
	}
	return s
}

// documents are those of a visit that were sent to a printer, and its ticket.
func documents(visit string, events []kiosk.Event) []string {
	ds := []string{"ticket-" + visit}
	for _, e := range events {
		var d string
		switch t := e.Data.(type) {
		case *kiosk.TicketSent:
			d = t.Document
		case *kiosk.TicketConfirmed:
			d = t.Document
		case *kiosk.TicketUnknown:
			d = t.Document
		}
		if d != "" && !slices.Contains(ds, d) {
			ds = append(ds, d)
		}
	}
	return ds
}

// proposal is the promise proposed for an order of so many minutes.
func (h *handler) proposal(w http.ResponseWriter, r *http.Request, _ signedIn) {
	own, err := strconv.Atoi(r.URL.Query().Get("minutes"))
	if err != nil || own < 0 || own > 10_000 {
		h.problem(w, r, http.StatusUnprocessableEntity, words.Say("screen.bad.minutes", clip(r.URL.Query().Get("minutes"), 20)), "minutes", false)
		return
	}
	snap := h.st.Snapshot()
	t := propose(h.now(), h.cfg.Setup().Calendar, load(snap.Visits, h.now()), len(snap.Bays), own)
	writeJSON(w, "application/json", http.StatusOK, map[string]string{"promise": t.In(h.zone()).Format(localTime)})
}

// deskAction does what a form asks and goes to the visit it was about.
func (h *handler) deskAction(w http.ResponseWriter, r *http.Request, me signedIn) {
	reply, key, err := h.staffAct(r, me, r.PostForm)
	visit := r.PostForm.Get("visit")
	if err == nil && reply.Good {
		back := "/desk"
		if reply.Visit != "" {
			visit = reply.Visit
		}
		if visit != "" {
			back = "/desk/visit/" + url.PathEscape(visit)
		}
		http.Redirect(w, r, h.to(r, back+"?"+url.Values{"id": {h.ids.sign(key)}}.Encode()), http.StatusSeeOther)
		return
	}
	status := http.StatusUnprocessableEntity
	p := h.staffPage(r, me, "desk", "screen.desk")
	if err != nil {
		code, m := h.said(w, r, err)
		status, p.Flash = code, &Flash{Text: m.In(p.Lang)}
	} else {
		p.Flash = h.flash(p.Lang, reply)
	}
	p.Form = r.PostForm
	if _, open := p.Snap.Visit(visit); open {
		p.Name = "visit"
		h.visitPage(w, r, status, p, visit)
		return
	}
	p.Data = deskView{Groups: groups(p.Snap.Visits, p.Now), Open: len(p.Snap.Visits)}
	h.show(w, status, p)
}

// apiDesk does the same for scripts.
func (h *handler) apiDesk(w http.ResponseWriter, r *http.Request, me signedIn) {
	values, ok := h.body(w, r)
	if !ok {
		return
	}
	reply, _, err := h.staffAct(r, me, values)
	if err != nil {
		status, m := h.said(w, r, err)
		h.problem(w, r, status, m, fieldOf(err), false)
		return
	}
	h.reply(w, r, reply, nil)
}

// refused says that somebody may not do what they asked, or nobody can.
type refused struct {
	status int
	words.Message
	after time.Duration // when to try again; 0: not by waiting
}

func (e *refused) Error() string { return e.In(words.EN) }

func (h *handler) staffAct(r *http.Request, me signedIn, values url.Values) (floor.Reply, string, error) {
	a, ok := actions()[r.PathValue("action")]
	if !ok {
		return floor.Reply{}, "", &refused{status: http.StatusNotFound, Message: notFound}
	}
	if !a.may(me.Person) {
		return floor.Reply{}, "", &refused{status: http.StatusForbidden, Message: words.Say("screen.refused.role")}
	}
	return h.act(r, me.ID, h.fields(values), func(f fields, id string) (floor.Input, error) {
		in, err := a.build(f, id, me.ID)
		if c, ok := in.(floor.CheckIn); ok && err == nil {
			c.Booking = h.st.Expected(cmp.Or(c.VIN, c.Plate))
			in = c
		}
		return in, err
	})
}
