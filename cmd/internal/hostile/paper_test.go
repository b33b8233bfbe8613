package hostile_test

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/hostile"
	"baylight/device/printer"
	"baylight/device/printer/paper"
	"baylight/kiosk"
	"baylight/kiosk/ticket"
)

// slips are all documents of a visit in which every text from outside is s.
func slips(s string) []ticket.Document {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	due := at.Add(6 * time.Hour)
	item := kiosk.Item{No: 1, Code: s, Text: s, Category: kiosk.Category(s), Payer: s, StandardMinutes: 40}
	var all []kiosk.Event
	for i, p := range []kiosk.Payload{
		&kiosk.CheckedIn{Visit: "SHPA138QZ2", Ticket: s, Purpose: s, Means: s, Language: s},
		&kiosk.Signed{Visit: "SHPA138QZ2", Order: s, Adviser: s, Promise: &due, Items: []kiosk.Item{item}},
		&kiosk.ItemsAdded{Visit: "SHPA138QZ2", Adviser: s, Consent: kiosk.Consent{How: s, By: s}, Items: []kiosk.Item{item}},
		&kiosk.PromiseRevised{Visit: "SHPA138QZ2", Promise: due.Add(time.Hour), Meta: kiosk.Meta{Reason: s}},
		&kiosk.Delivered{Visit: "SHPA138QZ2", Adviser: s},
	} {
		all = append(all, kiosk.Event{Epoch: "e", Seq: uint64(i + 1), Data: p, Moment: kiosk.Moment{Wall: at.Add(time.Duration(i) * time.Minute), Boot: "b"}})
	}
	v := ticket.View{Store: s, Zone: time.UTC, Board: s, KeyID: s, Key: []byte("0123456789abcdef"), Plate: s, Events: all, Visit: kiosk.Apply(all, kiosk.ShanghaiWeek(time.UTC))}
	out := append(ticket.Of(v), ticket.TestPage(v, at), ticket.NamePage(v, s, at))
	return append(out, ticket.For(kiosk.Event{Epoch: "e", Seq: 9, Data: &kiosk.TicketReprinted{Paper: kiosk.Paper{Document: out[0].ID, Visit: "SHPA138QZ2"}}}, v)...)
}

// onPaper draws all documents and reads them back: which commands the printer
// is given, characters and lines apart.
func onPaper(t *testing.T, s string, width printer.Width) (kinds []paper.Kind) {
	t.Helper()
	for _, d := range slips(s) {
		b := printer.NewPaper(width)
		d.Draw(b)
		ops, err := paper.Parse(b.Bytes())
		if err != nil {
			t.Fatalf("%s of %.60q: %v", d.ID, s, err)
		}
		for _, atOnce := range []string{"\x10\x04", "\x10\x05", "\x10\x14"} {
			if bytes.Contains(b.Bytes(), []byte(atOnce)) {
				t.Errorf("%s of %.60q holds % x, which a printer obeys wherever it stands", d.ID, s, atOnce)
			}
		}
		for _, op := range ops {
			switch op.Kind {
			// How much text there is, in which alphabet, and whether it fits a code, is the text's own affair.
			case paper.Text, paper.LineFeed, paper.HanziOn, paper.HanziOff:
				if op.Kind == paper.Text && bytes.ContainsAny(op.Data, "\x00\x07\x08\x0c\x0e\x0f\x10\x11\x13\x18\x1b\x1c\x1d\x7f") {
					t.Errorf("%s of %.60q prints % x", d.ID, s, op.Data)
				}
			case paper.Barcode, paper.BarHeight, paper.BarWidth, paper.BarText, paper.QRModel, paper.QRModule, paper.QRLevel, paper.QRStore, paper.QRPrint:
				if bytes.ContainsAny(op.Data, "\x10\x1b\x1c\x1d") {
					t.Errorf("%s of %.60q: a code holds % x", d.ID, s, op.Data)
				}
			case paper.Feed: // stands around a code, too
			default:
				kinds = append(kinds, op.Kind)
			}
		}
	}
	return kinds
}

// TestPaper: tickets with any text are tickets with the commands of harmless ones.
func TestPaper(t *testing.T) {
	want := onPaper(t, "plain", printer.Width80)
	for _, x := range hostile.Texts() {
		if x.Value == "" {
			continue
		}
		if got := onPaper(t, x.Value, printer.Width80); !slices.Equal(got, want) && len(strings.TrimSpace(x.Value)) > 0 {
			t.Errorf("%s: the printer is told %v, with harmless text %v", x.Name, diff(got, want), len(want))
		}
	}
}

// diff is the kinds of which the two have different numbers.
func diff(got, want []paper.Kind) map[paper.Kind]int {
	n := map[paper.Kind]int{}
	for _, k := range got {
		n[k]++
	}
	for _, k := range want {
		n[k]--
	}
	for k, v := range n {
		if v == 0 {
			delete(n, k)
		}
	}
	return n
}

func FuzzPaper(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range onPaper(t, s, printer.Width58) {
			if k == paper.Unknown || k == paper.Status || k == paper.Report {
				t.Errorf("%q: the printer is told %s", s, k)
			}
		}
	})
}

// seed gives a target the whole corpus to start from. A plain run of the tests
// gives it one text of each attack: the test of the same sink has had them all.
func seed(f *testing.F) {
	f.Helper()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	seen := map[hostile.Attack]bool{}
	for _, x := range hostile.Texts() {
		if fuzzing || !seen[x.Attack] {
			f.Add(x.Value)
		}
		seen[x.Attack] = true
	}
}
