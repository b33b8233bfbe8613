package ticket

import (
	"strings"
	"time"

	"baylight/kiosk"
)

// Paper is what a document is drawn on.
type Paper interface {
	Columns() int   // half-width characters in a line at size 1
	Align(a int)    // 0 left, 1 centre, 2 right
	Size(w, h int)  // factors of text, from 1
	Bold(on bool)   // bold type on or off
	Text(s string)  // one line, or as many as it takes; any text is safe
	Rule()          // a line across
	Code128(string) // a bar code with its text below
	QR(string)      // a QR code
	Feed(lines int) // white space
	Cut()           // the end of the document
}

// Kind is the kind of a document: the first part of its ID.
type Kind string

// The kinds of document.
const (
	QueueTicket  Kind = "ticket"
	JobCard      Kind = "jobcard"
	PromiseSlip  Kind = "promise"
	DeliverySlip Kind = "delivery"
	Test         Kind = "test"
)

// Document is something to print.
type Document struct {
	ID    string // e.g. "ticket-0A713K8QZ2": the same event gives the same ID again
	Visit string // "" of a test page
	Kind  Kind
	Copy  bool // a marked copy
	draw  func(*pen)
}

// Draw draws the document, from its heading to the cut.
func (d Document) Draw(p Paper) {
	w := &pen{Paper: p}
	if d.Copy {
		w.banner("ticket.copy")
	}
	d.draw(w)
	p.Feed(3)
	p.Cut()
}

// View is what a document shows besides its event.
type View struct {
	Store  string         // the store's name, as customers know it
	Zone   *time.Location // the store's
	Board  string         // the kiosk's name
	KeyID  string         // names Key in the QR code
	Key    []byte         // the store's key
	Plate  string         // of the visit's vehicle, whole; it is masked here. "" if unknown
	Visit  *kiosk.Visit   // the visit's state; nil if unknown
	Events []kiosk.Event  // the visit's events in order, for reprints and earlier promises
}

// TicketID is the ID of a visit's queue ticket.
func TicketID(visit string) string { return string(QueueTicket) + "-" + visit }

// For says which documents an event produces. A re-recorded event (after a
// rollback, [kiosk.Event.Was]) and a second order produce none.
// ticket.reprinted gives a marked copy of the document it names, if one of the
// view's events produces it.
func For(e kiosk.Event, v View) []Document {
	if e.Was != "" {
		return nil
	}
	if r, ok := e.Data.(*kiosk.TicketReprinted); ok {
		return reprint(r.Document, v)
	}
	return produce(e, v)
}

// Asks says whether an event can ask for documents at all: For gives none for
// any other, whatever the view.
func Asks(p kiosk.Payload) bool {
	switch p.(type) {
	case *kiosk.CheckedIn, *kiosk.Signed, *kiosk.ItemsAdded, *kiosk.PromiseRevised, *kiosk.Delivered, *kiosk.TicketReprinted:
		return true
	}
	return false
}

func produce(e kiosk.Event, v View) []Document {
	switch d := e.Data.(type) {
	case *kiosk.CheckedIn:
		return []Document{queueTicket(e, d, v)}
	case *kiosk.Signed:
		return signed(e, d, v)
	case *kiosk.ItemsAdded:
		if len(d.Items) == 0 {
			return nil
		}
		return []Document{jobCard(card{visit: d.Visit, adviser: d.Adviser, items: d.Items, added: true, at: e.Time(), consent: d.Consent.How, promise: inForce(e, v)}, v)}
	case *kiosk.PromiseRevised:
		return []Document{promiseSlip(slip{visit: d.Visit, due: d.Promise, before: before(e, v), reason: d.Reason, consent: d.Consent, at: e}, v)}
	case *kiosk.Delivered:
		return []Document{deliverySlip(e, d, v)}
	}
	return nil
}

func signed(e kiosk.Event, d *kiosk.Signed, v View) []Document {
	for _, f := range d.Flags {
		if f == kiosk.SecondOrder {
			return nil
		}
	}
	c := card{visit: d.Visit, adviser: d.Adviser, items: d.Items, at: e.Time()}
	if d.Promise == nil {
		return []Document{jobCard(c, v)}
	}
	c.promise = *d.Promise
	return []Document{
		jobCard(c, v),
		promiseSlip(slip{visit: d.Visit, due: *d.Promise, consent: true, at: e}, v),
	}
}

// reprint finds a document by its ID among what the view's events produce.
func reprint(id string, v View) []Document {
	for _, e := range v.Events {
		if e.Was != "" {
			continue
		}
		for _, d := range produce(e, v) {
			if d.ID == id {
				d.Copy = true
				return []Document{d}
			}
		}
	}
	return nil
}

// Of lists the documents a visit has produced so far: what can be reprinted.
func Of(v View) (ds []Document) {
	for _, e := range v.Events {
		if e.Was == "" {
			ds = append(ds, produce(e, v)...)
		}
	}
	return ds
}

// stated is the promise that an event states, zero if none.
func stated(e kiosk.Event) time.Time {
	switch d := e.Data.(type) {
	case *kiosk.Signed:
		if d.Promise != nil {
			return *d.Promise
		}
	case *kiosk.PromiseRevised:
		return d.Promise
	}
	return time.Time{}
}

// before is the promise stated last before e, zero if none.
func before(e kiosk.Event, v View) (due time.Time) {
	for _, o := range v.Events {
		if o.Epoch == e.Epoch && o.Seq >= e.Seq {
			break
		}
		if t := stated(o); !t.IsZero() {
			due = t
		}
	}
	return due
}

// inForce is the promise to show beside e: the last stated before it, else the
// one the visit's state knows.
func inForce(e kiosk.Event, v View) time.Time {
	if t := before(e, v); !t.IsZero() || v.Visit == nil {
		return t
	}
	p, _ := v.Visit.EffectivePromise()
	return p.Due
}

// clip bounds a text from outside to n characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	rs := []rune(s[:min(len(s), 4*n)])
	if len(rs) <= n {
		return string(rs)
	}
	return strings.TrimSpace(string(rs[:n-1])) + "…"
}
