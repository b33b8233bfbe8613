package kiosk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// slowly is Decode through encoding/json alone.
func slowly(b []byte) (Event, error) {
	var env envelope
	if err := json.Unmarshal(b, &env); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	return env.event(understandAny)
}

func ownBytes(tb testing.TB, was string, p Payload) []byte {
	tb.Helper()
	e := Event{Source: KioskSource("s", "k1"), Epoch: "0b7e2c1a-1111-4222-8333-944455566677", Seq: 7, Data: p, Was: was, WasHash: was,
		Moment: Moment{Wall: time.Date(2026, 11, 21, 9, 0, 0, 1e6, time.FixedZone("", 8*3600)), Boot: "b", Up: time.Second, Clock: Synced}}
	b, err := Encode(e)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestReadOwn: what Encode writes is read the short way, and as the long way reads it.
func TestReadOwn(t *testing.T) {
	for _, typ := range Types() {
		for _, was := range []string{"", "e-1"} {
			p := NewPayload(typ)
			p.Common().Reason = "缺件 \"x\"\n"
			switch d := p.(type) {
			case *Amended:
				d.Fields = json.RawMessage(`{"a":1}`)
			case *SetupChanged:
				d.Setup = json.RawMessage(`{}`)
			}
			b := ownBytes(t, was, p)
			if !decodeOwn(string(b), new(Event)) {
				t.Errorf("%s is not read the short way: %s", typ, b)
			}
			same(t, b)
		}
	}
	b := string(ownBytes(t, "e-1", &HelpCalled{Bay: "b1"}))
	for _, change := range [][2]string{{`"k1"`, `"k\u0031"`}, {"synced", "synced\x01"}, {"synced", "é"}, {`"data":{`, `"data" :{`}, {`}}`, `}},"epoch":"x"}`}, {`}}`, `} }`},
		{`}}`, `}`}, {`}}`, `}}}`}, {`"clock"`, `"prev":"x","clock"`}, {"help.called", "tea.called"}, {`{"spec`, ` {"spec`}, {`{"bay":"b1"}`, `{"bay":}`}, {`"b1"`, `"\xff"`},
		{`{"bay":"b1"}`, `{"bay":"b1"},"seq":{}`}, {"k1", strings.Repeat("k", 3000)}} {
		same(t, []byte(strings.Replace(b, change[0], change[1], 1)))
	}
}

// same holds Decode to the long way.
func same(t *testing.T, b []byte) {
	t.Helper()
	got, err := Decode(b)
	want, bad := slowly(b)
	if fmt.Sprint(err) != fmt.Sprint(bad) || !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n%+v, %v\nwant\n%+v, %v", b, got, err, want, bad)
	}
}

// full is a payload with every field set.
func full(typ Type) Payload {
	p := NewPayload(typ)
	set(reflect.ValueOf(p).Elem())
	return p
}

func set(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(nine.Add(1234567 * time.Nanosecond)))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"a":[1,null]}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.Type().Name() + " 工位 <1> & 'x'")
	case reflect.Int, reflect.Int64:
		v.SetInt(-9007199254740993)
	case reflect.Uint64:
		v.SetUint(1<<64 - 1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		set(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		set(v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			set(v.Field(i))
		}
	}
}

// TestMembers: each type names all its members, in the order of its struct. What
// is written is what encoding/json writes, and it is read without encoding/json.
func TestMembers(t *testing.T) {
	for _, typ := range Types() {
		for name, p := range map[string]Payload{"full": full(typ), "empty": NewPayload(typ)} {
			want, err := marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := appendData(nil, p); string(got) != string(want) || err != nil {
				t.Errorf("%s %s is written as\n%s, %v\nwant\n%s", name, typ, got, err, want)
			}
			back, byJSON := NewPayload(typ), NewPayload(typ)
			short := readData(string(want), back)
			if err := json.Unmarshal(want, byJSON); err != nil {
				t.Fatal(err)
			}
			switch p.(type) {
			case *Amended, *SetupChanged: // any JSON
				if short {
					t.Errorf("%s %s is read the short way", name, typ)
				}
			default:
				if nilList := strings.Contains(string(want), "null"); short == nilList || short && !reflect.DeepEqual(back, byJSON) {
					t.Errorf("%s %s is read the short way: %v, %+v\nwant\n%+v", name, typ, short, back, byJSON)
				}
			}
		}
	}
}

// TestUnusualData: whatever is not written as ours is read as encoding/json reads it.
func TestUnusualData(t *testing.T) {
	own := string(ownBytes(t, "", full("order.signed"))) + string(ownBytes(t, "", full("kiosk.clock_set"))) + string(ownBytes(t, "", full("journal.lost")))
	events := strings.SplitAfter(own, "}}")
	for _, change := range [][2]string{
		{`"items":[`, `"items":[{},`}, {`"items":[`, `"items":[,`}, {`"items":[`, `"items":[]},{`}, {`"items":[`, `"items":null,"items":[`}, {`"items":[`, `"Items":[`},
		{`"waiting":`, `"waiting":1`}, {`"no":`, `"no":0`}, {`"no":`, `"no":+`}, {`"no":`, `"no":1e3,"x":`}, {`"no":0`, `"no":-0`}, {`"no":0`, `"no":99999999999999999999`},
		{`"offset_ms":-`, `"offset_ms":--`}, {`"offset_ms":`, `"offset_ms":"1","x":`}, {`"from":`, `"from":-`}, {`"from":`, `"from":1`}, {`"to":`, `"to" :`},
		{`"at":"2026`, `"at":"026`}, {`"at":"2026-11-21T`, `"at":"2026-11-21t`}, {`"at":"2026-11-21T09`, `"at":"2026-11-21T9`}, {`"at":"`, `"at":null,"x":"`}, {`+08:00"`, `+99:00"`}, {`+08:00"`, `Z"`},
		{`"scan":{`, `"scan":{}, "x":{`}, {`"scan":{`, `"scan":null,"x":{`}, {`"flags":[`, `"flags":[1,`}, {`"flags":["",`, `"flags":["",]`}, {`"flags":["",`, `"flags":["" ,`},
		{`"cause":"`, "\"cause\":\"\x01"}, {`"cause":"`, "\"cause\":\"\x7f"}, {`"cause":"`, "\"cause\":\"\xff"}, {`"cause":"`, `"cause":"\n`}, {`"cause":"`, `"cause":"","cause":"`},
		{`"by":`, `"BY":`}, {`"by":`, `"by": `}, {`"by":`, `,"by":`}, {`}}`, `,}}`}, {`}}`, `,"x":1}}`}, {`}}`, `]}`},
	} {
		for _, b := range events {
			same(t, []byte(strings.Replace(b, change[0], change[1], 1)))
		}
	}
}

// TestPlain: one byte that is not plain is found wherever it stands.
func TestPlain(t *testing.T) {
	for n := range 80 {
		if s := strings.Repeat("~ \"\x7f", n)[:n]; !plain(s) {
			t.Errorf("%q is not plain", s)
		}
		for at := range n {
			for _, c := range []byte{0, 0x1f, '\\', 0x80, 0xff} {
				s := []byte(strings.Repeat("a", n))
				if s[at] = c; plain(string(s)) {
					t.Errorf("%q is plain", s)
				}
			}
		}
	}
}

func FuzzReadOwn(f *testing.F) {
	f.Add(ownBytes(f, "e-1", &HelpCalled{Bay: "b1"}))
	for _, typ := range Types() {
		f.Add(ownBytes(f, "", full(typ)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= MaxEventBytes {
			same(t, b)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	own := ownBytes(b, "", &Started{Job: Job{Visit: "0A7A000001", Bay: "b3", Technician: "t07"},
		Meta: Meta{Cause: "scan1", Scan: &ScanRecord{Text: "V0A7A000000XX", Symbology: "code128", Scanner: "bay3"}}})
	for name, decode := range map[string]func([]byte) (Event, error){"own": Decode, "any": slowly} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			since := processor(b)
			for b.Loop() {
				if _, err := decode(own); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(processor(b)-since)/float64(b.N), "cpu-ns/event")
		})
	}
}
