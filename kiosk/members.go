package kiosk

import "time"

// members reads or writes the members of objects, in the order in which they are
// asked for. So a payload says once what it is made of (the methods below), and
// that is how it is read and how it is written, at a fraction of what
// encoding/json takes. What a reader accepts and a writer makes is what
// encoding/json would make of the same struct; anything beyond goes its way. Tests
// hold both to it, with every field of every type.
//
// The methods with opt are for members with omitempty.
type members interface {
	text(name string, v *string)
	optText(name string, v *string)
	number(name string, v *int)
	optNumber(name string, v *int)
	millis(name string, v *int64)
	optMillis(name string, v *int64)
	sequence(name string, v *uint64)
	flag(name string, v *bool)
	optFlag(name string, v *bool)
	time(name string, v *time.Time)
	optTime(name string, v **time.Time)

	// open begins an object, nameless in a list; optOpen one that there may be
	// (there says so to a writer), and says whether there is; close ends it.
	open(name string)
	optOpen(name string, there bool) bool
	close()
	// list begins a list of n elements (a reader will see how many), -1 if it is
	// nil, and says whether there is one. More says whether element i follows. A
	// nameless text is an element.
	list(name string, n int) bool
	optList(name string, n int) bool
	more(i, n int) bool

	// beyond gives up: this is left to encoding/json.
	beyond()
}

// listed is a payload that names its members.
type listed interface{ members(m members) }

func (d *Meta) meta(m members) {
	m.optText("cause", &d.Cause)
	if m.optOpen("scan", d.Scan != nil) {
		if d.Scan == nil {
			d.Scan = new(ScanRecord)
		}
		m.optText("text", &d.Scan.Text)
		m.optText("keyed", &d.Scan.Keyed)
		m.optText("symbology", &d.Scan.Symbology)
		m.text("scanner", &d.Scan.Scanner)
		m.close()
	}
	m.optTime("at", &d.At)
	m.optText("by", &d.By)
	m.optText("reason", &d.Reason)
	if m.optList("flags", size(d.Flags)) {
		for f := range elements(m, &d.Flags) {
			m.text("", (*string)(f))
		}
	}
	m.optText("persondigest", &d.PersonDigest)
}

func (d *Job) job(m members) {
	m.text("visit", &d.Visit)
	m.text("bay", &d.Bay)
	m.optText("technician", &d.Technician)
	m.optNumber("item", &d.Item)
}

func (d *Paper) members(m members) {
	m.text("document", &d.Document)
	m.text("printer", &d.Printer)
	m.optText("visit", &d.Visit)
	d.meta(m)
}

func items(m members, v *[]Item) {
	if !m.list("items", size(*v)) {
		return
	}
	for i := range elements(m, v) {
		m.open("")
		m.number("no", &i.No)
		m.text("code", &i.Code)
		m.optText("text", &i.Text)
		m.text("category", (*string)(&i.Category))
		m.text("payer", &i.Payer)
		m.number("standard_minutes", &i.StandardMinutes)
		m.close()
	}
}

func textList(m members, name string, v *[]string) {
	if !m.list(name, size(*v)) {
		return
	}
	for t := range elements(m, v) {
		m.text("", t)
	}
}

// size is the length of a list, -1 if it is nil.
func size[T any](v []T) int {
	if v == nil {
		return -1
	}
	return len(v)
}

// elements goes through a list; a reader adds to it what there is.
func elements[T any](m members, v *[]T) func(yield func(*T) bool) {
	return func(yield func(*T) bool) {
		if *v == nil { // a writer has none that is nil
			*v = []T{}
		}
		for i := 0; m.more(i, len(*v)); i++ {
			if i == len(*v) {
				*v = append(*v, *new(T))
			}
			if !yield(&(*v)[i]) {
				return
			}
		}
	}
}

func (d *CheckedIn) members(m members) {
	m.text("visit", &d.Visit)
	m.text("ticket", &d.Ticket)
	m.optText("vehicle", &d.Vehicle)
	m.optText("booking", &d.Booking)
	m.text("purpose", &d.Purpose)
	m.flag("waiting", &d.Waiting)
	m.text("language", &d.Language)
	m.text("means", &d.Means)
	d.meta(m)
}

func (d *Presented) members(m members) {
	m.text("place", &d.Place)
	m.optText("vehicle", &d.Vehicle)
	m.optText("booking", &d.Booking)
	m.text("means", &d.Means)
	d.meta(m)
}

func (d *Identified) members(m members) {
	m.text("visit", &d.Visit)
	m.text("vehicle", &d.Vehicle)
	m.text("means", &d.Means)
	d.meta(m)
}

func (d *Accepted) members(m members) {
	m.text("visit", &d.Visit)
	m.text("adviser", &d.Adviser)
	d.meta(m)
}

func (d *Signed) members(m members) {
	m.text("visit", &d.Visit)
	m.text("order", &d.Order)
	m.text("adviser", &d.Adviser)
	items(m, &d.Items)
	m.optTime("promise", &d.Promise)
	d.meta(m)
}

func (d *ItemsAdded) members(m members) {
	m.text("visit", &d.Visit)
	items(m, &d.Items)
	m.open("consent")
	m.text("how", &d.Consent.How)
	m.text("by", &d.Consent.By)
	m.close()
	m.text("adviser", &d.Adviser)
	d.meta(m)
}

func (d *OrderCancelled) members(m members) {
	m.text("visit", &d.Visit)
	d.meta(m)
}

func (d *PromiseRevised) members(m members) {
	m.text("visit", &d.Visit)
	m.time("promise", &d.Promise)
	m.flag("consent", &d.Consent)
	m.optText("consent_how", &d.ConsentHow)
	d.meta(m)
}

func (d *Closed) members(m members) {
	m.text("visit", &d.Visit)
	m.text("outcome", &d.Outcome)
	d.meta(m)
}

func (d *Called) members(m members) {
	m.text("visit", &d.Visit)
	m.text("place", &d.Place)
	d.meta(m)
}

func (d *PickupRequested) members(m members) {
	m.text("visit", &d.Visit)
	d.meta(m)
}

func (d *Delivered) members(m members) {
	m.text("visit", &d.Visit)
	m.text("adviser", &d.Adviser)
	d.meta(m)
}

func (d *ReworkConfirmed) members(m members) {
	m.text("visit", &d.Visit)
	m.text("earlier", &d.Earlier)
	textList(m, "items", &d.Items)
	d.meta(m)
}

func (d *ProposalDeclined) members(m members) {
	m.text("visit", &d.Visit)
	m.text("proposal", &d.Proposal)
	textList(m, "items", &d.Items)
	d.meta(m)
}

func (d *BadgeScanned) members(m members) {
	m.text("bay", &d.Bay)
	m.text("person", &d.Person)
	d.meta(m)
}

func (d *CardScanned) members(m members) {
	m.text("bay", &d.Bay)
	m.optText("visit", &d.Visit)
	m.optNumber("item", &d.Item)
	m.optText("action", &d.Action)
	d.meta(m)
}

func (d *Started) members(m members) {
	d.job(m)
	m.optFlag("parallel", &d.Parallel)
	d.meta(m)
}

func (d *Resumed) members(m members) {
	d.job(m)
	m.optFlag("parallel", &d.Parallel)
	d.meta(m)
}

func (d *Paused) members(m members) {
	d.job(m)
	d.meta(m)
}

func (d *Finished) members(m members) {
	d.job(m)
	d.meta(m)
}

func (d *HelpCalled) members(m members) {
	m.text("bay", &d.Bay)
	d.meta(m)
}

func (d *HelpCleared) members(m members) {
	m.text("bay", &d.Bay)
	d.meta(m)
}

func (d *Passed) members(m members) {
	m.text("visit", &d.Visit)
	m.text("inspector", &d.Inspector)
	m.optText("bay", &d.Bay)
	d.meta(m)
}

func (d *Failed) members(m members) {
	m.text("visit", &d.Visit)
	m.text("inspector", &d.Inspector)
	m.optText("bay", &d.Bay)
	d.meta(m)
}

func (d *VehicleWashed) members(m members) {
	m.text("visit", &d.Visit)
	m.optText("bay", &d.Bay)
	d.meta(m)
}

func (d *Voided) members(m members) {
	m.text("event", &d.Event)
	m.optText("event_hash", &d.EventHash)
	d.meta(m)
}

// The fields of an amendment may be any JSON, and so may a setup.
func (d *Amended) members(m members)      { m.beyond() }
func (d *SetupChanged) members(m members) { m.beyond() }

func (d *ScanRejected) members(m members) {
	m.optText("bay", &d.Bay)
	d.meta(m)
}

func (d *ScanRepeated) members(m members) {
	m.text("scanner", &d.Scanner)
	m.number("times", &d.Times)
	d.meta(m)
}

func (d *ActionUnmatched) members(m members) {
	m.text("bay", &d.Bay)
	m.text("action", &d.Action)
	d.meta(m)
}

func (d *KioskStarted) members(m members) {
	m.text("version", &d.Version)
	d.meta(m)
}

func (d *ClockSet) members(m members) {
	m.millis("offset_ms", &d.OffsetMS)
	m.optText("source", (*string)(&d.Source))
	m.optMillis("error_ms", &d.ErrorMS)
	d.meta(m)
}

func (d *DeviceDown) members(m members) {
	m.text("device", &d.Device)
	d.meta(m)
}

func (d *DeviceUp) members(m members) {
	m.text("device", &d.Device)
	d.meta(m)
}

func (d *PersonErased) members(m members) {
	m.text("vehicle", &d.Vehicle)
	textList(m, "visits", &d.Visits)
	if m.optList("plates", size(d.Plates)) {
		for t := range elements(m, &d.Plates) {
			m.text("", t)
		}
	}
	d.meta(m)
}

func (d *AttendanceRecorded) members(m members) {
	m.text("technician", &d.Technician)
	m.time("from", &d.From)
	m.time("to", &d.To)
	d.meta(m)
}

func (d *JournalLost) members(m members) {
	m.text("epoch", &d.Epoch)
	m.sequence("from", &d.From)
	m.sequence("to", &d.To)
	d.meta(m)
}
