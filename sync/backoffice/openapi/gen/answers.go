package main

import (
	"reflect"

	"baylight/kiosk"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/roster"
	"baylight/sync/backoffice/transfer"
	"baylight/sync/wire"
)

// Schemas of texts and numbers.
func text(says string) object  { return object{"type": "string", "description": says} }
func truth(says string) object { return object{"type": "boolean", "description": says} }
func whole(says string) object { return object{"type": "integer", "description": says} }
func when(says string) object {
	return object{"type": "string", "format": "date-time", "description": says}
}
func nullable(s object) object       { return orNull(s) }
func list(of object) object          { return object{"type": "array", "items": of} }
func one(says string, of any) object { return object{"enum": of, "description": says} }
func ref(name string) object         { return object{"$ref": "#/components/schemas/" + name} }

// shape is an object; names that begin with ? may be absent.
func shape(says string, members object) object {
	properties, required := object{}, []string{}
	for name, s := range members {
		if name[0] == '?' {
			properties[name[1:]] = s
			continue
		}
		properties[name] = s
		required = append(required, name)
	}
	sortText(required)
	return object{"type": "object", "description": says, "properties": properties, "required": required}
}

// shared are the members of answers about one store at one position.
func shared(more object) object {
	all := object{"definition": object{"const": kpi.Definition}, "store": text("its name; * for all"), "from": day(), "to": day(),
		"as_of": text("<ledger>-<position>: asked for again with it, the figures are the same. Of all stores at present, the lowest of the rows' positions: nothing recorded up to it is missing")}
	for k, v := range more {
		all[k] = v
	}
	return all
}

func day() object { return object{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`} }

func schemas() object {
	row := of(reflect.TypeFor[kpi.Row]())
	row["properties"].(object)["targets_met"] = object{"type": "object", "additionalProperties": object{"type": []string{"boolean", "null"}}, "description": "by the names of the targets: whether the row meets each; null where there is nothing to compare. Absent without targets, and in rows by category."}
	row["properties"].(object)["as_of"] = text("with store=*: the position the store's row is true for")
	row["description"] = "The figures of one period or group. A figure that nothing can be said of is null, never 0; a day that has not come has no row."
	stages := make([]string, 0, 16)
	for _, s := range kiosk.Stages() {
		stages = append(stages, string(s))
	}
	stages = append(stages, string(kiosk.StageEnded))
	types := make([]string, 0, 64)
	for _, t := range kiosk.Types() {
		types = append(types, string(t))
	}
	return object{
		"Row": row,
		"Figures": shape("Figures of a period, a row for each group.", shared(object{
			"by": one("what rows are made of", []string{"none", "day", "adviser", "category", "bay", "technician", "team", "store"}), "now": when("the time they were reckoned at"),
			"targets": list(shape("What the store wants to reach, as it was in force at as_of.", object{"name": one("the figure and its unit", aims()), "figure": text("as pages call it"), "unit": one("", []kpi.Unit{kpi.Percent, kpi.WholeMinutes, kpi.PerDay}), "sense": one("", []string{"at_least", "at_most"}), "target": whole("in the unit; minutes are of the median")})),
			"rows":    list(ref("Row")), "?sum": ref("Row")})),
		"Appraisal": shape("绩效得分 of the people of a role in a month.", shared(object{"by": one("whose", []kpi.By{kpi.ByAdviser, kpi.ByTechnician}), "formula": text("in words"),
			"criteria": list(of(reflect.TypeFor[kpi.Plan]())), "people": list(of(reflect.TypeFor[kpi.Appraisal]()))})),
		"Visit": shape("One visit as lists show it; absent times are null.", object{
			"store": text("its name"), "visit": text("10 characters of Crockford's base 32"), "?order": text("the order's number"), "ticket": text("the number for people"), "adviser": text("staff id, or empty"),
			"categories": list(one("", kiosk.Categories())), "checked_in": nullable(when("")), "accepted": nullable(when("")), "signed": nullable(when("")),
			"first_promise": nullable(when("")), "last_promise": nullable(when("the last effective one")), "passed": nullable(when("")), "washed": nullable(when("")),
			"delivered": nullable(when("")), "cancelled": nullable(when("")), "?outcome": text("how a visit without a delivery ended"),
			"stage": one("where it stands now", stages), "flags": list(text("oddities")),
			"risk": nullable(shape("Whether the promise of an open order will be missed; null if it has come or nothing is promised, and of a period as it once was.", object{
				"p": nullable(probability("learnt from the store's history; null if that is not enough: then risky goes by standard minutes left")), "risky": truth("p is at least 0.5, or more is left to do than there is time"), "reason": hindrance()}))}),
		"Orders": shape("The visits behind a figure.", shared(object{"kpi": text("the figure"), "value": text("which part of it"), "variant": text("of 准时交车率"), "orders": list(ref("Visit"))})),
		"Step": shape("One event of a visit's history.", object{
			"position": whole("in the ledger"), "id": text("<epoch>-<sequence>"), "type": text("e.g. job.started"), "time": when("the one that counts: stated, else corrected"),
			"recorded": when("corrected time of recording"), "stated": truth("a person stated the time"), "uncertain": truth("no clock vouches for the time"),
			"counted": truth("false: recorded twice after a rollback"), "voided": truth("taken back by a person"), "?damaged": truth("its bytes changed on the office's disk; there only if so"),
			"person": one("its person part", []string{"none", "present", "erased", "missing"}), "?scan": ref("Scan"), "event": ref("Event")}),
		"Scan":  of(reflect.TypeFor[kiosk.ScanRecord]()),
		"Event": object{"type": "object", "description": "A CloudEvents event as its recorder made it; /schemas/envelope.v1.json, its data as its dataschema names it.", "additionalProperties": true},
		"Order": shape("One visit and its history.", object{"store": text("its name"), "order": ref("Visit"), "events": list(ref("Step"))}),
		"Bay": shape("What stands in a bay.", object{"bay": text("its name"), "state": one("", []string{"free", "working", "waiting", "risk", "late", "ready", "help"}),
			"visit": text("or empty"), "ticket": text("or empty"), "technicians": list(text("staff id")), "since": nullable(when("")), "promise": nullable(when("")),
			"risk": nullable(shape("That the promise is missed, learnt from the store's history; null without an estimate.", object{
				"p": probability("that it is missed"), "reason": hindrance()}))}),
		"Risk": either(shape("How far late-risk can be trusted.", object{"definition": object{"const": kpi.Definition}, "store": text("its name"),
			"estimating": truth("false: boards and pages go by standard minutes alone"), "why": text("it is not; empty else"),
			"trained": nullable(when("")), "orders": whole("past orders that estimates come from"), "calibration": nullable(calibration())})),
		"Bays": either(shape("The bays of a store.", object{"store": text("its name"), "as_of": text("<ledger>-<position>"), "now": when(""), "bays": list(ref("Bay"))})),
		"Kiosk": shape("One source of events: a board, or the office itself.", object{
			"kiosk": text("its name"), "source": text("as events say it"), "state": one("of its connection", []string{"ready", "disconnected", "lost", "unknown"}),
			"session": whole("counts its connections"), "version": text("of its software"), "health": nullable(health()), "heard": nullable(when("when health last came")),
			"last_event": nullable(when("when its last event came")), "receipt": list(shape("", object{"epoch": text(""), "through": whole("everything up to here is here"), "hash": text("of that event"),
				"gaps": list(object{"type": "array", "items": object{"type": "integer"}, "minItems": 2, "maxItems": 2})})),
			"conflicts": whole("another event stood in the place"), "rejected": whole("kept aside"), "destroyed": whole("reported as destroyed"),
			"alarms": list(shape("", object{"code": text("what kind"), "count": whole(""), "text": text("in words"), "?do": text("what to do")}))}),
		"Kiosks": either(shape("The boards of a store.", object{"store": text("its name"), "ledger": text("its id"), "kiosks": list(ref("Kiosk")),
			"alarms": list(shape("", object{"at": when(""), "text": text("")}))})),
		"Line":     shape("One line of GET /api/v1/events.", object{"position": whole(""), "?counted": truth("false: it counts nowhere, as it came under an earlier id too or is of another history"), "event": ref("Event")}),
		"NewEvent": shape("What a person states, confirms or corrects.", object{"type": one("", recordable(types)), "?by": text("who says so: with the token only"), "data": object{"type": "object", "description": "as /schemas/<type>.v1.json says, without by"}}),
		"Recorded": shape("", object{"id": text("<epoch>-<sequence>"), "source": text(""), "type": text(""), "by": text(""), "time": when("")}),
		"Person":   of(reflect.TypeFor[roster.Person]()),
		"People":   shape("", object{"store": text("its name"), "people": list(ref("Person"))}),
		"Changed":  shape("", object{"store": text("its name"), "person": ref("Person")}),
		"Change":   change(),
		"Verified": of(reflect.TypeFor[figures.Verified]()),
		"Progress": of(reflect.TypeFor[transfer.Progress]()),
		"Erasure": shape("", object{"store": text("its name"), "at": when("when it was asked for"), "by": text("staff id, or token"), "vehicle": text("keyed hash of the VIN"),
			"visits": whole("that it names"), "parts": whole("person parts that were removed from the ledger just now"), "bookings": whole("that were taken out just now"),
			"boards": list(shape("", object{"name": text("of the board"), "erased": whole("requests that it has applied, as it last said"), "open": whole("requests that it has not")}))}),
		"Erasures": shape("", object{"store": text("its name"), "erasures": list(ref("Erasure")), "retention": ref("Retention")}),
		"Aged":     shape("", object{"store": text("its name"), "retention": ref("Retention")}),
		"Retention": shape("How far person parts have gone by their age.", object{"days": whole("they are kept so long after their visit ended; 0: for ever"),
			"before": text("visits that ended before have none left; empty: none went"), "at": text("when that was last moved; empty: never"),
			"parts": whole("removed by the last run that removed any, since the start"), "held": whole("as old, and kept: their visits are open, or being done again"),
			"wait": text("why it goes no further; empty if it does")}),
		"Booked": shape("", object{"store": text("its name"), "days": object{"type": "object", "additionalProperties": object{"type": "integer"}, "description": "bookings that each day has now"},
			"ignored": list(text("columns that were read past"))}),
		"Problem": shape("RFC 9457 problem details.", object{"type": text(""), "title": text(""), "status": whole(""), "detail": text("what is wrong, and what would be right"),
			"?parameter": text("where it stands in the request"), "?bad": whole("bad lines, perhaps more than errors has"),
			"?errors": list(shape("", object{"line": whole("from 1"), "?column": text("of a file of bookings"), "?detail": text("of a file of events"), "?message": text("of a file of bookings")}))}),
	}
}

func probability(says string) object {
	return object{"type": "number", "minimum": 0, "maximum": 1, "description": says}
}

func hindrance() object {
	return one("what stands in its way; empty: nothing does", []string{"parts", "authority", "queue", "behind", ""})
}

// aims are the names that targets have.
func aims() (out []string) {
	for _, m := range kpi.Measures() {
		if m.Aim() {
			out = append(out, m.Name)
		}
	}
	return out
}

// health is wire.Health as a board last said.
func health() object { return of(reflect.TypeFor[wire.Health]()) }

// either is one store's answer, or with store=* those of all.
func either(single object) object {
	return object{"anyOf": []object{single, shape("With store=*.", object{"stores": list(single)})}}
}

// change is a roster.Change; all but the id may be absent.
func change() object {
	s := of(reflect.TypeFor[roster.Change]())
	s["required"] = []string{"id"}
	s["description"] = `What is to be changed of one person; absent leaves as it is. badge: its ten middle characters, "new", or "" for none. pin: digits, or "" for none.`
	return s
}

// recordable are the types that POST /api/v1/events takes.
func recordable(all []string) (out []string) {
	may := []string{"rework.confirmed", "proposal.declined", "event.voided", "event.amended", "job.finished", "attendance.recorded", "promise.revised", "order.cancelled", "visit.closed"}
	for _, t := range all {
		for _, m := range may {
			if t == m {
				out = append(out, t)
			}
		}
	}
	return out
}

// calibration is estimates made from older orders about newer ones, and what
// became of these.
func calibration() object {
	share := func(says string) object {
		return object{"type": "number", "minimum": 0, "maximum": 1, "description": says}
	}
	return shape("Estimates made from older orders about newer ones.", object{
		"from": when("of the newer orders' signing"), "to": when(""), "orders": whole(""), "samples": whole("looks at those orders"),
		"late": share("of the samples that was late"), "brier": share("mean of (estimate - outcome) squared: 0 is perfect"), "brier_base": share("that of always guessing the share late"),
		"deciles": list(shape("Estimates in one tenth of 0 to 1.", object{"n": whole(""), "guessed": nullable(share("mean estimate")), "observed": nullable(share("that was late"))})),
	})
}
