package wire

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"baylight/kiosk"
)

// Bounds of a day's bookings.
const (
	MaxBookingsBytes = 256 << 10
	MaxBookings      = 500
)

// Bookings is what a store expects on one day, retained on Store.Bookings. A
// board recognises a booking by keyed hashes and can show no more than a masked
// plate and a time. An empty payload empties the day.
type Bookings struct {
	Day      string    `json:"day"`      // store-local, yyyy-mm-dd; the same as in the topic
	Bookings []Booking `json:"bookings"` // by time
}

// Booking is one expected visit. Names, telephone numbers, VIN and plate in
// clear stay at the back office.
type Booking struct {
	ID       string    `json:"id"`                  // as it stands in visit.checked_in: letters, digits and hyphens
	At       time.Time `json:"at"`                  // when the customer is expected
	Plate    string    `json:"plate,omitempty"`     // masked: all but the first two and the last three characters are •
	PlateKey string    `json:"plate_key,omitempty"` // keyed hash of the plate (kiosk.BookedPlate)
	Vehicle  string    `json:"vehicle,omitempty"`   // keyed hash of the VIN, as in events
	CodeKey  string    `json:"code_key,omitempty"`  // keyed hash of the customer's code (kiosk.BookedCode)
	Purpose  string    `json:"purpose,omitempty"`   // what was booked
}

// Encode makes the payload.
func (b Bookings) Encode() ([]byte, error) {
	if err := b.Check(); err != nil {
		return nil, fmt.Errorf("encode bookings: %w", err)
	}
	if b.Bookings == nil {
		b.Bookings = []Booking{}
	}
	return encode("bookings", b, MaxBookingsBytes)
}

// DecodeBookings reads a day's bookings.
func DecodeBookings(b []byte) (d Bookings, err error) {
	if err = decode(b, MaxBookingsBytes, &d); err == nil {
		err = d.Check()
	}
	if err != nil {
		return Bookings{}, fmt.Errorf("decode bookings: %w", err)
	}
	return d, nil
}

// Check reports what cannot be right, naming the booking.
func (b Bookings) Check() error {
	day, err := time.Parse(time.DateOnly, b.Day)
	if err != nil {
		return fmt.Errorf("day %q is not yyyy-mm-dd", clip(b.Day, 40))
	}
	if len(b.Bookings) > MaxBookings {
		return fmt.Errorf("%d bookings in one day, at most %d are allowed", len(b.Bookings), MaxBookings)
	}
	seen := make(map[string]bool, len(b.Bookings))
	for i, one := range b.Bookings {
		if err := one.check(day); err != nil {
			return fmt.Errorf("bookings[%d]: %w", i, err)
		}
		if seen[one.ID] {
			return fmt.Errorf("bookings[%d]: id %q is there twice", i, one.ID)
		}
		seen[one.ID] = true
	}
	return nil
}

// check reports what cannot be right of one booking of a day.
func (b Booking) check(day time.Time) error {
	if err := kiosk.CheckBookingID(b.ID); err != nil {
		return err
	}
	if off := b.At.Sub(day); off < -24*time.Hour || off > 48*time.Hour { // the store's zone is not known here
		return fmt.Errorf("booking %s: %s is not on %s", b.ID, b.At.Format(time.RFC3339), day.Format(time.DateOnly))
	}
	if err := checkMasked(b.Plate); err != nil {
		return fmt.Errorf("booking %s: %w", b.ID, err)
	}
	for name, hash := range map[string]string{"plate_key": b.PlateKey, "vehicle": b.Vehicle, "code_key": b.CodeKey} {
		if hash != "" && (len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "") {
			return fmt.Errorf("booking %s: %s of %d bytes is not 64 hexadecimal digits", b.ID, name, len(hash))
		}
	}
	if b.Purpose != "" && !slices.Contains(kiosk.Purposes(), b.Purpose) {
		return fmt.Errorf("booking %s: purpose %q is not one of %s", b.ID, clip(b.Purpose, 40), strings.Join(kiosk.Purposes(), ", "))
	}
	return nil
}

// checkMasked accepts a plate only if it is masked: a board may show it.
func checkMasked(plate string) error {
	n := utf8.RuneCountInString(plate)
	if plate == "" {
		return nil
	}
	clear := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 0x4e00 && r <= 0x9fff, r == '•':
			return r
		}
		return -1
	}, plate)
	if n > 12 || !utf8.ValidString(plate) || clear != plate || strings.Count(plate, "•") < min(2, n) {
		return fmt.Errorf("plate of %d characters is not a masked plate such as 粤B••123", n) // not named: errors are logged
	}
	return nil
}
