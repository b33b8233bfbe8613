package main

import (
	"maps"
	"strings"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// channel is one row of the table of topics.
type channel struct {
	kind     wire.Kind
	name     string // of the channel
	address  string // after the prefix
	retained bool
	sends    bool // the board sends on it; else it receives
	payload  string
	says     string
}

// channels are the topics of version 1. payload names a schema; "event" stands
// for every event.
func channels() []channel {
	return []channel{
		{wire.KindEvent, "event", "{store}/{kiosk}/event/{type}", false, true, "event", "One event of a board. Never any person part."},
		{wire.KindPerson, "person", "{store}/{kiosk}/person", false, true, "person", "The person part of one event; readable by the back office only."},
		{wire.KindConn, "conn", "{store}/{kiosk}/conn", true, true, "conn", "Birth and will of a board's connection."},
		{wire.KindBay, "bay", "{store}/{kiosk}/bay/{bay}", true, true, "bay", "Present state of a bay: state, visit, ticket, technician ids, since, promise, risk, lamp."},
		{wire.KindHealth, "health", "{store}/{kiosk}/health", true, true, "health", "How a board is: outbox, clock, devices, disk, versions."},
		{wire.KindReceipt, "receipt", "{store}/{kiosk}/receipt", true, false, "receipt", "What the office has committed of the board's events."},
		{wire.KindCmd, "cmdTime", "{store}/{kiosk}/cmd/time", false, false, "cmd.time", "The answer to a board's question for the time."},
		{wire.KindCmd, "cmd", "{store}/{kiosk}/cmd/{verb}", false, false, "command", "A command with an expiry; only for boards that are ready. The answer is an event or health."},
		{wire.KindTime, "time", "{store}/{kiosk}/time", false, true, "time", "A nonce; the office echoes it with its time in cmd/time."},
		{wire.KindEvent, "officeEvent", "{store}/backoffice/event/{type}", false, false, "event", "One event that people recorded at the back office."},
		{wire.KindOffice, "office", "{store}/office", true, false, "office", "Birth and will of the office's connection."},
		{wire.KindVisits, "visits", "{store}/visits", true, false, "visits", "The ids of all open visits."},
		{wire.KindVisits, "visit", "{store}/visits/{visit}", true, false, "visit", "State of one open visit: items, jobs, promises, risk, and through which event of which board it is known. No VIN, plate or name. Emptied when the visit has ended."},
		{wire.KindSetup, "setup", "{store}/setup", true, false, "setup", "Calendar, opening hours, service menu, bays."},
		{wire.KindStaff, "staff", "{store}/staff", true, false, "staff", "Keyed badge hashes, PIN verifiers, display names, roles, teams."},
		{wire.KindBookings, "bookings", "{store}/bookings/{day}", true, false, "bookings", "The day's bookings: masked plate, keyed hashes; emptied the next day."},
		{wire.KindErasures, "erasures", "{store}/erasures", true, false, "erasures", "Requests to forget a vehicle's person parts, all of them: keyed hashes and visits."},
	}
}

func parameters() map[string]object {
	names := "1 to 32 of a-z, 0-9 and the hyphen"
	types := make([]string, 0, len(kiosk.Types()))
	for _, t := range kiosk.Types() {
		types = append(types, string(t))
	}
	return map[string]object{
		"store": {"description": "The store: " + names + ".", "examples": []string{"sh-pudong"}},
		"kiosk": {"description": "The board: " + names + "; none of " + strings.Join(wire.Reserved(), ", ") + ".", "examples": []string{"k1"}},
		"bay":   {"description": "The bay: " + names + ".", "examples": []string{"b3"}},
		"type":  {"description": "The type of the event; more may come.", "enum": types, "examples": []string{"job.started"}},
		"verb":  {"enum": wire.Verbs(), "examples": []string{"call"}},
		"visit": {"description": "The visit's id: 10 characters of Crockford's base 32.", "examples": []string{"A1B2C3D4E5"}},
		"day":   {"description": "Store-local date.", "examples": []string{"2026-11-21"}},
	}
}

func ref(path ...string) object { return object{"$ref": "#/" + strings.Join(path, "/")} }

// asyncAPI makes the document, as seen by a board.
func asyncAPI(schemas map[string]object) object {
	inside := object{}
	for name, s := range schemas {
		s = maps.Clone(s)
		delete(s, "$schema")
		delete(s, "$id")
		inside[name] = s
	}
	chans, operations := object{}, object{}
	for _, c := range channels() {
		chans[c.name] = c.object()
		operations[c.name] = c.operation()
	}
	return object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "Baylight", "version": "1.0.0",
			"description": "Events of a service shop over MQTT 3.1.1, as a board sees it. Everything is QoS 1. " +
				"Additive within version 1: more members, types and values may come. Schemas are JSON Schema 2020-12.",
			"license": object{"name": "Apache-2.0"},
		},
		"defaultContentType": "application/json",
		"channels":           chans,
		"operations":         operations,
		"components":         object{"messages": messages(), "schemas": inside, "parameters": parameters()},
	}
}

func (c channel) object() object {
	params := object{}
	for part := range strings.SplitSeq(c.address, "/") {
		if p, ok := strings.CutPrefix(part, "{"); ok {
			p = strings.TrimSuffix(p, "}")
			params[p] = ref("components", "parameters", p)
		}
	}
	return object{"address": wire.Prefix + c.address, "description": c.says, "parameters": params, "messages": c.messages()}
}

func (c channel) messages() object {
	if c.payload == "event" {
		out := object{}
		for _, t := range kiosk.Types() {
			out[string(t)] = ref("components", "messages", string(t))
		}
		return out
	}
	return object{c.payload: ref("components", "messages", c.payload)}
}

func (c channel) operation() object {
	action := "receive"
	if c.sends {
		action = "send"
	}
	return object{
		"action": action, "channel": ref("channels", c.name),
		"bindings": object{"mqtt": object{"qos": wire.QoS, "retain": c.retained, "bindingVersion": "0.2.0"}},
	}
}

func messages() object {
	out := object{}
	for _, name := range []string{"person", "conn", "office", "health", "bay", "receipt", "visits", "visit", "time", "cmd.time", "command", "bookings", "setup", "staff", "erasures"} {
		out[name] = object{"name": name, "contentType": "application/json", "payload": ref("components", "schemas", name)}
	}
	for _, t := range kiosk.Types() {
		out[string(t)] = object{
			"name": string(t), "contentType": "application/cloudevents+json",
			"payload": object{"allOf": []object{
				ref("components", "schemas", "envelope"),
				{"properties": object{
					"type": object{"const": "baylight." + string(t) + ".v1"},
					"data": ref("components", "schemas", string(t)),
				}},
			}},
		}
	}
	return out
}
