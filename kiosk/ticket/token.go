package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/words"
)

// Token is what the QR code of a queue ticket says, signed:
//
//	BL1.<key id>.<visit>.<ticket>.<yyyymmdd>.<mac>
//
// The mac is the first 16 bytes of HMAC-SHA-256 over everything before the
// last dot, with the store's key, in base 32 without padding. It names its key
// so that a store can change keys while old tickets are about.
type Token struct {
	KeyID  string // [A-Za-z0-9_-]{1,16}
	Visit  string // visit id, ten characters
	Ticket string // number for people, A017
	Day    string // store-local date of arrival, 20261121
}

// The ways in which a token is not one of ours.
var (
	ErrTokenForm = errors.New("not a ticket's QR code")
	ErrTokenKey  = errors.New("signed with a key that is not known here")
	ErrForged    = errors.New("signature does not match")
)

const (
	tokenVersion = "BL1"
	macBytes     = 16
	maxToken     = 128
)

var macText = base32.StdEncoding.WithPadding(base32.NoPadding)

// Sign makes the text of the QR code. It fails if a field does not fit the form.
func (t Token) Sign(key []byte) (string, error) {
	body := strings.Join([]string{tokenVersion, t.KeyID, t.Visit, t.Ticket, t.Day}, ".")
	if err := t.check(); err != nil {
		return "", fmt.Errorf("sign ticket: %w", err)
	}
	return body + "." + mac(key, body), nil
}

// Code is the visit's code on paper: a scan of the QR code, once verified, means
// the same as a scan of the bar code.
func (t Token) Code() string { return kiosk.MakeCode(kiosk.KindVisit, t.Visit) }

// VerifyToken reads the text of a QR code and checks its signature in constant
// time. keys gives the key of an id, nil if there is none. Errors: ErrTokenForm,
// ErrTokenKey, ErrForged (wrapped).
func VerifyToken(text string, keys func(id string) []byte) (Token, error) {
	if len(text) > maxToken {
		return Token{}, fmt.Errorf("verify ticket: %w: %d bytes", ErrTokenForm, len(text))
	}
	f := strings.Split(text, ".")
	if len(f) != 6 || f[0] != tokenVersion {
		return Token{}, fmt.Errorf("verify ticket: %w", ErrTokenForm)
	}
	t := Token{KeyID: f[1], Visit: f[2], Ticket: f[3], Day: f[4]}
	if err := t.check(); err != nil {
		return Token{}, fmt.Errorf("verify ticket: %w", err)
	}
	key := keys(t.KeyID)
	if key == nil {
		return Token{}, fmt.Errorf("verify ticket: key %q: %w", t.KeyID, ErrTokenKey)
	}
	body := text[:len(text)-len(f[5])-1]
	if !hmac.Equal([]byte(f[5]), []byte(mac(key, body))) {
		return Token{}, fmt.Errorf("verify ticket: %w", ErrForged)
	}
	return t, nil
}

// IsToken says whether a text claims to be a ticket's QR code, genuine or not.
func IsToken(text string) bool { return strings.HasPrefix(text, tokenVersion+".") }

// KeyID names a key in tokens without telling it: the first 8 characters of the
// key's digest in hexadecimal.
func KeyID(key []byte) string { return kiosk.DigestOf(key)[:8] }

// Verdict puts into words what VerifyToken found.
func Verdict(t Token, err error) words.Message {
	switch {
	case err == nil:
		day := t.Day[:4] + "-" + t.Day[4:6] + "-" + t.Day[6:] // check saw that it is a date
		return words.Say("ticket.genuine", t.Ticket, day, t.Code())
	case errors.Is(err, ErrForged):
		return words.Say("ticket.forged")
	case errors.Is(err, ErrTokenKey):
		return words.Say("ticket.foreign")
	}
	return words.Say("ticket.noform")
}

func (t Token) check() error {
	if _, err := time.Parse("20060102", t.Day); err != nil {
		return fmt.Errorf("%w: day %q is not yyyymmdd", ErrTokenForm, clip(t.Day, 20))
	}
	if !word(t.KeyID, 16) || !word(t.Visit, 16) || !word(t.Ticket, 8) {
		return fmt.Errorf("%w: key id, visit and number are letters and digits", ErrTokenForm)
	}
	return nil
}

// word says whether s is 1 to n letters, digits, hyphens and underscores.
func word(s string, n int) bool {
	const set = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
	return s != "" && len(s) <= n && strings.Trim(s, set) == ""
}

func mac(key []byte, body string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(body))
	return macText.EncodeToString(m.Sum(nil)[:macBytes])
}
