package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
)

// localTime is how a field for date and time writes a time of the store.
const localTime = "2006-01-02T15:04"

// draft is what a form of corrections says. Every field is text as it came.
type draft struct {
	Do         string // one of Deeds
	Visit      string
	Event      string
	At         string // time of the store
	Reason     string
	Technician string
	Item       string
	Bay        string
	Consent    bool
	Outcome    string
	Earlier    string
	Items      string // codes, separated by spaces
	Proposal   string
	Category   string
	Once       string // made with the form, so that sending it twice records once
}

// Deeds lists what forms may do; words has office.do.X.
func Deeds() []string {
	return []string{"void", "amend", "finish", "promise", "cancel", "close", "rework", "category", "decline"}
}

func readDraft(r *http.Request) draft {
	f := r.PostFormValue
	return draft{Do: f("do"), Visit: f("visit"), Event: f("event"), At: f("at"), Reason: strings.TrimSpace(f("reason")), Technician: f("technician"), Item: f("item"),
		Bay: f("bay"), Consent: f("consent") == "yes", Outcome: f("outcome"), Earlier: f("earlier"), Items: f("items"), Proposal: f("proposal"), Category: f("category"), Once: f("once")}
}

// payload makes the event of a draft.
func (d *dashboard) payload(ctx context.Context, s backoffice.Store, f draft) (kiosk.Payload, error) {
	at, err := d.statedTime(s, f)
	if err != nil {
		return nil, err
	}
	item, _ := strconv.Atoi(f.Item) // none is 0; what does not fit a job is refused below
	meta := kiosk.Meta{Reason: f.Reason}
	switch f.Do {
	case "void":
		return &kiosk.Voided{Event: f.Event, Meta: meta}, nil
	case "amend":
		fields, err := json.Marshal(map[string]time.Time{"at": at})
		return &kiosk.Amended{Event: f.Event, Fields: fields, Meta: meta}, err
	case "finish":
		meta.At = &at
		return &kiosk.Finished{Job: kiosk.Job{Visit: f.Visit, Bay: f.Bay, Technician: f.Technician, Item: item}, Meta: meta}, nil
	case "promise":
		p := &kiosk.PromiseRevised{Visit: f.Visit, Promise: at, Consent: f.Consent, Meta: meta}
		if f.Consent {
			p.ConsentHow = "phone"
		}
		return p, nil
	case "cancel":
		return &kiosk.OrderCancelled{Visit: f.Visit, Meta: meta}, nil
	case "close":
		return &kiosk.Closed{Visit: f.Visit, Outcome: f.Outcome, Meta: meta}, nil
	case "rework":
		return &kiosk.ReworkConfirmed{Visit: f.Visit, Earlier: f.Earlier, Items: strings.Fields(f.Items), Meta: meta}, nil
	case "decline":
		return &kiosk.ProposalDeclined{Visit: f.Visit, Proposal: f.Proposal, Items: strings.Fields(f.Items), Meta: meta}, nil
	case "category":
		return d.recategorised(ctx, s, f)
	}
	return nil, fault(http.StatusBadRequest, "do", fmt.Sprintf("do %.40q is not one of %v", f.Do, Deeds())).say("office.err.deed")
}

// statedTime reads the time of a draft that needs one.
func (d *dashboard) statedTime(s backoffice.Store, f draft) (t time.Time, err error) {
	if f.Do != "amend" && f.Do != "finish" && f.Do != "promise" {
		return t, nil
	}
	for _, layout := range []string{localTime, localTime + ":05"} {
		if t, err = time.ParseInLocation(layout, f.At, s.Calendar.Zone); err == nil {
			return t, nil
		}
	}
	return t, fault(http.StatusBadRequest, "at", fmt.Sprintf("at %.40q is not a time such as 2026-11-30T18:00", f.At)).say("office.err.time", clip(f.At))
}

// recategorised amends the event that brought an item so that the item has
// another category.
func (d *dashboard) recategorised(ctx context.Context, s backoffice.Store, f draft) (kiosk.Payload, error) {
	wrong := fault(http.StatusConflict, "items", fmt.Sprintf("visit %.40q has no item %.40q", f.Visit, f.Items)).say("office.err.item")
	category := kiosk.Category(f.Category)
	if category != kiosk.Minor && category != kiosk.Major {
		return nil, wrong
	}
	steps, err := d.history(ctx, s, f.Visit)
	if err != nil {
		return nil, err
	}
	for _, st := range steps {
		var items []kiosk.Item
		switch e := st.decoded.Data.(type) {
		case *kiosk.Signed:
			items = e.Items
		case *kiosk.ItemsAdded:
			items = e.Items
		}
		found := false
		changed := append([]kiosk.Item(nil), items...)
		for i := range changed {
			if slices.Contains(strings.Fields(f.Items), changed[i].Code) && st.Counted && !st.Voided {
				changed[i].Category, found = category, true
			}
		}
		if found {
			fields, err := json.Marshal(map[string]any{"items": changed})
			return &kiosk.Amended{Event: st.ID, Fields: fields, Meta: kiosk.Meta{Reason: f.Reason}}, err
		}
	}
	return nil, wrong
}

// confirming is the page between a form and its event.
type confirming struct {
	page
	Visit   *kiosk.Visit
	Draft   draft
	Type    kiosk.Type
	Of      string // the event that is corrected, in words
	Changes []change
}

// change is one thing that an event would change.
type change struct{ What, Was, Is string }

// record is POST /record: a form first shows what it would change, and records
// once somebody says so.
func (d *dashboard) record(w http.ResponseWriter, r *http.Request) error {
	person, session, ok := d.session(r)
	if !ok {
		return fault(http.StatusUnauthorized, "", "sign in first").say("office.err.signin")
	}
	if err := staff.CheckOrigin(r); err != nil || !session.FormOK(r.PostFormValue("form")) {
		return fault(http.StatusForbidden, "form", "the form is not of this session").say("office.err.form")
	}
	s, err := d.store(r)
	if err != nil {
		return err
	}
	f := readDraft(r)
	if id, ok := d.once.done(f.Once); ok {
		http.Redirect(w, r, d.orderLink(r, f.Visit, id), http.StatusSeeOther)
		return nil
	}
	p, err := d.payload(r.Context(), s, f)
	if err == nil {
		err = d.mayRecord(person, p.Type())
	}
	if err == nil {
		err = d.sound(r.Context(), s, p)
	}
	if wrong := (*problem)(nil); errors.As(err, &wrong) {
		return d.notPossible(w, r, f, wrong)
	}
	if err != nil {
		return err
	}
	p.Common().By = person.ID
	if r.PostFormValue("sure") != "yes" {
		return d.askSure(w, r, s, f, p)
	}
	id, err := d.once.record(f.Once, func() (string, error) {
		e, err := d.Office.Record(r.Context(), s.Name, p)
		return e.ID(), err
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, d.orderLink(r, f.Visit, id), http.StatusSeeOther)
	return nil
}

func (d *dashboard) orderLink(r *http.Request, visit, done string) string {
	p := d.plain(r)
	if s, err := d.store(r); err == nil {
		p.Store = s
	}
	return p.Link(pathOf(visit), "done", done)
}

// notPossible shows the order again with what is wrong and what was filled in.
func (d *dashboard) notPossible(w http.ResponseWriter, r *http.Request, f draft, p *problem) error {
	o, err := d.order(r, f.Visit)
	if err != nil {
		return p
	}
	o.Path, o.Draft, o.Bad = pathOf(f.Visit), f, p.Detail
	if p.message.Key != "" {
		o.Bad = p.message.In(o.Lang)
	}
	d.render(w, p.Status, "order.html", o)
	return nil
}

// askSure shows what an event would change, before it is recorded.
func (d *dashboard) askSure(w http.ResponseWriter, r *http.Request, s backoffice.Store, f draft, p kiosk.Payload) error {
	o, err := d.order(r, f.Visit)
	if err != nil {
		return err
	}
	f.Once = d.once.issue()
	c := confirming{page: o.page, Visit: o.Visit, Draft: f, Type: p.Type(), Changes: o.changes(d.foldedWith(s, o, p))}
	c.Path, c.Title = pathOf(f.Visit), o.T("office.do."+f.Do)
	for _, st := range o.Steps {
		if st.ID == f.Event {
			c.Of = fmt.Sprintf("%s · %s", o.Event(st.Type), o.When(st))
		}
	}
	d.render(w, http.StatusOK, "sure.html", c)
	return nil
}

// foldedWith is the visit as it would be with one more event of the office.
func (d *dashboard) foldedWith(s backoffice.Store, o order, p kiosk.Payload) *kiosk.Visit {
	var events []kiosk.Event
	for _, st := range o.Steps {
		if st.Counted {
			events = append(events, st.decoded)
		}
	}
	now := d.Office.Now()
	events = append(events, kiosk.Event{Source: kiosk.OfficeSource(s.Name), Epoch: d.Office.Ledger().ID(), Seq: 1 << 62, Data: p, When: now,
		Moment: kiosk.Moment{Wall: now, Clock: kiosk.Synced}})
	return backoffice.Fold(events, s.Calendar)
}

// changes lists what is different in another reading of the visit.
func (o order) changes(after *kiosk.Visit) (out []change) {
	now, b := o.page.Now, behind{page: o.page}
	was, is := o.Case, caseOfVisit(o.Store, after, now)
	add := func(key, was, is string) {
		if was != is {
			out = append(out, change{o.T(key), was, is})
		}
	}
	judged := func(c Case) string {
		if j := b.Judged(c); j != "" {
			return o.T("kpi.value." + j)
		}
		return "—"
	}
	add("kpi.on_time", judged(was), judged(is))
	add("office.stage", o.T("stage."+string(was.Stage)), o.T("stage."+string(is.Stage)))
	for _, t := range []struct {
		key     string
		was, is time.Time
	}{{"office.checked_in", was.Arrived, is.Arrived}, {"office.accepted", was.Accepted, is.Accepted}, {"office.signed", was.Signed, is.Signed},
		{"office.first_promise", was.First, is.First}, {"office.last_promise", was.Last, is.Last},
		{"office.passed", was.Passed, is.Passed}, {"office.delivered", was.Handed, is.Handed}} {
		add(t.key, o.At(t.was), o.At(t.is))
	}
	add("office.categories", o.Categories(was.Categories), o.Categories(is.Categories))
	add("kpi.unclosed_jobs", strconv.Itoa(len(was.Unclosed)), strconv.Itoa(len(is.Unclosed)))
	add("kpi.repair_net", o.repair(o.Visit), o.repair(after))
	add("kpi.rework", o.yes(o.Visit.Rework != nil), o.yes(after.Rework != nil))
	return out
}

func (o order) repair(v *kiosk.Visit) string {
	if _, net, ok := v.Repair(); ok {
		return o.Span(net)
	}
	return "—"
}

func (o order) yes(is bool) string {
	if is {
		return o.T("office.yes")
	}
	return o.T("office.no")
}

// session is who is signed in, and their session.
func (d *dashboard) session(r *http.Request) (staff.Person, staff.Session, bool) {
	if d.Door == nil {
		return staff.Person{}, staff.Session{}, false
	}
	return d.Door.Who(staff.CookieToken(r))
}

// once lets a form be recorded one time, however often it is sent. It knows the
// last forms only, of this run: older ones are refused by what they would change.
type once struct {
	mu    sync.Mutex
	ids   map[string]string // by the form's id: the event's; "" not yet
	order []string
	make  func() string
}

const maxOnce = 4096

// issue makes the id of a form.
func (o *once) issue() string {
	id := o.make()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ids == nil {
		o.ids = map[string]string{}
	}
	if len(o.order) == maxOnce {
		delete(o.ids, o.order[0])
		o.order = o.order[1:]
	}
	o.ids[id] = ""
	o.order = append(o.order, id)
	return id
}

// done is the event that a form recorded.
func (o *once) done(id string) (event string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	event = o.ids[id]
	return event, event != ""
}

// record records for a form unless it did. Forms are recorded one after the other.
func (o *once) record(id string, f func() (string, error)) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was, known := o.ids[id]
	switch {
	case !known:
		return "", fault(http.StatusConflict, "once", "this form is too old, or was made before the back office was started").say("office.err.old_form")
	case was != "":
		return was, nil
	}
	event, err := f()
	if err == nil {
		o.ids[id] = event
	}
	return event, err
}
