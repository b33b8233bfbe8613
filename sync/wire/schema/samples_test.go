package schema

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// described is the page for whoever writes the other end.
const described = "../../DESIGN.md"

func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(described)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// said is a message as the page shows it: its topic and its bytes.
type said struct {
	schema, topic string
	payload       []byte
}

// samples are the page's messages, of one board: an event, its person part, and a
// receipt for it that lacks what came between it and a later one.
func samples(t *testing.T) []said {
	t.Helper()
	k, err := wire.NewKiosk("sh-pudong", "k1")
	if err != nil {
		t.Fatal(err)
	}
	topic := func(typ kiosk.Type) string {
		s, err := k.Event(string(typ))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const vin = "LSVAA4182E2123456"
	part, digest, err := kiosk.Person{Salt: "9f1c0b7a5d3e2468", VIN: vin}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	first := event(1, &kiosk.CheckedIn{Visit: "0A7A9AKAYD", Ticket: "A017", Vehicle: kiosk.Keyed([]byte("key of the store"), vin), Purpose: "maintenance", Language: "zh-CN", Means: "scan",
		Meta: kiosk.Meta{Cause: "7QK2M4", Scan: &kiosk.ScanRecord{Symbology: "datamatrix", Scanner: "front"}, PersonDigest: digest}})
	fourth := event(4, &kiosk.Accepted{Visit: "0A7A9AKAYD", Adviser: "a01"})
	fourth.Prev = kiosk.HashOf([]byte("the third"))
	bytes := func(e kiosk.Event) []byte {
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	receipt := wire.Receipt{Ledger: "5f0c3a5e-8d1b-4a7e-9a53-0d6f0f6c2b11", Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 1, Hash: kiosk.HashOf(bytes(first)),
		Gaps: []wire.Gap{{First: 2, Last: 3}, {First: 5, Last: 5}}, Taken: []wire.Taken{{Seq: 4, Hash: kiosk.HashOf(bytes(fourth))}}}}}
	return []said{
		{"envelope", topic(first.Type()), bytes(first)},
		{"person", k.Person(), whole(wire.PersonPart{ID: first.ID(), Person: part}.Encode())},
		{"receipt", k.Receipt(), whole(receipt.Encode())},
	}
}

// event is one of the samples' board.
func event(seq uint64, data kiosk.Payload) kiosk.Event {
	zone := time.FixedZone("", 8*3600)
	return kiosk.Event{Source: kiosk.KioskSource("sh-pudong", "k1"), Epoch: epoch, Seq: seq, Data: data,
		Moment: kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 31, 7, 412e6, zone), Boot: "7e0d2b7c-5a0e-4f0e-8f2a-2f9e1c7d6b31", Up: 81234567 * time.Millisecond, Clock: kiosk.Synced}}
}

// TestSamplesOfThePage: the messages that the page shows are what a board and an
// office say, byte for byte, and fit their schemas.
func TestSamplesOfThePage(t *testing.T) {
	text, c := page(t), compiler(t)
	for _, s := range samples(t) {
		if block := "```\n" + s.topic + "\n" + string(s.payload) + "\n```\n"; !strings.Contains(text, block) {
			t.Errorf("%s does not show this %s:\n%s", described, s.schema, block)
		}
		if err := compile(t, c, s.schema).Validate(parse(t, s.payload)); err != nil {
			t.Errorf("%s: %v", s.schema, err)
		}
	}
}

// TestEnvelopeOfThePage: the page's table has the attributes of an event, all of
// them and in the order of the bytes.
func TestEnvelopeOfThePage(t *testing.T) {
	_, table, found := strings.Cut(page(t), "| attribute | what it is |\n|---|---|\n")
	if !found {
		t.Fatalf("%s has no table of attributes", described)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` ").FindAllStringSubmatch(table, -1) {
		rows = append(rows, m[1])
	}
	e := event(2, &kiosk.Accepted{Visit: "0A7A9AKAYD", Adviser: "a01"})
	e.Was, e.WasHash = "x-1", hash // so that it has every attribute
	b, err := kiosk.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	envelope, _, _ := strings.Cut(string(b), `"data":{`)
	for _, m := range regexp.MustCompile(`[{,]"([a-z]+)":`).FindAllStringSubmatch(envelope+`"data":`, -1) {
		order = append(order, m[1])
	}
	if !slices.Equal(rows, order) {
		t.Errorf("the table has %q, an event %q", rows, order)
	}
	for name := range compile(t, compiler(t), "envelope").Properties {
		if !slices.Contains(rows, name) {
			t.Errorf("the table lacks %s", name)
		}
	}
}
