package identity

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// A code is 16 symbols of Crockford's base 32: three name it, twelve are the
// secret (60 bits), the last is a check symbol (Luhn mod 32: it finds every wrong
// symbol and every swap of neighbours but one).
const (
	symbols    = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	idSymbols  = 3
	codeLength = 16
)

// ErrCode is in the error of a code that cannot be one.
var ErrCode = errors.New("this is no enrolment code")

// Code is a one-time code with which a board enrols.
type Code struct{ text string }

// newCode makes a random code.
func newCode() Code {
	b := make([]byte, codeLength-1)
	rand.Read(b)
	for i := range b {
		b[i] = symbols[b[i]%32]
	}
	return Code{string(b) + string(symbols[luhn(string(b))])}
}

// ParseCode reads a code as people type it: in groups or not, in either case, O
// for 0 and I or L for 1.
func ParseCode(s string) (Code, error) {
	if len(s) > 4*codeLength {
		return Code{}, fmt.Errorf("read code: %w: it has %d characters", ErrCode, len(s))
	}
	text := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
	if len(text) != codeLength {
		return Code{}, fmt.Errorf("read code: %w: it has %d letters and digits instead of %d", ErrCode, len(text), codeLength)
	}
	for i := range len(text) {
		if strings.IndexByte(symbols, text[i]) < 0 {
			return Code{}, fmt.Errorf("read code: %w: %q is none of its symbols", ErrCode, text[i])
		}
	}
	if symbols[luhn(text[:codeLength-1])] != text[codeLength-1] {
		return Code{}, fmt.Errorf("read code: %w: a symbol is mistyped", ErrCode)
	}
	return Code{text}, nil
}

// luhn is the check symbol's value.
func luhn(s string) int {
	sum := 0
	for i := range len(s) {
		v := strings.IndexByte(symbols, s[i])
		if (len(s)-i)%2 == 1 {
			v = v*2%32 + v*2/32
		}
		sum += v
	}
	return (32 - sum%32) % 32
}

// String is the code in groups of four.
func (c Code) String() string {
	var groups []string
	for t := c.text; len(t) >= 4; t = t[4:] {
		groups = append(groups, t[:4])
	}
	return strings.Join(groups, "-")
}

// id names the code to the office.
func (c Code) id() string { return c.text[:idSymbols] }

// key is what both ends make of the secret.
func (c Code) key() []byte {
	k, err := hkdf.Key(sha256.New, []byte(c.text[idSymbols:codeLength-1]), []byte(c.id()), "baylight enrolment 1", sha256.Size)
	if err != nil {
		panic(err) // only an absurd length fails
	}
	return k
}

// Who proves that it knows a code.
const (
	boardProves  = "board"
	officeProves = "office"
)

// exporterLabel names what both ends of one TLS connection know and nobody else
// (RFC 8446 §7.5): a proof that holds on one connection is worth nothing on another.
const exporterLabel = "EXPERIMENTAL baylight enrolment"

// proof shows that who knows key stands at this connection's end and says body.
func proof(key []byte, who string, exporter, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	sum := sha256.Sum256(body)
	fmt.Fprintf(m, "%s\x00", who)
	m.Write(exporter)
	m.Write(sum[:])
	return m.Sum(nil)
}
