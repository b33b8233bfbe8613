package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"baylight/kiosk"
)

const (
	ledger = "5f0c3a5e-8d1b-4a7e-9a53-0d6f0f6c2b11"
	epoch1 = "0b7e2c1a-1111-4222-8333-944455566677"
)

var hash = kiosk.HashOf([]byte("x"))

func TestReceiptOnTheWire(t *testing.T) {
	r := Receipt{Ledger: ledger, Term: 7, Epochs: []Epoch{
		{Epoch: epoch1, Through: 1234, Hash: hash, Gaps: []Gap{{1235, 1240}, {1300, 1300}}},
		{Epoch: "0b7e2c1a-2222-4222-8333-944455566677"},
	}}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"ledger":%q,"term":7,"epochs":[{"epoch":%q,"through":1234,"hash":"%s","gaps":[[1235,1240],[1300,1300]]},`+
		`{"epoch":"0b7e2c1a-2222-4222-8333-944455566677","through":0,"hash":"%s","gaps":[]}]}`,
		ledger, epoch1, hash, strings.Repeat("0", 64))
	if string(b) != want {
		t.Errorf("encoded\n%s\nwant\n%s", b, want)
	}
	got, err := DecodeReceipt(b)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	if e, ok := got.Find(epoch1); !ok || e.Through != 1234 {
		t.Errorf("Find = %+v, %v", e, ok)
	}
	if _, ok := got.Find("other"); ok {
		t.Error("Find finds an epoch that is not there")
	}
	if _, err := DecodeReceipt(bytes.Replace(b, []byte(`"term"`), []byte(`"new":{"x":1},"term"`), 1)); err != nil {
		t.Errorf("an unknown member is an error: %v", err)
	}
}

func receiptWith(epochs string) string {
	return fmt.Sprintf(`{"ledger":%q,"term":1,"epochs":[%s]}`, ledger, epochs)
}

func epochWith(through, hash, gaps string) string {
	return fmt.Sprintf(`{"epoch":%q,"through":%s,"hash":%q,"gaps":%s}`, epoch1, through, hash, gaps)
}

func TestReceiptsRefused(t *testing.T) {
	h := hash.String()
	rows := []struct{ payload, says string }{
		{"", "unexpected end"},
		{"null", "missing"},
		{"[]", "cannot unmarshal"},
		{`{"ledger":"x"}`, "missing"},
		{`{"ledger":"a b","term":1,"epochs":[]}`, `ledger "a b"`},
		{`{"ledger":"x","term":-1,"epochs":[]}`, "term"},
		{`{"ledger":"x","term":18446744073709551615,"epochs":[]}`, "term 18446744073709551615"},
		{receiptWith("") + "{}", "after top-level value"},
		{receiptWith(epochWith("5", h, "[]") + "," + epochWith("6", h, "[]")), "stands twice"},
		{receiptWith(fmt.Sprintf(`{"epoch":%q,"hash":%q}`, epoch1, h)), "through is missing"},
		{receiptWith(epochWith("5", "", "[]")), "hash"},
		{receiptWith(epochWith("5", h[1:], "[]")), "hash"},
		{receiptWith(epochWith("0", h, "[]")), "through is 0"},
		{receiptWith(epochWith("9223372036854775808", h, "[]")), "through 9223372036854775808"},
		{receiptWith(epochWith("5", h, "[[5,6]]")), "gaps[0] begins at 5"},
		{receiptWith(epochWith("5", h, "[[8,7]]")), "gaps[0] runs from 8 to 7"},
		{receiptWith(epochWith("5", h, "[[7,9],[9,10]]")), "gaps[1] begins at 9"},
		{receiptWith(epochWith("5", h, "[[7]]")), "1 numbers"},
		{receiptWith(epochWith("5", h, "["+strings.Repeat("[1,1],", MaxGaps)+"[1,1]]")), "gaps are 257"},
		{receiptWith(strings.Repeat(" ", MaxReceiptBytes)), "at most 65536"},
	}
	for _, r := range rows {
		got, err := DecodeReceipt([]byte(r.payload))
		if err == nil || !strings.Contains(err.Error(), r.says) {
			t.Errorf("DecodeReceipt(%.120s) = %+v, %v; the error should say %q", r.payload, got, err, r.says)
		}
	}
	if _, err := (Receipt{Ledger: ledger, Epochs: []Epoch{{Epoch: epoch1, Through: 3, Gaps: []Gap{{3, 4}}}}}).Encode(); err == nil {
		t.Error("Encode writes a receipt that nobody reads")
	}
}

// TestTakenPlaces: what a chain does not prove is told in pairs; a receipt
// without them is that of an older office.
func TestTakenPlaces(t *testing.T) {
	h := hash.String()
	r := Receipt{Ledger: ledger, Term: 1, Epochs: []Epoch{{Epoch: epoch1, Through: 9, Hash: hash, Taken: []Taken{{4, hash}, {12, hash}}, TakenAfter: 3}}}
	b, err := r.Encode()
	want := fmt.Sprintf(`{"ledger":%q,"term":1,"epochs":[{"epoch":%q,"through":9,"hash":%q,"gaps":[],"taken":[[4,%q],[12,%q]],"taken_after":3}]}`, ledger, epoch1, h, h, h)
	if err != nil || string(b) != want {
		t.Errorf("encoded %s, %v\nwant %s", b, err, want)
	}
	if got, err := DecodeReceipt(b); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	with := func(taken string) string {
		return receiptWith(strings.TrimSuffix(epochWith("9", h, "[]"), "}") + `,"taken":` + taken + "}")
	}
	zero := kiosk.Hash{}.String() // the beginning of a chain, which may be the first
	if got, err := DecodeReceipt([]byte(with(`[[0,"` + zero + `"],[4,"` + h + `"]]`))); err != nil || !reflect.DeepEqual(got.Epochs[0].Taken, []Taken{{}, {4, hash}}) {
		t.Errorf("the beginning and the 4th: %+v, %v", got, err)
	}
	for _, row := range []struct{ taken, says string }{
		{`[[4]]`, "1 values"},
		{`[[4,5]]`, "taken"},
		{`[["4","` + h + `"]]`, "taken"},
		{`[[4,"` + h[1:] + `"]]`, "64 hex digits"},
		{`[[0,"` + h + `"]]`, "taken[0] is 0"},
		{`[[0,"` + zero + `"],[0,"` + zero + `"]]`, "taken[1] is 0"},
		{`[[4,"` + h + `"],[0,"` + zero + `"]]`, "taken[1] is 0"},
		{`[[0,"` + zero + `"]],"taken_after":1`, "taken[0] is 0"},
		{`[[4,"` + h + `"],[4,"` + h + `"]]`, "taken[1] is 4"},
		{`[[4,"` + h + `"]],"taken_after":4`, "taken[0] is 4"},
		{`[],"taken_after":9223372036854775808`, "taken_after"},
		{`[` + strings.Repeat(`[1,"`+h+`"],`, MaxTaken) + `[1,"` + h + `"]]`, "taken are 65"},
	} {
		if got, err := DecodeReceipt([]byte(with(row.taken))); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("taken %.60s: %+v, %v; the error should say %q", row.taken, got, err, row.says)
		}
	}
}

func FuzzDecodeReceipt(f *testing.F) {
	f.Add([]byte(receiptWith(strings.TrimSuffix(epochWith("5", hash.String(), "[]"), "}") + `,"taken":[[4,"` + hash.String() + `"]],"taken_after":3}`)))
	f.Add([]byte(receiptWith(epochWith("5", hash.String(), "[[7,9]]"))))
	f.Add([]byte(receiptWith("")))
	f.Add([]byte(`{"ledger":"x","term":1,"epochs":[{"epoch":"y","through":0}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeReceipt(b)
		if err != nil {
			return
		}
		out, err := r.Encode()
		if err != nil {
			t.Fatalf("%+v was read but cannot be written: %v", r, err)
		}
		again, err := DecodeReceipt(out)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(r) {
			t.Errorf("%+v became %+v, %v", r, again, err)
		}
	})
}

func TestConnStates(t *testing.T) {
	c := Conn{State: Ready, Session: 3, Epoch: epoch1, Version: "1.2.3"}
	b, err := c.Encode()
	if want := `{"state":"ready","session":3,"epoch":"` + epoch1 + `","version":"1.2.3"}`; err != nil || string(b) != want {
		t.Errorf("encoded %s, %v", b, err)
	}
	if got, err := DecodeConn(b); err != nil || got != c {
		t.Errorf("decoded %+v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", `{"state":"up","epoch":"e"}`, `{"state":"ready","epoch":""}`, `{"state":"ready","epoch":"e","session":-1}`,
		`{"state":"ready","epoch":"e","version":"` + strings.Repeat("v", 65) + `"}`, strings.Repeat("x", MaxStateBytes+1)} {
		if got, err := DecodeConn([]byte(bad)); err == nil {
			t.Errorf("DecodeConn(%.60s) = %+v", bad, got)
		}
	}
	rows := []struct {
		state State
		n     uint64
		want  bool
	}{{Lost, 2, false}, {Lost, 3, true}, {Lost, 4, true}, {Disconnected, 2, false}, {Ready, 4, true}, {Ready, 1, true}}
	for _, r := range rows {
		if got := (Conn{State: r.state, Session: r.n}).Replaces(c); got != r.want {
			t.Errorf("%s of session %d after ready of 3: Replaces = %v", r.state, r.n, got)
		}
		if got, want := (Conn{State: r.state, Session: r.n}).Belies(3), r.state != Ready && r.n < 3; got != want {
			t.Errorf("%s of session %d while 3 stands: Belies = %v", r.state, r.n, got)
		}
	}
}

func TestOfficeStates(t *testing.T) {
	o := Office{State: Ready, Session: 9, Ledger: ledger}
	b, err := o.Encode()
	if want := `{"state":"ready","session":9,"ledger":"` + ledger + `"}`; err != nil || string(b) != want {
		t.Errorf("encoded %s, %v", b, err)
	}
	if got, err := DecodeOffice(b); err != nil || got != o {
		t.Errorf("decoded %+v, %v", got, err)
	}
	if (Office{Lost, 8, ledger}).Replaces(o) || !(Office{Lost, 9, ledger}).Replaces(o) {
		t.Error("the will of an older office session counts, or that of the present one does not")
	}
	if (Office{State: Lost, Session: 12, Ledger: "another"}).Replaces(o) || !(Office{State: Lost, Session: 1, Ledger: "another"}).Replaces(Office{}) {
		t.Error("the will of another ledger's office counts, or the first word heard does not")
	}
	for said, want := range map[Office]bool{
		{Lost, 8, ledger}: true, {Lost, 9, ledger}: false, {Lost, 10, ledger}: false, {Ready, 8, ledger}: false,
		{Lost, 10, "another"}: true, {Ready, 10, "another"}: false,
	} {
		if said.Belies(o) != want {
			t.Errorf("%+v while 9 stands: Belies = %v", said, !want)
		}
	}
	for _, bad := range []string{"", "{}", `{"state":"disconnected","ledger":"x"}`, `{"state":"ready","ledger":"x/y"}`} {
		if got, err := DecodeOffice([]byte(bad)); err == nil {
			t.Errorf("DecodeOffice(%s) = %+v", bad, got)
		}
	}
}

func TestPersonPartKeepsItsBytes(t *testing.T) {
	person := []byte(`{"salt":"AA==","name":"<王>&","n":1.0, "x":[1, 2]}`)
	b, err := PersonPart{ID: epoch1 + "-12", Person: person}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"` + epoch1 + `-12","person":` + string(person) + `}`; string(b) != want {
		t.Errorf("encoded %s", b)
	}
	got, err := DecodePersonPart(b)
	if err != nil || got.ID != epoch1+"-12" || !bytes.Equal(got.Person, person) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	b, err = PersonPart{ID: epoch1 + "-12"}.Encode()
	if err != nil || string(b) != `{"id":"`+epoch1+`-12","person":null}` {
		t.Errorf("an erased part encodes to %s, %v", b, err)
	}
	if got, err := DecodePersonPart(b); err != nil || got.Person != nil {
		t.Errorf("an erased part decodes to %+v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", `{"id":"e-1"}`, `{"id":"e","person":{}}`, `{"id":"e-0","person":{}}`, `{"id":"e-1","person":"x"}`, `{"id":"e-1","person":[]}`} {
		if got, err := DecodePersonPart([]byte(bad)); err == nil {
			t.Errorf("DecodePersonPart(%s) = %+v", bad, got)
		}
	}
	for _, bad := range []string{"", " {}", "{} ", "[]", "{", `{"a":1}{}`, `{"a":"` + strings.Repeat("x", MaxPersonBytes) + `"}`} {
		if b, err := (PersonPart{ID: "e-1", Person: []byte(bad)}).Encode(); err == nil {
			t.Errorf("Encode accepts the person part %.40q: %.60s", bad, b)
		}
	}
}

func FuzzDecodePersonPart(f *testing.F) {
	f.Add([]byte(`{"id":"e-1","person":{"salt":"x"}}`))
	f.Add([]byte(`{"id":"e-1","person":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePersonPart(b)
		if err != nil {
			return
		}
		out, err := p.Encode()
		if err != nil {
			if len(b) < MaxPersonBytes/8 {
				t.Fatalf("%q was read but cannot be written: %v", b, err)
			}
			return
		}
		if again, err := DecodePersonPart(out); err != nil || !bytes.Equal(again.Person, p.Person) {
			t.Errorf("%q became %q, %v", p.Person, again.Person, err)
		}
	})
}

func FuzzDecodeStates(f *testing.F) {
	f.Add([]byte(`{"state":"ready","session":3,"epoch":"e","version":"1","ledger":"l"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := DecodeConn(b); err == nil {
			if out, err := c.Encode(); err != nil {
				t.Errorf("%s read as %+v, which cannot be written: %v (%s)", b, c, err, out)
			}
		}
		if o, err := DecodeOffice(b); err == nil {
			if out, err := o.Encode(); err != nil {
				t.Errorf("%s read as %+v, which cannot be written: %v (%s)", b, o, err, out)
			}
		}
	})
}

func TestHealth(t *testing.T) {
	h := Health{At: "2026-11-21T09:31:07+08:00", Outbox: Outbox{Epoch: epoch1, Head: 9, Through: 5, Depth: 4, OldestMs: 1200},
		Clock: kiosk.Synced, Devices: []Device{{Name: "bay3", State: "up"}}, DiskFree: 1 << 30, Versions: map[string]string{"kioskd": "1.0"}}
	b, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeHealth(b); err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	many := `{"devices":[` + strings.Repeat(`{},`, 256) + `{}]}`
	if _, err := DecodeHealth([]byte(many)); err == nil || !strings.Contains(err.Error(), "257 devices") {
		t.Errorf("257 devices give %v", err)
	}
}
