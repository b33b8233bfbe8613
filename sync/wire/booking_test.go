package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/sync/wire"
)

func day(n int) wire.Bookings {
	d := wire.Bookings{Day: "2026-11-22"}
	for i := range n {
		d.Bookings = append(d.Bookings, wire.Booking{ID: fmt.Sprintf("B-%d", i), At: time.Date(2026, 11, 22, 9, 30, 0, 0, time.FixedZone("", 8*3600)),
			Plate: "粤B••123", PlateKey: strings.Repeat("0a", 32), Vehicle: strings.Repeat("0b", 32), CodeKey: strings.Repeat("0c", 32), Purpose: "maintenance"})
	}
	return d
}

func TestBookings(t *testing.T) {
	full := day(wire.MaxBookings)
	b, err := full.Encode()
	if err != nil {
		t.Fatalf("a full day does not fit: %v", err)
	}
	got, err := wire.DecodeBookings(b)
	if err != nil || len(got.Bookings) != wire.MaxBookings || got.Bookings[0].Plate != "粤B••123" {
		t.Fatalf("read back %d bookings: %v", len(got.Bookings), err)
	}
	if b, err := (wire.Bookings{Day: "2026-11-22"}).Encode(); err != nil || !bytes.Contains(b, []byte(`"bookings":[]`)) {
		t.Errorf("a day without bookings is %s, %v", b, err)
	}
}

// What a board must not be made to show or to keep is refused, and said.
func TestBookingsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*wire.Bookings)
		says string
	}{
		"a plate in clear":     {func(d *wire.Bookings) { d.Bookings[0].Plate = "粤B12345" }, "not a masked plate"},
		"HTML as plate":        {func(d *wire.Bookings) { d.Bookings[0].Plate = "<b>••</b>" }, "not a masked plate"},
		"ESC/POS as plate":     {func(d *wire.Bookings) { d.Bookings[0].Plate = "\x1b@••" }, "not a masked plate"},
		"a formula as plate":   {func(d *wire.Bookings) { d.Bookings[0].Plate = "=••1" }, "not a masked plate"},
		"a long plate":         {func(d *wire.Bookings) { d.Bookings[0].Plate = strings.Repeat("•", 13) }, "not a masked plate"},
		"HTML as id":           {func(d *wire.Bookings) { d.Bookings[0].ID = "<script>" }, "letters, digits"},
		"no id":                {func(d *wire.Bookings) { d.Bookings[0].ID = "" }, "letters, digits"},
		"one id twice":         {func(d *wire.Bookings) { d.Bookings[1].ID = d.Bookings[0].ID }, "there twice"},
		"a VIN in clear":       {func(d *wire.Bookings) { d.Bookings[0].Vehicle = "LSVAA4182E2184931" }, "64 hexadecimal"},
		"a code in clear":      {func(d *wire.Bookings) { d.Bookings[1].CodeKey = "8813" }, "64 hexadecimal"},
		"a purpose of its own": {func(d *wire.Bookings) { d.Bookings[0].Purpose = "tea" }, "is not one of"},
		"another day":          {func(d *wire.Bookings) { d.Bookings[0].At = d.Bookings[0].At.AddDate(0, 0, 3) }, "is not on"},
		"no day":               {func(d *wire.Bookings) { d.Day = "today" }, "not yyyy-mm-dd"},
		"too many":             {func(d *wire.Bookings) { *d = day(wire.MaxBookings + 1) }, "at most"},
	} {
		d := day(2)
		c.edit(&d)
		if _, err := d.Encode(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: written, error %v", name, err)
		}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeBookings(b); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: read, error %v", name, err)
		}
	}
	if _, err := wire.DecodeBookings(bytes.Repeat([]byte(" "), wire.MaxBookingsBytes+1)); err == nil {
		t.Error("too many bytes were read")
	}
}

func FuzzDecodeBookings(f *testing.F) {
	b, err := day(2).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"day":"2026-11-22","bookings":[{"id":"B","at":"2026-11-22T09:30:00+08:00","plate":"粤••"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := wire.DecodeBookings(b)
		if err != nil {
			return
		}
		again, err := d.Encode()
		if err != nil {
			t.Fatalf("%s was read and cannot be written: %v", b, err)
		}
		for _, one := range d.Bookings {
			if strings.ContainsAny(one.ID+one.Plate+one.Purpose, "<>&\"'=\x1b\n") {
				t.Errorf("%s was read", again)
			}
		}
	})
}
