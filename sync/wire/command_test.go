package wire

import (
	"strings"
	"testing"
	"time"
)

func TestCommand(t *testing.T) {
	good := Command{ID: "0123456789abcdef", Expires: time.Date(2026, 3, 2, 9, 1, 0, 0, time.UTC), By: "a01", Visit: "0A7A4K0001", Place: "desk"}
	b, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeCommand(b); err != nil || got != good {
		t.Errorf("%+v, %v; want %+v", got, err, good)
	}
	for name, bad := range map[string]func(*Command){
		"id":     func(c *Command) { c.ID = "x" },
		"expiry": func(c *Command) { c.Expires = time.Time{} },
		"visit":  func(c *Command) { c.Visit = "../#" },
		"text":   func(c *Command) { c.Text = strings.Repeat("x", 301) },
		"place":  func(c *Command) { c.Place = strings.Repeat("x", 33) },
	} {
		c := good
		bad(&c)
		if _, err := c.Encode(); err == nil {
			t.Errorf("%s: %+v is taken", name, c)
		}
	}
	for _, s := range []string{"", "{", "[]", "{}", strings.Repeat(" ", MaxCommandBytes) + string(b)} {
		if _, err := DecodeCommand([]byte(s)); err == nil {
			t.Errorf("%.20q is taken", s)
		}
	}
}
