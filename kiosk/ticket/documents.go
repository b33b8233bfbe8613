package ticket

import (
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/words"
)

// queueTicket is what a customer takes along from the kiosk.
func queueTicket(e kiosk.Event, d *kiosk.CheckedIn, v View) Document {
	return Document{ID: TicketID(d.Visit), Visit: d.Visit, Kind: QueueTicket, draw: func(p *pen) {
		p.Align(centre)
		p.Bold(true)
		p.big(clip(v.Store, maxStore), 2, 2)
		p.Bold(false)
		p.pair("ticket.queue")
		p.Rule()
		p.pair("ticket.yournumber")
		p.number(clip(d.Ticket, maxNo))
		p.plate(v)
		p.Feed(1)
		p.both(purposeKey(d.Purpose), 2, 2)
		p.pair(waitingKey(d.Waiting))
		p.both("ticket.arrived", 2, 2, local(e.Time(), v).Format("15:04"))
		p.Text(zoned(e.Time(), v))
		p.Rule()
		p.Bold(true)
		p.both("ticket.unconfirmed", 1, 2)
		p.Bold(false)
		p.visitCode(d.Visit)
		t := Token{KeyID: v.KeyID, Visit: d.Visit, Ticket: d.Ticket, Day: local(e.Time(), v).Format("20060102")}
		if text, err := t.Sign(v.Key); err == nil {
			p.QR(text)
		}
		p.both("ticket.keep", 1, 1)
		p.Text(clip(v.Board, maxStore))
	}}
}

// purposeKey is the text of a purpose; one this program does not know is "other".
func purposeKey(purpose string) words.Key {
	for _, p := range kiosk.Purposes() {
		if p == purpose {
			return words.Key("purpose." + p)
		}
	}
	return "purpose.other"
}

func waitingKey(waiting bool) words.Key {
	if waiting {
		return "ticket.waiting"
	}
	return "ticket.leaving"
}

// card is what a job card shows.
type card struct {
	visit, adviser string
	items          []kiosk.Item
	added          bool // items added later, with the customer's consent
	consent        string
	promise        time.Time
	at             time.Time
}

// jobCard goes with the car: its codes start and resume work at the bays. Its
// ID carries the number of its first item, so that each addition has its own.
func jobCard(c card, v View) Document {
	first := 1
	if len(c.items) > 0 {
		first = max(1, c.items[0].No)
	}
	id := string(JobCard) + "-" + c.visit + "-" + strconv.Itoa(first)
	return Document{ID: id, Visit: c.visit, Kind: JobCard, draw: func(p *pen) {
		title := words.Key("ticket.jobcard")
		if c.added {
			title = "ticket.jobcard.added"
		}
		p.head(v, title)
		p.visitCode(c.visit)
		p.Feed(1)
		if !c.promise.IsZero() {
			p.pair("ticket.promise")
			p.due(c.promise, v)
		}
		for i, it := range c.items {
			if it.No == 0 {
				it.No = i + 1
			}
			p.Rule()
			p.item(c.visit, it)
		}
		p.Rule()
		p.Align(left)
		p.pair("ticket.adviser", clip(c.adviser, 32))
		if c.added {
			p.each("ticket.consent", 1, 1, consentKey(c.consent))
		}
		p.Text(zoned(c.at, v))
	}}
}

// consentKey is the text of how the customer agreed.
func consentKey(how string) words.Key {
	switch how {
	case "signature", "phone", "message":
		return words.Key("consent." + how)
	}
	return "consent.other"
}

// item prints one line of an order with its code; items from the tenth have none.
func (p *pen) item(visit string, it kiosk.Item) {
	p.Align(left)
	p.Bold(true)
	p.Size(1, 2)
	p.Text(strconv.Itoa(it.No) + ". " + clip(itemText(it), maxItem))
	p.Size(1, 1)
	p.Bold(false)
	p.Text(words.Text(words.ZH, "ticket.item",
		clip(it.Code, 24), categoryText(it.Category), payerText(it.Payer), strconv.Itoa(it.StandardMinutes)))
	p.Align(centre)
	if code, ok := kiosk.ItemCode(visit, it.No); ok {
		p.Code128(code)
		return
	}
	p.pair("ticket.nocode")
}

func itemText(it kiosk.Item) string {
	if it.Text == "" {
		return it.Code
	}
	return it.Text
}

func categoryText(c kiosk.Category) string {
	for _, k := range kiosk.Categories() {
		if k == c {
			return words.Text(words.ZH, words.Key("category."+string(c)))
		}
	}
	return clip(string(c), 24)
}

func payerText(s string) string {
	for _, k := range kiosk.Payers() {
		if k == s {
			return words.Text(words.ZH, words.Key("payer."+s))
		}
	}
	return clip(s, 24)
}

// slip is what a promise slip shows.
type slip struct {
	visit   string
	due     time.Time
	before  time.Time // the promise it replaces, zero of the first
	reason  string    // of a revision
	consent bool
	at      kiosk.Event
}

// promiseSlip states the promise to the customer; every revision is a slip of
// its own with its reason. Its ID carries when the promise was recorded.
func promiseSlip(s slip, v View) Document {
	id := string(PromiseSlip) + "-" + s.visit + "-" + s.at.Moment.Wall.UTC().Format("20060102T150405.000")
	return Document{ID: id, Visit: s.visit, Kind: PromiseSlip, draw: func(p *pen) {
		p.head(v, "ticket.promiseslip")
		p.Rule()
		if s.reason != "" {
			p.both("ticket.revised", 2, 2)
		} else {
			p.both("ticket.promise", 2, 2)
		}
		p.due(s.due, v)
		if s.reason != "" {
			p.Rule()
			if !s.before.IsZero() {
				p.both("ticket.was", 1, 2, zoned(s.before, v))
			}
			p.each("ticket.reason", 1, 2, revisionKey(s.reason))
			p.both(agreedKey(s.consent), 1, 1)
		}
		p.Rule()
		p.pair("ticket.issued")
		p.Text(zoned(s.at.Recorded(), v))
		p.visitCode(s.visit)
	}}
}

func revisionKey(reason string) words.Key {
	for _, k := range kiosk.RevisionReasons() {
		if k == reason {
			return words.Key("revision." + reason)
		}
	}
	return "revision.other"
}

func agreedKey(consent bool) words.Key {
	if consent {
		return "ticket.consented"
	}
	return "ticket.notconsented"
}

// deliverySlip closes the visit on paper.
func deliverySlip(e kiosk.Event, d *kiosk.Delivered, v View) Document {
	return Document{ID: string(DeliverySlip) + "-" + d.Visit, Visit: d.Visit, Kind: DeliverySlip, draw: func(p *pen) {
		p.head(v, "ticket.delivery")
		p.Rule()
		p.both("ticket.delivered", 1, 2, zoned(e.Time(), v))
		if v.Visit != nil && v.Visit.Order.InForce() {
			p.Rule()
			p.Align(left)
			for _, it := range v.Visit.Order.Items {
				p.Text(strconv.Itoa(it.No) + ". " + clip(itemText(it), maxItem))
			}
			p.Align(centre)
		}
		p.Rule()
		p.both("ticket.thanks", 2, 2)
	}}
}

// TestPage shows what a printer can do: sizes, alignment, Chinese, both codes.
func TestPage(v View, now time.Time) Document {
	return Document{ID: string(Test) + "-" + now.UTC().Format("20060102T150405.000"), Kind: Test, draw: func(p *pen) {
		p.Align(centre)
		p.both("ticket.test", 2, 2)
		p.Text(clip(v.Store, maxStore))
		p.Text(clip(v.Board, maxStore))
		p.Text(zoned(now, v))
		p.Rule()
		for n := 1; n <= 4; n++ {
			p.big(words.Text(words.ZH, "ticket.test.size", strconv.Itoa(n)), n, n)
		}
		p.Align(2)
		p.Text(words.Text(words.ZH, "ticket.test.right"))
		p.Align(left)
		p.Text(words.Text(words.ZH, "ticket.test.left"))
		p.Align(centre)
		p.Code128("BAYLIGHT-128")
		p.QR("BAYLIGHT-QR")
	}}
}

// NamePage is a printer's name, for whoever looks for the one that has it.
func NamePage(v View, name string, now time.Time) Document {
	return Document{ID: string(Test) + "-" + now.UTC().Format("20060102T150405.000"), Kind: Test, draw: func(p *pen) {
		p.Align(centre)
		p.both("ticket.name", 1, 1)
		p.big(clip(name, maxStore), 2, 2)
		p.Text(clip(v.Board, maxStore) + "  " + zoned(now, v))
	}}
}
