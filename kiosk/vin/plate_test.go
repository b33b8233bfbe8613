package vin_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"baylight/kiosk/vin"
)

func TestParsePlate(t *testing.T) {
	for _, c := range []struct {
		text, want string
		form       vin.Form
		mask       string
	}{
		{"粤B12345", "粤B12345", vin.Ordinary, "粤B••345"},
		{"粤b·12345", "粤B12345", vin.Ordinary, "粤B••345"},
		{"粤Ｂ－１２３４５", "粤B12345", vin.Ordinary, "粤B••345"},
		{" 沪 A • F0 236 ", "沪AF0236", vin.Ordinary, "沪A••236"},
		{"京A88L88", "京A88L88", vin.Ordinary, "京A••L88"},
		{"粤B1234学", "粤B1234学", vin.Special, "粤B••34学"},
		{"粤Z1234港", "粤Z1234港", vin.Special, "粤Z••34港"},
		{"粤Z1234澳", "粤Z1234澳", vin.Special, "粤Z••34澳"},
		{"鲁B123A挂", "鲁B123A挂", vin.Special, "鲁B••3A挂"},
		{"川A0001警", "川A0001警", vin.Special, "川A••01警"},
		{"沪A0023领", "沪A0023领", vin.Special, "沪A••23领"},
		{"使014578", "使014578", vin.Diplomat, "使0••578"},
		{"粤BD12345", "粤BD12345", vin.SmallNEV, "粤B•••345"},
		{"沪AFA1234", "沪AFA1234", vin.SmallNEV, "沪A•••234"},
		{"浙AA12345", "浙AA12345", vin.SmallNEV, "浙A•••345"},
		{"粤B12345D", "粤B12345D", vin.LargeNEV, "粤B•••45D"},
		{"粤B12345F", "粤B12345F", vin.LargeNEV, "粤B•••45F"},
		// Accepted with a warning.
		{"粤B1234O", "粤B1234O", vin.Unusual, "粤B••34O"},
		{"粤I12345", "粤I12345", vin.Unusual, "粤I••345"},
		{"粤B12345A", "粤B12345A", vin.Unusual, "粤B•••45A"},
		{"粤BDAB345", "粤BDAB345", vin.Unusual, "粤B•••345"},
		{"粤BZ12345", "粤BZ12345", vin.Unusual, "粤B•••345"},
		{"粤B123456", "粤B123456", vin.Unusual, "粤B•••456"},
		{"粤B学1234", "粤B学1234", vin.Unusual, "粤B••234"},
		{"B12345", "B12345", vin.Unusual, "B••••5"},
		{"M-AB 1234", "MAB1234", vin.Unusual, "MA••234"},
		{"天B12345", "天B12345", vin.Unusual, "天B••345"},
		{"使01457", "使01457", vin.Unusual, "使••••7"},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, form, err := vin.ParsePlate(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want || form != c.form {
				t.Errorf("ParsePlate = %s, %v; want %s, %v", string(got), form, c.want, c.form)
			}
			if m := vin.Mask(got); m != c.mask {
				t.Errorf("Mask = %s, want %s", m, c.mask)
			}
		})
	}
}

func TestParsePlateRefuses(t *testing.T) {
	for _, text := range []string{"", "   ", "粤B1", strings.Repeat("1", 11), strings.Repeat("粤", 50), "·-·-·-·"} {
		if p, _, err := vin.ParsePlate(text); !errors.Is(err, vin.ErrPlateLength) || p != "" {
			t.Errorf("ParsePlate(%q) = %q, %v; want %v", text, string(p), err, vin.ErrPlateLength)
		}
	}
	for text, want := range map[string]vin.PlateLetterError{
		"粤B12\x1b45":  {Pos: 5, Rune: 0x1b},
		"粤B·12345;":   {Pos: 8, Rune: ';'},
		"粤B12345\xff": {Pos: 8, Rune: utf8.RuneError},
		"кB12345":     {Pos: 1, Rune: 'к'},
	} {
		var got *vin.PlateLetterError
		if _, _, err := vin.ParsePlate(text); !errors.As(err, &got) || *got != want {
			t.Errorf("ParsePlate(%q): %v, want %v", text, err, &want)
		}
	}
}

func TestMaskNeverShowsAShortPlate(t *testing.T) {
	for p, want := range map[vin.Plate]string{"": "", "1": "•", "12": "••", "123": "1•3", "1234": "1••4", "粤B123": "粤•••3"} {
		if got := vin.Mask(p); got != want {
			t.Errorf("Mask(%s) = %s, want %s", string(p), got, want)
		}
	}
}

func FuzzParsePlate(f *testing.F) {
	for _, s := range []string{"粤B·12345", "粤BD12345", "使014578", "Ｍ－ＡＢ　１", "\xff\x00", "粤B1234学"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, form, err := vin.ParsePlate(s)
		if (err == nil) != (p != "") {
			t.Fatalf("ParsePlate(%q) = %q, %v", s, string(p), err)
		}
		if err != nil {
			return
		}
		again, f2, err := vin.ParsePlate(string(p))
		if again != p || f2 != form || err != nil {
			t.Fatalf("ParsePlate(%q) is not stable: %q, %v, %v", s, string(again), f2, err)
		}
		n := utf8.RuneCountInString(string(p))
		if m := vin.Mask(p); utf8.RuneCountInString(m) != n || m == string(p) {
			t.Fatalf("Mask hides nothing of a plate of form %v", form)
		}
	})
}
