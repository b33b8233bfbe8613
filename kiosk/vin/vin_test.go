package vin_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"baylight/kiosk/vin"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		finding          vin.Finding
	}{
		{"ISO 3779's example", "1M8GDM9AXKP042788", "1M8GDM9AXKP042788", vin.Finding{Kind: vin.OK, Want: 'X', Got: 'X'}},
		{"Honda, USA", "1HGCM82633A004352", "1HGCM82633A004352", vin.Finding{Kind: vin.OK, Want: '3', Got: '3'}},
		{"lower case and blanks", " 1hgcm82633a004352\r\n", "1HGCM82633A004352", vin.Finding{Kind: vin.OK, Want: '3', Got: '3'}},
		{"full width", "１ＨＧＣＭ８２６３３Ａ００４３５２　", "1HGCM82633A004352", vin.Finding{Kind: vin.OK, Want: '3', Got: '3'}},
		{"Code 39 label with its I", "I1HGCM82633A004352", "1HGCM82633A004352", vin.Finding{Kind: vin.OK, Want: '3', Got: '3', Stripped: true}},
		{"America, check digit fails", "1HGCM82643A004352", "1HGCM82643A004352", vin.Finding{Kind: vin.Confirm, Want: '3', Got: '4'}},
		{"Mexico, check digit fails", "3HGCM82643A004352", "3HGCM82643A004352", vin.Finding{Kind: vin.Confirm, Want: '8', Got: '4'}},
		{"China, check digit fails", "LSVAA4180E2184931", "LSVAA4180E2184931", vin.Finding{Kind: vin.Confirm, Want: '2', Got: '0'}},
		{"China, check digit holds", "LSVAA4182E2184931", "LSVAA4182E2184931", vin.Finding{Kind: vin.OK, Want: '2', Got: '2'}},
		{"Germany fills with Z", "WVWZZZ1JZXW000001", "WVWZZZ1JZXW000001", vin.Finding{Kind: vin.Advisory, Want: '0', Got: 'Z'}},
		{"Japan begins with J, not 1 to 5", "JHMCM82643A004352", "JHMCM82643A004352", vin.Finding{Kind: vin.Advisory, Want: '7', Got: '4'}},
		{"Brazil begins with 9", "9HGCM82643A004352", "9HGCM82643A004352", vin.Finding{Kind: vin.Advisory, Want: '1', Got: '4'}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, finding, err := vin.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want || finding != c.finding {
				t.Errorf("Parse = %s, %+v; want %s, %+v", string(got), finding, c.want, c.finding)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	length := func(n int) error { return &vin.LengthError{Got: n} }
	letter := func(pos int, r rune) error { return &vin.LetterError{Pos: pos, Rune: r} }
	repeat := func(n int) error { return &vin.RepeatError{Distinct: n} }
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", length(0)},
		{"16 characters", "1HGCM82633A00435", length(16)},
		{"18 characters, no I first", "X1HGCM82633A004352", length(18)},
		{"18 with I first, the rest not valid", "I1HGCM82633A0O4352", length(18)},
		{"I stays in 17 characters", "IHGCM82633A004352", letter(1, 'I')},
		{"O is not 0", "1HGCM82633AO04352", letter(12, 'O')},
		{"Q", "1HGCM82633A00435q", letter(17, 'Q')},
		{"hyphen", "1HGCM8263-A004352", letter(10, '-')},
		{"control byte", "1HGCM8263\x1bA004352", letter(10, 0x1b)},
		{"Chinese", "1HGCM8263粤A004352", letter(10, '粤')},
		{"seventeen 1s pass the check digit", "11111111111111111", repeat(1)},
		{"three different", "12312312312312312", repeat(3)},
		{"4 KiB", strings.Repeat("A", 4096), length(4096)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := vin.Parse(c.text)
			if got != "" || err == nil || fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", c.want, c.want) {
				t.Errorf("Parse = %q, %v; want %v", string(got), err, c.want)
			}
		})
	}
}

func TestErrorsNamePositionAndCharacterButNotTheVIN(t *testing.T) {
	_, _, err := vin.Parse("1HGCM82633AO04352")
	if want := "read vin: letter O at position 12: a VIN has no I, O or Q"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	var le *vin.LetterError
	if !errors.As(err, &le) || le.Pos != 12 || le.Rune != 'O' {
		t.Errorf("errors.As gives %+v", le)
	}
}

func genVIN(t *rapid.T) string {
	return rapid.StringMatching(`[1-5L][A-HJ-NPR-Z0-9]{16}`).Draw(t, "vin")
}

// No weight is a multiple of 11 and digits differ by less than 11: the check
// digit catches each single wrong digit (letters share values, so not those).
func TestCheckDigitCatchesWrongDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(genVIN(t))
		b[8] = vin.CheckDigit(vin.VIN(b))
		if _, f, err := vin.Parse(string(b)); err == nil && f.Kind != vin.OK {
			t.Fatalf("%s: its own check digit gives %v", b, f.Kind)
		}
		i := rapid.IntRange(1, 16).Filter(func(i int) bool { return i != 8 }).Draw(t, "position")
		if b[i] < '0' || b[i] > '9' {
			return
		}
		other := byte(rapid.IntRange('0', '9').Draw(t, "digit"))
		if other == b[i] {
			return
		}
		b[i] = other
		if _, f, err := vin.Parse(string(b)); err == nil && f.Kind != vin.Confirm {
			t.Fatalf("%s with a wrong digit at %d gives %v", b, i+1, f.Kind)
		}
	})
}

func TestVINsPrintMasked(t *testing.T) {
	v, _, err := vin.Parse("LSVAA4182E2184931")
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := vin.ParsePlate("粤B·12345")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("read", "vin", v, "plate", p)
	for _, s := range []string{fmt.Sprint(v, p), fmt.Sprintf("%s %v %q", v, v, p), log.String()} {
		if strings.Contains(s, "LSVAA") || strings.Contains(s, "12345") {
			t.Errorf("printed in clear: %s", s)
		}
	}
	if got := vin.MaskVIN(v); got != "••••4931" {
		t.Errorf("MaskVIN = %s", got)
	}
	if got := vin.MaskVIN("123"); got != "••••123" {
		t.Errorf("MaskVIN of a stump = %s", got)
	}
}

func TestCandidates(t *testing.T) {
	const v, w = "LSVAA4182E2184931", "1M8GDM9AXKP042788"
	for _, c := range []struct {
		name, text string
		want       []vin.VIN
	}{
		{"URL", "https://q.example.cn/v?vin=" + v + "&m=A4", []vin.VIN{v}},
		{"escaped URL", "https://q.example.cn/v?u=x%3fvin%3D" + strings.ToLower(v) + "%26m", []vin.VIN{v}},
		{"fields", "A4|" + v + "|2014|白", []vin.VIN{v}},
		{"name before it", "VIN:" + v + ";VIN" + w, []vin.VIN{v, w}},
		{"GS between fields", "21P1234\x1dI" + v + "\x1d91", []vin.VIN{v}},
		{"the same twice", v + " " + v, []vin.VIN{v}},
		{"Chinese all around", "车架号" + v + "发动机", []vin.VIN{v}},
		{"time stamp of 17 digits", "t=20261121093107412", nil},
		{"longer run is no VIN", v + "9", nil},
		{"with an O", "vin=LSVAA4182E218493O", nil},
		{"stray percent signs", "100%" + "," + v + ",%4", []vin.VIN{v}},
		{"more than 4 KiB", strings.Repeat(" ", 4096) + v, nil},
		{"empty", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := vin.Candidates(c.text); !slices.Equal(got, c.want) {
				t.Errorf("Candidates = %d found, want %d", len(got), len(c.want))
			}
		})
	}
}

func TestCandidatesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "LSVAA4182E2%06d ", i)
	}
	if got := vin.Candidates(b.String()); len(got) != 8 {
		t.Errorf("%d candidates, want 8", len(got))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1M8GDM9AXKP042788", "I1HGCM82633A004352", "ＬＳＶ", "11111111111111111", "a?vin=LSVAA4182E2184931%26", "\xff%f\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, finding, err := vin.Parse(s)
		if (err == nil) != (v != "") {
			t.Fatalf("Parse(%q) = %q, %v", s, string(v), err)
		}
		if err == nil {
			again, f2, err2 := vin.Parse(string(v))
			finding.Stripped = false
			if again != v || f2 != finding || err2 != nil {
				t.Fatalf("Parse(%q) is not stable: %q, %+v, %v", s, string(again), f2, err2)
			}
		}
		for _, c := range vin.Candidates(s) {
			if again, _, err := vin.Parse(string(c)); again != c || err != nil {
				t.Fatalf("candidate %q of %q does not parse: %v", string(c), s, err)
			}
		}
	})
}
