package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"baylight/kiosk"
	"baylight/sync/wire"
)

const (
	visit = "A1B2C3D4E5"
	epoch = "0b7e2c1a-1111-4222-8333-944455566677"
)

var hash = strings.Repeat("0af9", 16)

// compiler knows every schema by its id.
func compiler(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names, err := fs.Glob(FS, "v1/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc := parse(t, b).(map[string]any)
		if doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s is of draft %v", name, doc["$schema"])
		}
		if err := c.AddResource(doc["$id"].(string), doc); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func parse(t *testing.T, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

func compile(t *testing.T, c *jsonschema.Compiler, name string) *jsonschema.Schema {
	t.Helper()
	s, err := c.Compile(kiosk.Schema(kiosk.Type(name)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sample fills a payload: all of it, or only what is always there.
func sample(t *testing.T, typ kiosk.Type, all bool) kiosk.Payload {
	t.Helper()
	p := kiosk.NewPayload(typ)
	fill(t, reflect.ValueOf(p).Elem(), typ, all)
	return p
}

func fill(t *testing.T, v reflect.Value, typ kiosk.Type, all bool) {
	for f, fv := range v.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			fill(t, fv, typ, all)
			continue
		}
		if all || !strings.Contains(options, "omitempty") {
			set(t, fv, name, typ, all)
		}
	}
}

// texts are good values of fields by name.
func texts(typ kiosk.Type) map[string]string {
	reason := map[kiosk.Type]string{"job.paused": kiosk.Parts, "promise.revised": "workshop_load"}[typ]
	return map[string]string{
		"visit": visit, "earlier": visit, "visits": visit, "vehicle": hash, "plates": hash, "keyed": hash, "persondigest": hash, "event": epoch + "-12", "event_hash": hash,
		"epoch": epoch, "purpose": "fault", "language": "zh-CN", "means": "scan", "payer": "customer", "category": "warranty",
		"outcome": "left", "proposal": "category", "how": "phone", "consent_how": "message", "flags": "wrong_bay", "reason": reason, "source": "office",
	}
}

func set(t *testing.T, v reflect.Value, name string, typ kiosk.Type, all bool) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 11, 21, 17, 30, 0, 0, time.FixedZone("", 8*3600))
		return
	case *json.RawMessage:
		*x = json.RawMessage(`{"category":"major"}`)
		return
	}
	switch v.Kind() {
	case reflect.String:
		text := texts(typ)[name]
		if text == "" {
			text = "某 x"
		}
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		set(t, v.Elem(), name, typ, all)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		set(t, v.Index(0), name, typ, all)
	case reflect.Struct:
		fill(t, v, typ, all)
	default:
		t.Fatalf("no sample for %s of %s", name, v.Type())
	}
}

func encoded(t *testing.T, p kiosk.Payload) []byte {
	t.Helper()
	b, err := kiosk.Encode(kiosk.Event{
		Source: kiosk.KioskSource("sh-pudong", "k1"), Epoch: epoch, Seq: 1234, Data: p, Was: epoch + "-7", WasHash: hash,
		Moment: kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 31, 7, 412e6, time.FixedZone("", 8*3600)), Boot: "b", Up: 81234567 * time.Millisecond, Clock: kiosk.Synced},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryEventFits(t *testing.T) {
	c := compiler(t)
	envelope := compile(t, c, "envelope")
	for _, typ := range kiosk.Types() {
		data := compile(t, c, string(typ))
		for _, all := range []bool{true, false} {
			doc := parse(t, encoded(t, sample(t, typ, all))).(map[string]any)
			if err := envelope.Validate(doc); err != nil {
				t.Errorf("%s: %v", typ, err)
			}
			if err := data.Validate(doc["data"]); err != nil {
				t.Errorf("%s: %v in %v", typ, err, doc["data"])
			}
			if all {
				misfits(t, data, string(typ), doc["data"].(map[string]any))
			}
		}
		if !bytes.Contains(For(typ), []byte(kiosk.Schema(typ))) {
			t.Errorf("For(%s) = %.60s", typ, For(typ))
		}
	}
	for _, typ := range []kiosk.Type{"envelope", "tyre.weighed", "../asyncapi"} {
		if b := For(typ); b != nil {
			t.Errorf("For(%s) = %.60s", typ, b)
		}
	}
}

// misfits takes each required member away and gives each member a value of
// another type: none of it is valid. Members that nobody knows are.
func misfits(t *testing.T, s *jsonschema.Schema, name string, doc map[string]any) {
	t.Helper()
	for _, member := range s.Required {
		bad := maps.Clone(doc)
		delete(bad, member)
		if s.Validate(bad) == nil {
			t.Errorf("%s is valid without %s", name, member)
		}
	}
	for member, value := range doc {
		if s.Properties[member] == nil {
			t.Errorf("%s is not in the schema of %s", member, name)
		}
		bad := maps.Clone(doc)
		if bad[member] = any(3.5); s.Validate(bad) == nil {
			t.Errorf("%s is valid with %s 3.5 instead of %v", name, member, value)
		}
	}
	more := maps.Clone(doc)
	more["new_in_some_later_version"] = "x"
	if err := s.Validate(more); err != nil {
		t.Errorf("%s does not grow: %v", name, err)
	}
}

func TestEnvelope(t *testing.T) {
	s := compile(t, compiler(t), "envelope")
	doc := parse(t, encoded(t, sample(t, "job.started", true))).(map[string]any)
	misfits(t, s, "envelope", doc)
	if len(s.Properties) != len(doc) {
		t.Errorf("the schema has %d members, an event has %d", len(s.Properties), len(doc))
	}
	for member, value := range map[string]any{"specversion": "0.3", "time": "yesterday", "clock": "fine", "prev": hash[1:], "sequence": "12", "data": "x",
		"source": "/stores/SH/kiosks/k1", "id": "x", "type": "job.started"} {
		bad := maps.Clone(doc)
		if bad[member] = value; s.Validate(bad) == nil {
			t.Errorf("an envelope with %s %v is valid", member, value)
		}
	}
}

func TestWrongValues(t *testing.T) {
	c := compiler(t)
	rows := []struct {
		typ    kiosk.Type
		member string
		value  any
	}{
		{"visit.checked_in", "visit", "A1B2C3D4E"}, {"visit.checked_in", "visit", "A1B2C3D4EU"}, {"visit.checked_in", "purpose", "tea"},
		{"visit.checked_in", "language", "de"}, {"visit.checked_in", "vehicle", "LSVAA4182E2123456"}, {"visit.closed", "outcome", "gone"},
		{"job.paused", "reason", "lunch"}, {"promise.revised", "reason", "lunch"}, {"promise.revised", "promise", "17:30"},
		{"job.started", "flags", []any{"odd"}}, {"job.started", "at", "2026-11-21"}, {"job.started", "item", json.Number("0")},
		{"order.signed", "items", nil}, {"order.signed", "items", []any{map[string]any{"no": json.Number("1")}}}, {"event.voided", "event", "x"},
		{"event.amended", "fields", "x"}, {"journal.lost", "from", json.Number("0")}, {"person.erased", "visits", []any{"x"}},
	}
	for _, r := range rows {
		doc := parse(t, encoded(t, sample(t, r.typ, true))).(map[string]any)["data"].(map[string]any)
		if doc[r.member] = r.value; compile(t, c, string(r.typ)).Validate(doc) == nil {
			t.Errorf("%s with %s %v is valid", r.typ, r.member, r.value)
		}
	}
}

var nine = time.Date(2026, 11, 21, 9, 0, 0, 0, time.FixedZone("", 8*3600))

// openVisit has every member.
func openVisit() wire.Visit {
	at := new(nine)
	return wire.Visit{Ledger: epoch, Seen: []wire.Seen{{Source: "/stores/s/kiosks/k1", Epoch: epoch, Through: 7}}, Visit: visit, Ticket: "A017", Vehicle: hash,
		Booking: "b", Purpose: "fault", Waiting: true, Language: "en", Means: "scan", Arrived: at, Adviser: "a1", Accepted: at,
		Order: &wire.VisitOrder{Order: "o", Adviser: "a1", Signed: nine, Cancelled: at,
			Items: []kiosk.Item{{No: 1, Code: "OIL", Text: "x", Category: kiosk.Minor, Payer: "customer", StandardMinutes: 30}}},
		Promises: []wire.VisitPromise{{Due: nine, Recorded: nine, Reason: "parts", Consent: true}},
		Jobs:     []wire.VisitJob{{Event: epoch + "-3", Bay: "b1", Technician: "t1", Item: 1, Started: nine, Since: nine, Reason: kiosk.Parts, Parallel: true, Finished: at, Unclosed: true}},
		Risk:     &wire.Risk{P: 0.25, Reason: "parts", At: nine}, Passed: at, PassedBy: "i", Failures: 1, FinishedSince: 1, Washed: at, Called: at, Place: "p", Pickup: at,
		Flags: []kiosk.Flag{kiosk.WrongBay}, Uncertain: true}
}

// TestMessagesFit holds the other schemas against what package wire writes.
func TestMessagesFit(t *testing.T) {
	c := compiler(t)
	part, _, err := kiosk.Person{Salt: "00ff", VIN: "LSVAA4182E2123456", Plate: "沪A12345", Phone: "1", Name: "n", Text: "t"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name    string
		message interface{ Encode() ([]byte, error) }
	}{
		{"person", wire.PersonPart{ID: epoch + "-3", Person: part}},
		{"person", wire.PersonPart{ID: epoch + "-3"}},
		{"conn", wire.Conn{State: wire.Disconnected, Session: 3, Epoch: epoch, Version: "1.0.0"}},
		{"office", wire.Office{State: wire.Lost, Session: 3, Ledger: epoch}},
		{"receipt", wire.Receipt{Ledger: epoch, Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 5, Hash: kiosk.HashOf(part), Gaps: []wire.Gap{{First: 7, Last: 9}}}}}},
		{"receipt", wire.Receipt{Ledger: epoch, Term: 1, Epochs: []wire.Epoch{{Epoch: epoch}}}},
		{"health", wire.Health{At: "2026-11-21T09:31:07+08:00", Clock: kiosk.Unset, Devices: []wire.Device{{Name: "bay3", State: "down", Text: "x"}},
			Versions: map[string]string{"kioskd": "1"}, Alarms: []string{"x"}}},
		{"bay", wire.BayState{State: "waiting", Visit: visit, Ticket: "A017", Technicians: []string{"t07"}, Since: &nine, Promise: &nine, Lamp: "amber", Blink: true}},
		{"bay", wire.BayState{State: "free"}},
		{"visits", wire.Visits{Ledger: epoch, Seen: []wire.Seen{{Source: "/stores/s/kiosks/k1", Epoch: epoch, Through: 7}}, Visits: []string{visit}, LeftOut: 1}},
		{"visits", wire.Visits{Ledger: epoch}},
		{"visit", openVisit()},
		{"visit", wire.Visit{Ledger: epoch, Visit: visit}},
		{"time", wire.TimeQuestion{Nonce: epoch}},
		{"command", wire.Command{ID: epoch, Expires: nine, By: "a01", Visit: visit, Place: "desk", Document: "ticket-1", Printer: "p", Text: "x"}},
		{"cmd.time", wire.TimeAnswer{Nonce: epoch, Time: nine, Synced: true, Expires: nine.Add(wire.TimeValid)}},
	}
	for _, r := range rows {
		b, err := r.message.Encode()
		if err != nil {
			t.Fatal(err)
		}
		s, doc := compile(t, c, r.name), parse(t, b).(map[string]any)
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v in %s", r.name, err, b)
		}
		misfits(t, s, r.name, doc)
	}
	for name, bad := range map[string]string{
		"person": `{"id":"` + epoch + `-3","person":{"vin":"x"}}`, "conn": `{"state":"up","session":1,"epoch":"e","version":"1"}`,
		"bay":    `{"state":"asleep","technicians":[],"risk":false,"lamp":"","blink":false}`,
		"office": `{"state":"disconnected","session":1,"ledger":"l"}`, "receipt": `{"ledger":"l","term":1,"epochs":[{"epoch":"e","through":1,"hash":"x","gaps":[[1]]}]}`,
	} {
		if compile(t, c, name).Validate(parse(t, []byte(bad))) == nil {
			t.Errorf("%s is valid as %s", bad, name)
		}
	}
}

// TestAsyncAPI: every reference leads somewhere, every address is a topic that
// package wire reads, and the messages take real events.
func TestAsyncAPI(t *testing.T) {
	doc := parse(t, AsyncAPI()).(map[string]any)
	if doc["asyncapi"] != "3.0.0" {
		t.Errorf("asyncapi is %v", doc["asyncapi"])
	}
	references(t, doc, doc)
	at := func(path ...string) map[string]any { return lookup(t, doc, path) }
	var kinds []wire.Kind
	for name, c := range at("channels") {
		channel := c.(map[string]any)
		address := channel["address"].(string)
		for p := range channel["parameters"].(map[string]any) {
			example := at("components", "parameters", p)["examples"].([]any)[0].(string)
			address = strings.ReplaceAll(address, "{"+p+"}", example)
		}
		topic, err := wire.ParseTopic(address)
		if err != nil {
			t.Errorf("channel %s: %v", name, err)
		}
		kinds = append(kinds, topic.Kind)
		if at("operations", name)["channel"].(map[string]any)["$ref"] != "#/channels/"+name {
			t.Errorf("channel %s has no operation", name)
		}
	}
	for _, k := range []wire.Kind{wire.KindEvent, wire.KindPerson, wire.KindConn, wire.KindBay, wire.KindHealth, wire.KindReceipt, wire.KindCmd, wire.KindTime,
		wire.KindOffice, wire.KindVisits, wire.KindSetup, wire.KindStaff, wire.KindBookings, wire.KindErasures} {
		if !slices.Contains(kinds, k) {
			t.Errorf("no channel is of kind %s", k)
		}
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:asyncapi", doc); err != nil {
		t.Fatal(err)
	}
	for _, typ := range kiosk.Types() {
		s, err := c.Compile(fmt.Sprintf("urn:asyncapi#/components/messages/%s/payload", typ))
		if err != nil {
			t.Fatal(err)
		}
		event := parse(t, encoded(t, sample(t, typ, true)))
		if err := s.Validate(event); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		event.(map[string]any)["type"] = "baylight.other.v1"
		if s.Validate(event) == nil {
			t.Errorf("an event of another type is valid as %s", typ)
		}
	}
}

// references follows every $ref of a document.
func references(t *testing.T, root map[string]any, v any) {
	switch v := v.(type) {
	case map[string]any:
		if r, ok := v["$ref"].(string); ok {
			lookup(t, root, strings.Split(strings.TrimPrefix(r, "#/"), "/"))
		}
		for _, x := range v {
			references(t, root, x)
		}
	case []any:
		for _, x := range v {
			references(t, root, x)
		}
	}
}

func lookup(t *testing.T, root map[string]any, path []string) map[string]any {
	t.Helper()
	at := root
	for _, p := range path {
		next, ok := at[p].(map[string]any)
		if !ok {
			t.Fatalf("there is no %s", strings.Join(path, "/"))
		}
		at = next
	}
	return at
}
