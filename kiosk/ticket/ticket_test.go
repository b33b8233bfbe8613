package ticket

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// plain is paper as plain text: each line with its alignment, size and weight.
type plain struct {
	out   strings.Builder
	cols  int
	mark  string
	texts []string // what Text was given
}

func (p *plain) Columns() int { return p.cols }
func (p *plain) Align(a int)  { p.mark = string("<=>"[a]) + p.mark[1:] }
func (p *plain) Size(w, h int) {
	p.mark = fmt.Sprintf("%c%d%d%s", p.mark[0], w, h, p.mark[3:])
}
func (p *plain) Bold(on bool) {
	p.mark = p.mark[:3] + " "
	if on {
		p.mark = p.mark[:3] + "b"
	}
}
func (p *plain) line(s string) { fmt.Fprintf(&p.out, "%s %s\n", p.mark, s) }
func (p *plain) Text(s string) { p.texts = append(p.texts, s); p.line(s) }
func (p *plain) Rule()         { p.line("----") }
func (p *plain) Code128(s string) {
	p.line("|||| " + s)
}
func (p *plain) QR(s string) { p.line("[QR] " + s) }
func (p *plain) Feed(n int)  { p.line(strings.Repeat("¶", n)) }
func (p *plain) Cut()        { p.line("✂") }

func print(d Document, columns int) *plain {
	p := &plain{cols: columns, mark: "<11 "}
	d.Draw(p)
	return p
}

const visit = "SHPA138QZ2"

var (
	shanghai = time.FixedZone("CST", 8*3600)
	nine     = time.Date(2026, 11, 21, 9, 31, 7, 412e6, shanghai)
	promised = time.Date(2026, 11, 21, 15, 30, 0, 0, shanghai)
	moved    = time.Date(2026, 11, 22, 10, 0, 0, 0, shanghai)
)

// day is the life of a visit as its events tell it.
func events() []kiosk.Event {
	datas := []kiosk.Payload{
		&kiosk.CheckedIn{Visit: visit, Ticket: "A017", Purpose: "maintenance", Waiting: true, Language: "zh-CN", Means: "keyed"},
		&kiosk.Accepted{Visit: visit, Adviser: "a01"},
		&kiosk.Signed{Visit: visit, Order: "R1", Adviser: "a01", Promise: &promised, Items: []kiosk.Item{
			{No: 1, Code: "M10", Text: "更换机油机滤", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 40},
			{No: 2, Code: "W07", Text: "更换刹车片（保修）", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 60},
		}},
		&kiosk.ItemsAdded{Visit: visit, Adviser: "a01", Consent: kiosk.Consent{How: "phone", By: "a01"}, Items: []kiosk.Item{
			{No: 9, Code: "B02", Text: "更换蓄电池", Category: kiosk.Minor, Payer: "customer", StandardMinutes: 20},
			{No: 10, Code: "B03", Category: kiosk.Minor, Payer: "customer", StandardMinutes: 10},
		}},
		&kiosk.PromiseRevised{Visit: visit, Promise: moved, Consent: true, Meta: kiosk.Meta{Reason: "parts"}},
		&kiosk.Delivered{Visit: visit, Adviser: "a01"},
	}
	var es []kiosk.Event
	for i, d := range datas {
		at := nine.Add(time.Duration(i) * 20 * time.Minute)
		es = append(es, kiosk.Event{Epoch: "e", Seq: uint64(i + 1), Data: d, Moment: kiosk.Moment{Wall: at, Boot: "b", Up: at.Sub(nine)}})
	}
	return es
}

func view() View {
	es := events()
	return View{Store: "晨光汽车服务中心", Zone: shanghai, Board: "k1", KeyID: "2026", Key: []byte("0123456789abcdef"), Plate: "粤B12345",
		Visit: kiosk.Apply(es, kiosk.ShanghaiWeek(shanghai)), Events: es}
}

func TestDocuments(t *testing.T) {
	v := view()
	for _, columns := range []int{32, 48} {
		var b strings.Builder
		for _, d := range Of(v) {
			fmt.Fprintf(&b, "== %s\n%s", d.ID, print(d, columns).out.String())
		}
		d := TestPage(v, nine)
		fmt.Fprintf(&b, "== %s\n%s", d.ID, print(d, columns).out.String())
		golden(t, fmt.Sprintf("day%d.txt", columns), b.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it); got:\n%s", file, got)
	}
}

func TestWhatEachEventProduces(t *testing.T) {
	v, es := view(), events()
	want := [][]string{
		{"ticket-" + visit},
		nil,
		{"jobcard-" + visit + "-1", "promise-" + visit + "-20261121T021107.412"},
		{"jobcard-" + visit + "-9"},
		{"promise-" + visit + "-20261121T025107.412"},
		{"delivery-" + visit},
	}
	for i, e := range es {
		if got := ids(For(e, v)); fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("%s produces %v, want %v", e.Type(), got, want[i])
		}
		e.Epoch, e.Seq = "another", e.Seq+900
		if got := ids(For(e, v)); fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("%s in another epoch produces %v, want the same %v", e.Type(), got, want[i])
		}
		e.Was = "another-1"
		if got := For(e, v); got != nil {
			t.Errorf("re-recorded %s produces %v, want nothing", e.Type(), ids(got))
		}
	}
	asking := map[kiosk.Type]bool{"ticket.reprinted": true}
	for _, e := range es {
		asking[e.Type()] = asking[e.Type()] || len(For(e, v)) > 0
	}
	for _, of := range kiosk.Types() {
		p := kiosk.NewPayload(of)
		if got := Asks(p); got != asking[of] {
			t.Errorf("%s asks for paper: %v, want %v", of, got, asking[of])
		}
		if got := For(kiosk.Event{Epoch: "e", Seq: 1, Data: p}, v); len(got) > 0 && !Asks(p) {
			t.Errorf("%s asks for nothing and produces %v", of, ids(got))
		}
	}
	second := es[2]
	d := *second.Data.(*kiosk.Signed)
	d.Flags = []kiosk.Flag{kiosk.SecondOrder}
	second.Data = &d
	if got := For(second, v); got != nil {
		t.Errorf("a second order produces %v, want nothing", ids(got))
	}
	first := es[2]
	d2 := d
	d2.Flags, d2.Promise = nil, nil
	first.Data = &d2
	if got := ids(For(first, v)); len(got) != 1 || got[0] != "jobcard-"+visit+"-1" {
		t.Errorf("an order without promise produces %v, want its job card only", got)
	}
}

func ids(ds []Document) (out []string) {
	for _, d := range ds {
		out = append(out, d.ID)
	}
	return out
}

func TestReprintIsAMarkedCopy(t *testing.T) {
	v := view()
	for _, d := range Of(v) {
		e := kiosk.Event{Epoch: "e", Seq: 50, Data: &kiosk.TicketReprinted{Paper: kiosk.Paper{Document: d.ID, Visit: visit}}}
		got := For(e, v)
		if len(got) != 1 || got[0].ID != d.ID || !got[0].Copy {
			t.Errorf("reprint of %s gives %v", d.ID, ids(got))
			continue
		}
		again, first := print(got[0], 32).out.String(), print(d, 32).out.String()
		mark, rest, _ := strings.Cut(again, "\n")
		if !strings.Contains(mark, "补打") || !strings.Contains(rest, strings.SplitN(first, "\n", 3)[1]) {
			t.Errorf("copy of %s begins %q, want the mark 补打 and then the document", d.ID, mark)
		}
	}
	e := kiosk.Event{Epoch: "e", Seq: 50, Data: &kiosk.TicketReprinted{Paper: kiosk.Paper{Document: "ticket-OTHER", Visit: visit}}}
	if got := For(e, v); got != nil {
		t.Errorf("reprint of an unknown document gives %v, want nothing", ids(got))
	}
}

// Whatever comes from outside is bounded, the plate is masked, and no VIN,
// phone or name has a way onto paper at all: the view has no field for one.
func TestHostileText(t *testing.T) {
	evil := "<script>\x1b@\x1dV\x00=cmd|' /C calc'!A0" + strings.Repeat("長", 5000)
	es := events()
	es[0].Data.(*kiosk.CheckedIn).Ticket = evil
	es[0].Data.(*kiosk.CheckedIn).Purpose = evil
	s := es[2].Data.(*kiosk.Signed)
	s.Adviser = evil
	s.Items[0] = kiosk.Item{No: 1, Code: evil, Text: evil, Category: kiosk.Category(evil), Payer: evil}
	es[3].Data.(*kiosk.ItemsAdded).Consent.How = evil
	es[4].Data.(*kiosk.PromiseRevised).Reason = evil
	v := view()
	v.Events, v.Visit = es, kiosk.Apply(es, kiosk.ShanghaiWeek(shanghai))
	v.Store, v.Board, v.KeyID, v.Plate = evil, evil, evil, "粤B12345"
	for _, d := range append(Of(v), TestPage(v, nine)) {
		p := print(d, 32)
		for _, s := range p.texts {
			if n := len([]rune(s)); n > 160 {
				t.Errorf("%s: a text of %d characters", d.ID, n)
			}
			if strings.Contains(s, "12345") {
				t.Errorf("%s: plate in clear: %q", d.ID, s)
			}
		}
		if strings.Contains(p.out.String(), "[QR] BL1") {
			t.Errorf("%s: a QR code was signed over fields that do not fit it", d.ID)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in, want string
		n        int
	}{
		{"abc", "abc", 3}, {"abcd", "ab…", 3}, {"机油机滤", "机油机滤", 4}, {"机油机滤更换", "机油机…", 4}, {"\xff\xff\xff\xff\xff", "��…", 3}, {"", "", 3},
	} {
		if got := clip(c.in, c.n); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}
