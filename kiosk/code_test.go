package kiosk

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCheckCharacter(t *testing.T) {
	// the example of the GRid standard, which uses the same system
	if got := check("A12425GABC1234002"); got != 'M' {
		t.Errorf("check character %c, want M", got)
	}
}

// Codes on paper are permanent: these must never change.
func TestPrintedCodes(t *testing.T) {
	day := time.Date(2026, 11, 21, 0, 30, 0, 0, time.FixedZone("CST", 8*3600)) // store-local, not UTC
	id := MakeID("0A7", 'A', day, 0x9ABCD)
	for got, want := range map[string]string{
		id:                          "0A7A9AKAYD",
		MakeCode(KindVisit, id):     "V0A7A9AKAYD3",
		ActionCode("0A7", Finish):   "C0A7000FNSHF",
		ActionCode("0A7", PassCard): "C0A7000PASS7",
		MakeCode('3', id):           "30A7A9AKAYD5",
		TicketNumber('A', 17):       "A017",
		TicketNumber('B', 1234):     "B1234",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestParseCode(t *testing.T) {
	visit := MakeCode(KindVisit, "0A7A9AKAYD")
	item, ok := ItemCode("0A7A9AKAYD", 3)
	if !ok {
		t.Fatal("item 3 has no code")
	}
	last, _ := ItemCode("0A7A9AKAYD", 9)
	for _, no := range []int{0, 10, -1} {
		if c, ok := ItemCode("0A7A9AKAYD", no); ok {
			t.Errorf("item %d has the code %s", no, c)
		}
	}
	for _, c := range []struct {
		text string
		want Code
		err  error
	}{
		{visit, Code{KindVisit, "0A7", "0A7A9AKAYD", 0}, nil},
		{strings.ToLower(visit), Code{KindVisit, "0A7", "0A7A9AKAYD", 0}, nil},
		{item, Code{'3', "0A7", "0A7A9AKAYD", 3}, nil},
		{last, Code{'9', "0A7", "0A7A9AKAYD", 9}, nil},
		{ActionCode("0A7", Help), Code{KindAction, "0A7", "0A7000HE1P", 0}, nil},
		{"", Code{}, ErrNotOurs},
		{visit[:11], Code{}, ErrNotOurs},
		{visit + "0", Code{}, ErrNotOurs},
		{" " + visit[1:], Code{}, ErrNotOurs},
		{"X" + visit[1:], Code{}, ErrNotOurs},
		{"VOA7A9AKAYD0", Code{}, ErrNotOurs}, // the letter O is in no code
		{"C0A7000PAſSW", Code{}, ErrNotOurs}, // a long s is no S
		{"V0A7A9AKAYE" + visit[11:], Code{}, ErrCheck},
	} {
		got, err := ParseCode(c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("ParseCode(%q) = %+v, %v; want %+v, %v", c.text, got, err, c.want, c.err)
		}
	}
	for _, a := range Actions() {
		if c, err := ParseCode(ActionCode("0A7", a)); err != nil || c.Action() != a {
			t.Errorf("action card %s reads as %q, %v", a, c.Action(), err)
		}
	}
	if a := (Code{Kind: KindVisit, ID: "0A7000FNSH"}).Action(); a != "" {
		t.Errorf("a visit asks for %q", a)
	}
}

func TestTagsAndBoards(t *testing.T) {
	for tag, want := range map[string]bool{"0A7": true, "ZZZ": true, "": false, "0A": false, "0A77": false, "OA7": false, "0a7": false} {
		if ValidTag(tag) != want {
			t.Errorf("ValidTag(%q) = %v", tag, !want)
		}
	}
	for b, want := range map[byte]bool{'A': true, 'Z': true, '1': false, 'I': false, 'O': false, 'a': false} {
		if ValidBoard(b) != want {
			t.Errorf("ValidBoard(%q) = %v", b, !want)
		}
	}
}

// TestMisreadCodes: a code with one wrong character is never read as another.
func TestMisreadCodes(t *testing.T) {
	swaps, missed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		day := nine.AddDate(0, 0, rapid.IntRange(0, 2000).Draw(t, "day"))
		code := MakeCode(rapid.SampledFrom([]Kind{KindVisit, KindBadge, '1', '9'}).Draw(t, "kind"), MakeID("0A7", 'A', day, rapid.Uint32().Draw(t, "random")))
		if c, err := ParseCode(code); err != nil || MakeCode(c.Kind, c.ID) != code {
			t.Fatalf("%s reads as %+v, %v", code, c, err)
		}
		for i := range code {
			for _, r := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
				wrong := code[:i] + string(r) + code[i+1:]
				if c, err := ParseCode(wrong); wrong != code && err == nil {
					t.Fatalf("%s, misread as %s, is %+v", code, wrong, c)
				}
			}
			if i > 0 && code[i] != code[i-1] {
				swaps++
				if _, err := ParseCode(code[:i-1] + code[i:i+1] + code[i-1:i] + code[i+1:]); err == nil {
					missed++
				}
			}
		}
	})
	if missed*100 > swaps {
		t.Errorf("%d of %d transpositions pass for codes", missed, swaps)
	}
}
