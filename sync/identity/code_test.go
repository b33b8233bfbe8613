package identity

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCode(t *testing.T) {
	c := newCode()
	if n := len(c.String()); n != 19 || strings.Count(c.String(), "-") != 3 {
		t.Fatalf("%q", c)
	}
	for _, typed := range []string{c.String(), strings.ToLower(c.String()), c.text, " " + strings.ReplaceAll(c.String(), "-", " ") + " ",
		strings.NewReplacer("0", "o", "1", "l").Replace(c.text)} {
		if got, err := ParseCode(typed); err != nil || got != c {
			t.Errorf("typed %q: %v, %v", typed, got, err)
		}
	}
	for _, bad := range []string{"", "ABCD", c.text + "0", c.text[:15] + "U", strings.Repeat("-", 65), "请输入代码请输入代码请输入"} {
		if _, err := ParseCode(bad); !errors.Is(err, ErrCode) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestTyping: one wrong symbol, or two that changed places, are found.
func TestTyping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCode()
		b := []byte(c.text)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		b[i] = rapid.SampledFrom([]byte(symbols)).Draw(t, "symbol")
		if _, err := ParseCode(string(b)); (err == nil) != (string(b) == c.text) {
			t.Fatalf("%s for %s: %v", b, c.text, err)
		}
		b = []byte(c.text)
		i = rapid.IntRange(0, len(b)-2).Draw(t, "swap")
		b[i], b[i+1] = b[i+1], b[i]
		swapped := c.text[i : i+2]
		if _, err := ParseCode(string(b)); (err == nil) != (string(b) == c.text) && swapped != "0Z" && swapped != "Z0" {
			t.Fatalf("swapped: %s for %s: %v", b, c.text, err)
		}
	})
}

func FuzzParseCode(f *testing.F) {
	f.Add(newCode().String())
	f.Add("o0il-1111-2222-3333")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if err != nil {
			return
		}
		again, err := ParseCode(c.String())
		if err != nil || again != c || len(c.text) != codeLength || len(c.key()) != 32 {
			t.Fatalf("%q is %q, and that is %q: %v", s, c, again, err)
		}
	})
}
