package main

import (
	"slices"
	"strings"

	"baylight/sync/backoffice/kpi"
)

func sortText(s []string) { slices.Sort(s) }

// query makes a parameter of the query.
func query(name, says string, schema object) object {
	return object{"name": name, "in": "query", "description": says, "schema": schema}
}

func parameters() object {
	str := object{"type": "string"}
	return object{
		"store":      query("store", "The store; may be left out if the office has one.", str),
		"stores":     query("store", "The store, or * for all; may be left out if the office has one.", str),
		"from":       query("from", "First store-local day, e.g. 2026-11-01; today if left out.", day()),
		"to":         query("to", "The day after the last; the day after from if left out.", day()),
		"by":         query("by", "What rows are made of.", object{"enum": []kpi.By{kpi.ByNone, kpi.ByDay, kpi.ByAdviser, kpi.ByCategory, kpi.ByBay, kpi.ByTechnician, kpi.ByTeam}}),
		"role":       query("by", "Of whom; adviser if left out.", object{"enum": []kpi.By{kpi.ByAdviser, kpi.ByTechnician}}),
		"month":      query("month", "E.g. 2026-11; the present one if left out.", object{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}),
		"definition": query("definition", "The definitions to use; there is one.", object{"const": kpi.Definition}),
		"as_of":      query("as_of", "Figures as they stood at a position, <ledger>-<position>.", str),
		"now":        query("now", "The time to reckon at, for figures asked for again.", object{"type": "string", "format": "date-time"}),
		"id":         object{"name": "id", "in": "path", "required": true, "description": "A visit's id, or its order's.", "schema": str},
		"kpi":        query("kpi", "The figure whose visits are asked for; orders if left out.", str),
		"value":      query("value", "Which part of it, e.g. late; of throughput a category, or an hour of the store's clock, e.g. 14:00.", str),
		"variant":    query("variant", "Of 准时交车率: promise/moment/population/tie.", object{"enum": variants()}),
		"key":        query("key", "The row, with by.", str),
		"lang":       query("lang", "Of texts for people.", object{"enum": []string{"zh-CN", "en"}}),
		"after":      query("after", "A position of the ledger; what comes after it is listed.", object{"type": "integer", "minimum": 0}),
		"limit":      query("limit", "How many at most; 1000 if left out.", object{"type": "integer", "minimum": 0, "maximum": 100_000}),
		"repair":     query("repair", "true: if anything differs, what is kept is dropped and computed anew.", object{"enum": []string{"true", "false"}}),
		"persons":    query("persons", "1: with the person parts. Personal data; takes the token or a manager.", object{"enum": []string{"0", "1"}}),
		"afterEvent": query("after_event", "The id of the last event of a file that is gone on with.", str),
		"afterHash":  query("after_hash", "SHA-256 of its bytes, in hex.", str),
		"schemaName": object{"name": "name", "in": "path", "required": true, "description": "e.g. job.started.v1.json", "schema": str},
	}
}

func variants() (out []string) {
	for _, v := range kpi.Variants() {
		out = append(out, v.String())
	}
	return out
}

func responses() object {
	return object{"Problem": object{"description": "What is wrong, and where it stands in the request.", "content": content("application/problem+json", ref("Problem"))}}
}

func content(kind string, schema object) object { return object{kind: object{"schema": schema}} }

// operation is one way to ask. Names of parameters are those of components.
type operation struct {
	id, says string
	params   string // separated by spaces
	body     object // content, nil: none
	status   string
	kind     string // of the answer
	answer   object // its schema; of one line if kind is application/x-ndjson
	open     bool   // without signing in
}

const (
	asJSON  = "application/json"
	asLines = "application/x-ndjson"
)

// operations are all of /api/v1 and what is served beside it, by method and path.
func operations() map[string]operation {
	file := object{"type": "string", "contentMediaType": asLines, "description": "JSON lines: events, each byte for byte as its recorder made it, and person parts {\"id\",\"source\",\"person\"}"}
	return map[string]operation{
		"GET /api/v1/kpi":           {id: "figures", says: "Figures of a period.", params: "stores from to by definition as_of now", status: "200", kind: asJSON, answer: ref("Figures")},
		"GET /api/v1/appraisal":     {id: "appraisal", says: "绩效得分 of a month: each person's score with every term it is made of. Supervisors, managers and the token only.", params: "store month role as_of", status: "200", kind: asJSON, answer: ref("Appraisal")},
		"GET /api/v1/orders":        {id: "orders", says: "The visits behind a figure.", params: "stores from to by key kpi value variant definition as_of now", status: "200", kind: asJSON, answer: ref("Orders")},
		"GET /api/v1/orders/{id}":   {id: "order", says: "One visit: its events in order, each with its raw scan.", params: "id store", status: "200", kind: asJSON, answer: ref("Order")},
		"GET /api/v1/bays":          {id: "bays", says: "What stands in each bay now.", params: "stores", status: "200", kind: asJSON, answer: ref("Bays")},
		"GET /api/v1/risk":          {id: "risk", says: "How far late-risk can be trusted: its calibration on a hold-out period.", params: "stores", status: "200", kind: asJSON, answer: ref("Risk")},
		"GET /api/v1/kiosks":        {id: "kiosks", says: "Boards: connection, receipts, gaps, alarms, health.", params: "stores lang", status: "200", kind: asJSON, answer: ref("Kiosks")},
		"GET /api/v1/events":        {id: "events", says: "Events after a position, one a line.", params: "store after limit", status: "200", kind: asLines, answer: ref("Line")},
		"POST /api/v1/events":       {id: "record", says: "Record what a person states, confirms or corrects.", params: "store", body: content(asJSON, ref("NewEvent")), status: "201", kind: asJSON, answer: ref("Recorded")},
		"GET /api/v1/staff":         {id: "people", says: "Who works here, with badges. Managers and the token only.", params: "store", status: "200", kind: asJSON, answer: ref("People")},
		"POST /api/v1/staff":        {id: "changePerson", says: "Add, change or remove a person. Managers, or the token in a manager's name. 409 where another office has the store; it names it.", params: "store", body: content(asJSON, ref("Change")), status: "200", kind: asJSON, answer: ref("Changed")},
		"POST /api/v1/bookings":     {id: "importBookings", says: "Import bookings; each day in the file is replaced. 409 where another office has the store; it names it.", params: "store", body: object{"text/csv": object{"schema": object{"type": "string"}}, asJSON: object{"schema": object{}}}, status: "200", kind: asJSON, answer: ref("Booked")},
		"GET /api/v1/erasures":      {id: "erasures", says: "Requests to forget who came with a vehicle, and how far the boards are. Managers and the token only.", params: "store", status: "200", kind: asJSON, answer: ref("Erasures")},
		"POST /api/v1/erasures":     {id: "erase", says: "Forget who came with a vehicle: the person parts of its visits go, here and on every board. Figures stay. Managers and the token only.", params: "store", body: content(asJSON, shape("One of the two.", object{"?vin": text("of the vehicle; it stands nowhere afterwards"), "?aged_before": text("yyyy-mm-dd: the clock is right, and person parts of visits that ended before may go by their age")})), status: "200", kind: asJSON, answer: object{"anyOf": []object{ref("Erasure"), ref("Aged")}}},
		"POST /api/v1/import":       {id: "import", says: "Import events. The file is checked whole first; then a line of progress for each transaction, the last with done. Managers and the token only.", params: "store", body: content(asLines, file), status: "200", kind: asLines, answer: ref("Progress")},
		"POST /api/v1/verify":       {id: "verify", says: "Hold every event against the hash that was kept of it; then compute everything kept for figures again from the events, and name what differs. Of damaged events nothing is compared or repaired. Managers and the token only.", params: "store repair", status: "200", kind: asJSON, answer: ref("Verified")},
		"GET /api/v1/export":        {id: "export", says: "Export events; the trailer Baylight-Position says how far.", params: "store from to after afterEvent afterHash persons", status: "200", kind: asLines, answer: object{"anyOf": []object{ref("Event")}}},
		"GET /api/v1/openapi.json":  {id: "openapi", says: "This document.", status: "200", kind: asJSON, answer: object{"type": "object"}, open: true},
		"GET /api/v1/asyncapi.json": {id: "asyncapi", says: "Topics and messages.", status: "200", kind: asJSON, answer: object{"type": "object"}, open: true},
		"GET /schemas/{name}":       {id: "schema", says: "The JSON Schema of an event's data, or of a message.", params: "schemaName", status: "200", kind: "application/schema+json", answer: object{"type": "object"}, open: true},
	}
}

func paths() object {
	out := object{}
	for route, op := range operations() {
		method, path, _ := strings.Cut(route, " ")
		if out[path] == nil {
			out[path] = object{}
		}
		out[path].(object)[strings.ToLower(method)] = op.object()
	}
	return out
}

func (op operation) object() object {
	out := object{"operationId": op.id, "summary": op.says, "responses": object{
		op.status: object{"description": op.says, "content": content(op.kind, op.answer)},
		"default": object{"$ref": "#/components/responses/Problem"},
	}}
	params := []object{}
	for name := range strings.FieldsSeq(op.params) {
		params = append(params, object{"$ref": "#/components/parameters/" + name})
	}
	if len(params) > 0 {
		out["parameters"] = params
	}
	if op.body != nil {
		out["requestBody"] = object{"required": true, "content": op.body}
	}
	if op.open {
		out["security"] = []object{}
	}
	return out
}
