package kiosk

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"strings"
	"time"
)

// BookedPlate and BookedCode are how a board recognises a booking without being
// told whose it is: keyed hashes of the plate, written without blanks and dots,
// and of the text of the customer's code. A vehicle is Keyed of its VIN, as in
// every event.
func BookedPlate(key []byte, plate string) string { return Keyed(key, "plate\n"+plate) }

// BookedCode is the keyed hash of the text of a customer's own code.
func BookedCode(key []byte, code string) string {
	return Keyed(key, "booking\n"+strings.TrimSpace(code))
}

// BookingPass is what the QR code of a booking says, signed, where the dealer's
// own system sends its customers no code:
//
//	BB1.<key id>.<booking>.<yyyymmdd>.<mac>
//
// The mac is the first 32 characters of the keyed hash of everything before the
// last dot. It names its key, so that a foreign code is told from a forged one.
type BookingPass struct {
	KeyID   string // of the store's key: the first 8 characters of its digest
	Booking string // id, [A-Za-z0-9-]{1,32}
	Day     string // store-local, 20261122
}

// The ways in which a pass is none of ours.
var (
	ErrPassForm   = errors.New("not a booking's QR code")
	ErrPassKey    = errors.New("signed with a key that is not known here")
	ErrPassForged = errors.New("signature does not match")
)

const (
	passVersion = "BB1"
	passMAC     = 32
)

// IsBookingPass says whether a text claims to be a booking's QR code, genuine or not.
func IsBookingPass(text string) bool { return strings.HasPrefix(text, passVersion+".") }

// CheckBookingID says why an id cannot be that of a booking: it stands in events
// and must tell nothing of a person.
func CheckBookingID(id string) error {
	const set = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"
	if id == "" || len(id) > 32 || strings.Trim(id, set) != "" {
		return fmt.Errorf("booking %q is not 1 to 32 letters, digits and hyphens", id[:min(len(id), 40)])
	}
	return nil
}

// SignBooking makes the text of a booking's QR code. The key id is drawn from the key.
func SignBooking(key []byte, id string, day time.Time) (string, error) {
	if err := CheckBookingID(id); err != nil {
		return "", fmt.Errorf("sign booking: %w", err)
	}
	body := strings.Join([]string{passVersion, DigestOf(key)[:8], id, day.Format("20060102")}, ".")
	return body + "." + passSum(key, body), nil
}

func passSum(key []byte, body string) string { return Keyed(key, "pass\n"+body)[:passMAC] }

// ReadBookingPass reads the text of a booking's QR code and checks it in constant
// time. keys gives the key of an id, nil if there is none. Errors (wrapped):
// ErrPassForm, ErrPassKey, ErrPassForged.
func ReadBookingPass(text string, keys func(id string) []byte) (BookingPass, error) {
	f := strings.Split(text[:min(len(text), 129)], ".")
	if len(text) > 128 || len(f) != 5 || f[0] != passVersion {
		return BookingPass{}, fmt.Errorf("read booking code: %w", ErrPassForm)
	}
	p := BookingPass{KeyID: f[1], Booking: f[2], Day: f[3]}
	if _, err := time.Parse("20060102", p.Day); err != nil || CheckBookingID(p.Booking) != nil {
		return BookingPass{}, fmt.Errorf("read booking code: %w", ErrPassForm)
	}
	key := keys(p.KeyID)
	if key == nil {
		return BookingPass{}, fmt.Errorf("read booking code: %w", ErrPassKey)
	}
	body := text[:len(text)-len(f[4])-1]
	if !hmac.Equal([]byte(f[4]), []byte(passSum(key, body))) {
		return BookingPass{}, fmt.Errorf("read booking code: %w", ErrPassForged)
	}
	return p, nil
}
