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
	return env.event()
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
			if _, ok := readOwn(b); !ok {
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

func FuzzReadOwn(f *testing.F) {
	f.Add(ownBytes(f, "e-1", &HelpCalled{Bay: "b1"}))
	f.Add(ownBytes(f, "", &Started{Job: Job{Visit: "A1B2C3D4E5"}}))
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
			for b.Loop() {
				if _, err := decode(own); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
