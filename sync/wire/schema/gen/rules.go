package main

import (
	"maps"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Patterns of texts that more than one message has.
const (
	visitPattern   = `^[0-9A-HJKMNP-TV-Z]{10}$` // Crockford's base 32
	hashPattern    = `^[0-9a-f]{64}$`
	eventIDPattern = `^.+-[1-9][0-9]*$`
	bookingPattern = `^[0-9A-Za-z-]{1,32}$`
	epochPattern   = `^[0-9A-Za-z-]{1,64}$`
	noncePattern   = `^[0-9A-Za-z-]{16,64}$`
	namePattern    = `[a-z0-9-]{1,32}`
)

// consents are how a customer may agree.
func consents() []string { return []string{"signature", "phone", "message", "other"} }

// rule adds what the Go type of a field does not say.
func rule(s object, field string, t kiosk.Type) {
	maps.Copy(s, rules()[field])
	if field != "Meta.Reason" {
		return
	}
	switch t {
	case "job.paused":
		s["enum"] = []string{kiosk.Authority, kiosk.Parts, kiosk.OtherReason, kiosk.Break, kiosk.Switched}
	case "promise.revised":
		s["enum"] = kiosk.RevisionReasons()
	}
}

func rules() map[string]object {
	visit, hash := object{"pattern": visitPattern}, object{"pattern": hashPattern}
	positive, natural := object{"minimum": 1}, object{"minimum": 0}
	out := map[string]object{
		"CheckedIn.Purpose":         {"enum": kiosk.Purposes()},
		"CheckedIn.Language":        {"enum": []string{"zh-CN", "en"}},
		"CheckedIn.Means":           {"enum": []string{"scan", "keyed", "desk"}},
		"CheckedIn.Vehicle":         hash,
		"Identified.Vehicle":        hash,
		"Identified.Means":          {"enum": []string{"scan", "keyed", "desk"}},
		"PersonErased.Vehicle":      hash,
		"Erasure.Vehicle":           hash,
		"Erasure.Plates":            {"items": hash, "maxItems": wire.MaxErased},
		"Erasure.Visits":            {"maxItems": wire.MaxErased},
		"PersonErased.Plates":       {"items": hash},
		"PersonErased.Visits":       {"items": object{"type": "string", "pattern": visitPattern}},
		"ScanRecord.Keyed":          hash,
		"Meta.PersonDigest":         hash,
		"Item.Payer":                {"enum": kiosk.Payers()},
		"Item.No":                   positive,
		"Item.StandardMinutes":      natural,
		"Consent.How":               {"enum": consents()},
		"PromiseRevised.ConsentHow": {"enum": consents()},
		"Closed.Outcome":            {"enum": kiosk.Outcomes()},
		"Job.Visit":                 visit,
		"Job.Item":                  positive,
		"CardScanned.Item":          positive,
		"Paper.Visit":               visit,
		"ReworkConfirmed.Earlier":   visit,
		"ProposalDeclined.Proposal": {"enum": kiosk.Proposals()},
		"ScanRepeated.Times":        positive,
		"Voided.Event":              {"pattern": eventIDPattern},
		"Amended.Event":             {"pattern": eventIDPattern},
		"Voided.EventHash":          hash,
		"Amended.EventHash":         hash,
		"JournalLost.Epoch":         {"pattern": epochPattern},
		"JournalLost.From":          positive,
		"JournalLost.To":            positive,
		"Person.Salt":               {"pattern": "^[0-9a-f]+$"},
		"Presented.Vehicle":         hash,
		"Presented.Means":           {"enum": []string{"scan"}},
		"Booking.ID":                {"pattern": bookingPattern},
		"Booking.PlateKey":          hash,
		"Booking.Vehicle":           hash,
		"Booking.CodeKey":           hash,
		"Booking.Purpose":           {"enum": kiosk.Purposes()},
		"Bookings.Day":              {"pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`},
		"Setup.Menu":                {"maxItems": wire.MaxMenu},
		"Setup.Bays":                {"maxItems": wire.MaxSetupBays},
		"Setup.Staff":               {"maxItems": wire.MaxPeople},
		"SetupCalendar.Week":        {"minItems": 7, "maxItems": 7},
		"SetupHours.Open":           natural,
		"SetupHours.Close":          {"minimum": 0, "maximum": 1440},
		"SetupItem.Category":        {"enum": kiosk.Categories()},
		"SetupItem.Payer":           {"enum": kiosk.Payers()},
		"SetupItem.Minutes":         natural,
		"SetupBay.ID":               {"pattern": "^" + namePattern + "$"},
		"SetupStaff.ID":             {"pattern": "^" + namePattern + "$"},
		"Staff.People":              {"maxItems": wire.MaxPeople},
		"Member.ID":                 {"pattern": "^" + namePattern + "$"},
		"Member.BadgeKey":           hash,
		"BayState.State":            {"enum": wire.BayStates()},
		"BayState.Visit":            visit,
		"Conn.Epoch":                {"pattern": epochPattern},
		"Office.Ledger":             {"pattern": epochPattern},
		"Office.State":              {"enum": []wire.State{wire.Ready, wire.Lost}},
		"Health.At":                 {"format": "date-time"},
		"Health.Clock":              {"enum": []kiosk.Quality{kiosk.Synced, kiosk.Holdover, kiosk.Unset}},
		"Device.State":              {"enum": []string{"up", "down"}},
	}
	maps.Copy(out, visitRules(visit, hash, positive, natural))
	for _, s := range []string{"CheckedIn", "Identified", "Accepted", "Signed", "ItemsAdded", "OrderCancelled", "PromiseRevised", "Closed",
		"Called", "PickupRequested", "Delivered", "ReworkConfirmed", "ProposalDeclined", "CardScanned", "Passed", "Failed", "VehicleWashed"} {
		out[s+".Visit"] = visit
	}
	return out
}

// visitRules are those of the office's visits and answers.
func visitRules(visit, hash, positive, natural object) map[string]object {
	epoch, event := object{"pattern": epochPattern}, object{"pattern": eventIDPattern}
	return map[string]object{
		"Visits.Ledger":       epoch,
		"Visits.Seen":         {"maxItems": wire.MaxSeen},
		"Visits.Visits":       {"maxItems": wire.MaxOpenVisits, "items": object{"type": "string", "pattern": visitPattern}},
		"Visits.LeftOut":      natural,
		"Seen.Epoch":          epoch,
		"Visit.Ledger":        epoch,
		"Visit.Visit":         visit,
		"Visit.Vehicle":       hash,
		"Visit.Seen":          {"maxItems": wire.MaxVisitSeen},
		"Visit.Promises":      {"maxItems": wire.MaxVisitPromise},
		"Visit.Jobs":          {"maxItems": wire.MaxVisitJobs},
		"Visit.Flags":         {"maxItems": wire.MaxFlags},
		"Visit.Failures":      natural,
		"Visit.FinishedSince": natural,
		"VisitOrder.Items":    {"maxItems": wire.MaxVisitItems},
		"Visit.Events":        {"maxItems": wire.MaxVisitEvents},
		"VisitEvent.ID":       event,
		"VisitEvent.Was":      event,
		"VisitEvent.Data":     {"type": "object"},
		"VisitJob.Event":      event,
		"VisitJob.Item":       positive,
		"TimeQuestion.Nonce":  {"pattern": noncePattern},
		"Command.ID":          {"pattern": noncePattern},
		"Command.Visit":       visit,
		"TimeAnswer.Nonce":    {"pattern": noncePattern},
	}
}

// envelope is the event around its data: CloudEvents 1.0 in JSON with
// extension attributes. Package kiosk does not export it.
func envelope() object {
	text := func(pattern, says string) object {
		return object{"type": "string", "pattern": pattern, "description": says}
	}
	properties := object{
		"specversion":     object{"const": "1.0"},
		"id":              text(eventIDPattern, "<epoch>-<sequence>; identifies the event together with source"),
		"source":          text(`^/stores/`+namePattern+`/(kiosks/`+namePattern+`|backoffice)$`, "who recorded the event"),
		"type":            text(`^baylight\.[a-z0-9_.]+\.v[1-9][0-9]*$`, "type and version of data"),
		"subject":         text(`^visit/`, "the visit that the event belongs to"),
		"time":            object{"type": "string", "format": "date-time", "description": "when it happened as well as the recorder knew"},
		"datacontenttype": object{"const": "application/json"},
		"dataschema":      text(`^urn:baylight:schema:`, "the schema of data"),
		"sequence":        text(`^[0-9]{20}$`, "counts from 1 within the epoch, without holes"),
		"epoch":           object{"type": "string", "minLength": 1, "maxLength": 200, "description": "new when a journal is created, restored or found rolled back"},
		"bootid":          object{"type": "string", "maxLength": 200, "description": "the boot in which the event was recorded"},
		"uptimems":        text(`^[0-9]{1,16}$`, "milliseconds since that boot"),
		"clock":           object{"enum": []kiosk.Quality{kiosk.Synced, kiosk.Holdover, kiosk.Unset}, "description": "how far time can be trusted"},
		"prev":            text(hashPattern, "SHA-256 of the bytes of the event before; 64 zeros at sequence 1"),
		"was":             object{"type": "string", "description": "id of the event that this one re-records after a rollback"},
		"washash":         object{"type": "string", "description": "SHA-256 of that event's bytes"},
		"data":            object{"type": "object"},
	}
	return object{
		"description": "An event as it is stored, hashed and sent: its bytes are made once and never re-encoded.",
		"type":        "object", "additionalProperties": true, "properties": properties,
		"required": []string{"specversion", "id", "source", "type", "time", "datacontenttype", "dataschema",
			"sequence", "epoch", "bootid", "uptimems", "clock", "prev", "data"},
	}
}

// person is the message that carries the person part of an event.
func person(part object) object {
	return object{
		"description": "The person part of one event; null once it is erased. The event's persondigest is the SHA-256 of the part's bytes.",
		"type":        "object", "additionalProperties": true,
		"properties": object{
			"id":     object{"type": "string", "pattern": eventIDPattern},
			"person": object{"oneOf": []object{{"type": "null"}, part}},
		},
		"required": []string{"id", "person"},
	}
}

// receipt is what an office has of one board's events. Package wire does not
// export its form.
func receipt() object {
	sequence := object{"type": "integer", "minimum": 0}
	pair := object{"type": "array", "items": object{"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2}
	return object{
		"description": "What the office has committed of a board's events; retained, written after its own commit.",
		"type":        "object", "additionalProperties": true,
		"properties": object{
			"ledger": object{"type": "string", "pattern": epochPattern, "description": "new when the office's ledger is created or restored"},
			"term":   object{"type": "integer", "minimum": 0, "description": "number of the lease under which the office writes"},
			"epochs": object{"type": "array", "maxItems": wire.MaxEpochs, "items": object{
				"type": "object", "additionalProperties": true,
				"properties": object{
					"epoch":   object{"type": "string", "pattern": epochPattern},
					"through": sequence,
					"hash":    object{"type": "string", "pattern": hashPattern, "description": "of the event at through, 64 zeros if that is 0"},
					"gaps":    object{"type": "array", "maxItems": wire.MaxGaps, "items": pair, "description": "missing above through, both ends included; wanted again"},
					"taken": object{"type": "array", "maxItems": wire.MaxTaken, "items": object{"type": "array", "minItems": 2, "maxItems": 2,
						"prefixItems": []object{{"type": "integer", "minimum": 0}, {"type": "string", "pattern": hashPattern}}},
						"description": "[sequence, hash] of what the office has in the places that the chain does not prove: each event below through that the next one here does not follow (0 and 64 zeros: the first one here is not the first of the epoch), and the lowest one above through. A board that has another event there has another history; one that has an event right behind such a place below through has one that the office lacks. Older offices name none: hash then proves the event at through only."},
					"taken_after": object{"type": "integer", "minimum": 0, "description": "places up to here are left out of taken: a board that holds no receipt beyond it cannot prove what it has"},
				},
				"required": []string{"epoch", "through", "hash", "gaps"},
			}},
		},
		"required": []string{"ledger", "term", "epochs"},
	}
}
