package kiosk

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sameTime holds readTime to time.Parse: what it takes is read alike.
func sameTime(t *testing.T, s string) (taken bool) {
	t.Helper()
	got, ok := readTime(s)
	want, err := time.Parse(time.RFC3339, s)
	if ok && (err != nil || !reflect.DeepEqual(got, want)) {
		t.Errorf("%q is %v; time.Parse says %v, %v", s, got, want, err)
	}
	return ok
}

func TestReadTime(t *testing.T) {
	for _, s := range []string{"2026-11-21T09:31:07.412+08:00", "2026-11-21T09:31:07+08:00", "2026-11-21T09:31:07Z", "2026-11-21T09:31:07.000Z", "0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999-23:59", "2024-02-29T00:00:00.001+05:45", "2000-02-29T00:00:00Z", "2026-01-31T00:00:00+00:00", "2026-06-01T12:00:00-07:00"} {
		if !sameTime(t, s) {
			t.Errorf("%q is not read the short way", s)
		}
		for at := range len(s) {
			for _, c := range []string{"", "0", "9", "6", ":", "-", "Z", ".", " ", "\xff"} {
				sameTime(t, s[:at]+c+s[at+1:])
			}
			sameTime(t, s[:at])
			sameTime(t, s+s[at:])
		}
	}
	for _, s := range []string{"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+24:00"} {
		if sameTime(t, s) {
			t.Errorf("%q is a time", s)
		}
	}
}

func FuzzReadTime(f *testing.F) {
	f.Add("2026-11-21T09:31:07.412+08:00")
	f.Add("2024-02-29T23:59:59Z")
	f.Fuzz(func(t *testing.T, s string) { sameTime(t, s) })
}

// TestParseHash holds it to encoding/hex.
func TestParseHash(t *testing.T) {
	own := "00ff0123456789abcdefABCDEF" + strings.Repeat("7e", 19)
	for at := range len(own) {
		for c := range 256 {
			s := own[:at] + string([]byte{byte(c)}) + own[at+1:]
			want, bad := hex.DecodeString(s)
			if h, err := ParseHash(s); (err != nil) != (bad != nil) || err == nil && string(h[:]) != string(want) {
				t.Fatalf("%q is %v, %v; want %x, %v", s, h, err, want, bad)
			}
		}
	}
	for _, s := range []string{"", own[1:], own + "00"} {
		if h, err := ParseHash(s); err == nil {
			t.Errorf("%q is %v", s, h)
		}
	}
}
