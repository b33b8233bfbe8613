package kiosk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// fill puts something drawn into every field of a payload.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(nine.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "ms")) * time.Millisecond)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"technician":"t1"}`)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"x", "工位 <1> & \"", "\u2028\U0001F697", "b-1"}).Draw(t, "text"))
	case reflect.Int: // has 32 bits on ARM
		v.SetInt(int64(rapid.Int32().Draw(t, "number")))
	case reflect.Int64:
		v.SetInt(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "number"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "count"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, "length"), 3))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	}
}

func drawEvent(t *rapid.T) Event {
	p := NewPayload(rapid.SampledFrom(Types()).Draw(t, "type"))
	fill(t, reflect.ValueOf(p).Elem())
	return Event{
		Source: KioskSource("sh-pudong", "k1"), Epoch: "8a", Seq: rapid.Uint64Range(1, 1<<62).Draw(t, "seq"), Data: p, Was: "7b-3", WasHash: "ab",
		Prev: HashOf([]byte(rapid.String().Draw(t, "before"))),
		Moment: Moment{Wall: nine.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "wall")) * time.Millisecond), Boot: "boot",
			Up: time.Duration(rapid.IntRange(0, 1e12).Draw(t, "up")) * time.Millisecond, Clock: rapid.SampledFrom([]Quality{Synced, Holdover, Unset}).Draw(t, "clock")},
	}
}

func TestEventsSurviveTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		b, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("after its bytes the event differs:\n%s\n%s", diff, b)
		}
		if again, _ := Encode(got); string(again) != string(b) {
			t.Fatalf("bytes of the same event differ:\n%s\n%s", b, again)
		}
	})
}

// TestBytesAreThoseOfAnEnvelope: what Encode writes by hand is what encoding/json
// makes of the envelope that Decode reads, whatever strings are in it.
func TestBytesAreThoseOfAnEnvelope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		e.Epoch, e.Source, e.Moment.Boot = rapid.String().Draw(t, "epoch"), rapid.String().Draw(t, "source"), rapid.String().Draw(t, "boot")
		e.Was = rapid.SampledFrom([]string{"", "7b-3", "<&>\u2028\xff\"\\"}).Draw(t, "was")
		e.WasHash = e.Was
		data, err := marshal(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		env := envelope{
			SpecVersion: "1.0", ID: e.ID(), Source: e.Source, Type: "baylight." + string(e.Type()) + ".v1",
			Time: e.Moment.Wall.Format(stamp), DataContentType: "application/json", DataSchema: Schema(e.Type()),
			Sequence: fmt.Sprintf("%020d", e.Seq), Epoch: e.Epoch, BootID: e.Moment.Boot,
			UptimeMS: strconv.FormatInt(e.Moment.Up.Milliseconds(), 10), Clock: e.Moment.Clock,
			Prev: e.Prev.String(), Was: e.Was, WasHash: e.WasHash, Data: data,
		}
		if v := VisitOf(e.Data); v != "" {
			env.Subject = "visit/" + v
		}
		want, err := marshal(env)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Encode(e); err != nil || string(got) != string(want) {
			t.Fatalf("%v, encoded\n%s\nan envelope is\n%s", err, got, want)
		}
	})
}

// Every type is known by its name, and says which visit it belongs to if it has one.
func TestPayloads(t *testing.T) {
	if unique := slices.Compact(slices.Sorted(slices.Values(Types()))); len(unique) != len(Types()) {
		t.Error("a type is listed twice")
	}
	for _, name := range Types() {
		p := NewPayload(name)
		if p == nil || p.Type() != name {
			t.Errorf("%s: its payload is %T", name, p)
			continue
		}
		if f := reflect.ValueOf(p).Elem().FieldByName("Visit"); f.IsValid() {
			f.SetString("v")
			if VisitOf(p) != "v" {
				t.Errorf("%s has a visit, VisitOf does not know", name)
			}
		} else if VisitOf(p) != "" {
			t.Errorf("%s has no visit and VisitOf names one", name)
		}
	}
	if p := NewPayload("tea.served"); p != nil {
		t.Errorf("an unknown type makes %T", p)
	}
	if _, err := Encode(Event{Data: &Unknown{Of: "tea.served"}}); err == nil {
		t.Error("an event of unknown type was given new bytes")
	}
}

// goldenEvent is an event as others rely on it: the bytes are the promise.
const goldenEvent = `{"specversion":"1.0","id":"e1-1234","source":"/stores/sh-pudong/kiosks/k1","type":"baylight.job.started.v1","subject":"visit/v1",` +
	`"time":"2026-11-21T09:31:07.412+08:00","datacontenttype":"application/json","dataschema":"urn:baylight:schema:job.started.v1",` +
	`"sequence":"00000000000000001234","epoch":"e1","bootid":"b1","uptimems":"81234567","clock":"synced",` +
	`"prev":"0000000000000000000000000000000000000000000000000000000000000000",` +
	`"data":{"visit":"v1","bay":"b3","technician":"t07","item":2,"cause":"c1","scan":{"text":"20A7A9AKAYD5","symbology":"code128","scanner":"bay3"}}}`

func TestGoldenEvent(t *testing.T) {
	e := Event{Source: KioskSource("sh-pudong", "k1"), Epoch: "e1", Seq: 1234,
		Moment: Moment{Wall: time.Date(2026, 11, 21, 9, 31, 7, 412e6, zone), Boot: "b1", Up: 81234567 * time.Millisecond, Clock: Synced},
		Data: &Started{Job: Job{Visit: "v1", Bay: "b3", Technician: "t07", Item: 2},
			Meta: Meta{Cause: "c1", Scan: &ScanRecord{Text: "20A7A9AKAYD5", Symbology: "code128", Scanner: "bay3"}}}}
	b, err := Encode(e)
	if err != nil || string(b) != goldenEvent {
		t.Errorf("bytes (%v):\n%s\nwant\n%s", err, b, goldenEvent)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"no JSON":             {goldenEvent, "{"},
		"another specversion": {`"specversion":"1.0"`, `"specversion":"2.0"`},
		"a short sequence":    {`"sequence":"00000000000000001234"`, `"sequence":"1234"`},
		"sequence zero":       {`"sequence":"00000000000000001234"`, `"sequence":"00000000000000000000"`},
		"a negative sequence": {`"sequence":"00000000000000001234"`, `"sequence":"-0000000000000001234"`},
		"an id of another":    {`"id":"e1-1234"`, `"id":"e1-1235"`},
		"no epoch":            {`"epoch":"e1"`, `"epoch":""`},
		"a foreign source":    {`"source":"/stores/`, `"source":"/shops/`},
		"a wall of words":     {`"time":"2026-11-21T09:31:07.412+08:00"`, `"time":"this morning"`},
		"negative uptime":     {`"uptimems":"81234567"`, `"uptimems":"-1"`},
		"an unknown clock":    {`"clock":"synced"`, `"clock":"sundial"`},
		"a short hash":        {`"prev":"00`, `"prev":"`},
		"data of wrong type":  {`"item":2`, `"item":"2"`},
		"no type":             {`"type":"baylight.job.started.v1"`, `"type":""`},
		"a long source":       {"/stores/sh-pudong", "/stores/" + strings.Repeat("s", 201)},
		"a sequence too high": {`"sequence":"00000000000000001234"`, `"sequence":"18446744073709551615"`},
		"a long boot id":      {`"bootid":"b1"`, `"bootid":"` + strings.Repeat("b", 201) + `"`},
		"too many bytes":      {`"visit":"v1"`, `"visit":"` + strings.Repeat("v", MaxEventBytes) + `"`},
	} {
		if e, err := Decode([]byte(strings.Replace(goldenEvent, c[0], c[1], 1))); err == nil || !strings.HasPrefix(err.Error(), "decode event") {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	for _, newer := range []string{"baylight.job.started.v2", "baylight.tea.served.v1", "com.example.else"} {
		e, err := Decode([]byte(strings.Replace(goldenEvent, "baylight.job.started.v1", newer, 1)))
		if u, ok := e.Data.(*Unknown); err != nil || !ok || string(u.Of) != newer || !json.Valid(u.Raw) {
			t.Errorf("%s: %+v, %v", newer, e.Data, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(goldenEvent))
	f.Add([]byte(strings.Replace(goldenEvent, `"item":2`, `"at":"0000-01-01T00:00:00Z","flags":[""]`, 1)))
	f.Add([]byte(strings.Replace(goldenEvent, "job.started.v1", "event.amended.v1", 1)))
	f.Add([]byte(`{"specversion":"1.0"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		if _, ok := e.Data.(*Unknown); ok {
			return
		}
		Apply([]Event{e, e}, closes)
		once, err := Encode(e)
		if err != nil {
			return // a time zone or year that can be read and not written
		}
		back, err := Decode(once)
		if err != nil {
			t.Fatalf("its own bytes are refused: %v\n%s", err, once)
		}
		if twice, err := Encode(back); err != nil || string(twice) != string(once) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}

func TestEventIDs(t *testing.T) {
	epoch, seq, err := ParseEventID(EventID("8a-9b", 77))
	if epoch != "8a-9b" || seq != 77 || err != nil {
		t.Errorf("%q, %d, %v", epoch, seq, err)
	}
	for _, bad := range []string{"", "-", "-1", "e-", "e-0", "e-x"} {
		if _, _, err := ParseEventID(bad); err == nil {
			t.Errorf("%q passes for an id", bad)
		}
	}
	h := HashOf([]byte("x"))
	if got, err := ParseHash(h.String()); got != h || err != nil {
		t.Errorf("hash %s, %v", got, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 64), h.String() + "00"} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q passes for a hash", bad)
		}
	}
}

func TestPersonParts(t *testing.T) {
	p := Person{Salt: "s", Plate: "粤B12345"}
	b, digest, err := p.Encode()
	if err != nil || digest != DigestOf(b) || len(digest) != 64 {
		t.Fatalf("%s, %s, %v", b, digest, err)
	}
	if got, err := DecodePerson(b); got != p || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if (Person{Salt: "s"}).Empty() != true || p.Empty() {
		t.Error("a salt alone is an empty part")
	}
	if _, err := DecodePerson(nil); err == nil {
		t.Error("an erased part decodes")
	}
	// RFC 4231, test case 2
	if got := Keyed([]byte("Jefe"), "what do ya want for nothing?"); got != "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" {
		t.Errorf("keyed hash %s", got)
	}
}
