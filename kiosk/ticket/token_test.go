package ticket

import (
	"errors"
	"strings"
	"testing"

	"baylight/kiosk"
)

var token = Token{KeyID: "2026", Visit: visit, Ticket: "A017", Day: "20261121"}

func keys(id string) []byte {
	if id == "2026" {
		return []byte("0123456789abcdef")
	}
	return nil
}

func TestToken(t *testing.T) {
	text, err := token.Sign(keys("2026"))
	if err != nil {
		t.Fatal(err)
	}
	// The MAC was computed once with openssl dgst -sha256 -hmac, cut to 16 bytes, base32.
	if want := "BL1.2026.SHPA138QZ2.A017.20261121.VWSC6CFPN3JZPYJKBC2LSRGUCM"; text != want {
		t.Fatalf("token %q, want %q", text, want)
	}
	if got, err := VerifyToken(text, keys); err != nil || got != token {
		t.Errorf("VerifyToken = %+v, %v", got, err)
	}
	if c, err := kiosk.ParseCode(token.Code()); err != nil || c.Kind != kiosk.KindVisit || c.ID != visit {
		t.Errorf("code %q: %+v, %v", token.Code(), c, err)
	}
	for i := range len(text) {
		for _, c := range "0A.x" {
			if text[i] == byte(c) {
				continue
			}
			if got, err := VerifyToken(text[:i]+string(c)+text[i+1:], keys); err == nil {
				t.Fatalf("accepted %+v with %q at %d", got, c, i)
			}
		}
	}
}

func TestTokenErrors(t *testing.T) {
	good, _ := token.Sign(keys("2026"))
	other := token
	other.KeyID = "2025"
	old, _ := other.Sign([]byte("another"))
	forged, _ := token.Sign([]byte("guess"))
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"good", good, nil},
		{"unknown key", old, ErrTokenKey},
		{"wrong key", forged, ErrForged},
		{"cut off", good[:len(good)-1], ErrForged},
		{"grown", good + "A", ErrForged},
		{"lower case", strings.ToLower(good), ErrTokenForm},
		{"empty", "", ErrTokenForm},
		{"another version", "BL2" + good[3:], ErrTokenForm},
		{"no such day", strings.Replace(good, "20261121", "20261331", 1), ErrTokenForm},
		{"endless", strings.Repeat("BL1.", 5000), ErrTokenForm},
	} {
		if _, err := VerifyToken(c.text, keys); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, bad := range []Token{{}, {KeyID: "a.b", Visit: "V", Ticket: "A", Day: "20261121"}, {KeyID: "a", Visit: "V", Ticket: "A001", Day: "2026-11-21"}} {
		if s, err := bad.Sign(nil); err == nil {
			t.Errorf("signed %+v as %q", bad, s)
		}
	}
}

func FuzzVerifyToken(f *testing.F) {
	good, _ := token.Sign(keys("2026"))
	f.Add(good)
	f.Add("BL1.....")
	f.Add("BL1.2026.V.A.20261121.")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := VerifyToken(s, keys)
		if err != nil {
			return
		}
		if again, err := got.Sign(keys(got.KeyID)); err != nil || again != s {
			t.Errorf("accepted %q, which signs as %q, %v", s, again, err)
		}
	})
}
