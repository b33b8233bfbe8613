package staff

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A PIN's length in digits.
const (
	MinPIN = 4
	MaxPIN = 12
)

// Parameters of argon2id for new verifiers: 19 MiB, two passes, one lane, the
// least that OWASP advises, about a quarter of a second on a Raspberry Pi 4.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonHash   = 32
	argonSalt   = 16
)

// Bounds on the parameters of a verifier that came from outside.
const (
	maxMemory   = 64 << 10
	maxTime     = 8
	maxLanes    = 4
	maxVerifier = 256
)

// ErrPINForm says that a text is no PIN.
var ErrPINForm = errors.New("a PIN has 4 to 12 digits")

// HashPIN makes the verifier of a PIN, as a PHC string:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>
//
// pepper is the store's key.
func HashPIN(pepper []byte, pin string) (string, error) {
	if !validPIN(pin) {
		return "", fmt.Errorf("hash pin: %w", ErrPINForm)
	}
	v := verifier{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: random(argonSalt)}
	v.hash = v.derive(pepper, pin, argonHash)
	return v.String(), nil
}

// CheckPIN says whether pin is the one that a verifier was made of. The error
// is about the verifier: it is damaged, or asks for more than a board has.
func CheckPIN(pepper []byte, phc, pin string) (bool, error) {
	v, err := parseVerifier(phc)
	if err != nil {
		return false, fmt.Errorf("check pin: %w", err)
	}
	if !validPIN(pin) {
		return false, nil
	}
	got := v.derive(pepper, pin, uint32(len(v.hash)))
	return subtle.ConstantTimeCompare(got, v.hash) == 1, nil
}

// nobody is a verifier of no PIN at all, which takes as long to check as any.
func nobody() string {
	return verifier{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: random(argonSalt), hash: random(argonHash)}.String()
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func validPIN(pin string) bool {
	return len(pin) >= MinPIN && len(pin) <= MaxPIN && strings.Trim(pin, "0123456789") == ""
}

type verifier struct {
	memory, time uint32
	lanes        uint8
	salt, hash   []byte
}

func (v verifier) derive(pepper []byte, pin string, n uint32) []byte {
	m := hmac.New(sha256.New, pepper)
	m.Write([]byte(pin))
	return argon2.IDKey(m.Sum(nil), v.salt, v.time, v.memory, v.lanes, n)
}

var phcText = base64.RawStdEncoding

func (v verifier) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, v.memory, v.time, v.lanes,
		phcText.EncodeToString(v.salt), phcText.EncodeToString(v.hash))
}

var errVerifier = errors.New("verifier is not $argon2id$v=19$m=…,t=…,p=…$salt$hash")

func parseVerifier(s string) (v verifier, err error) {
	f := strings.Split(s, "$")
	if len(s) > maxVerifier || len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return v, errVerifier
	}
	if n, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &v.memory, &v.time, &v.lanes); n != 3 || err != nil {
		return v, errVerifier
	}
	if v.memory < 8 || v.memory > maxMemory || v.time < 1 || v.time > maxTime || v.lanes < 1 || v.lanes > maxLanes {
		return v, fmt.Errorf("verifier asks for m=%d,t=%d,p=%d; at most m=%d,t=%d,p=%d are allowed", v.memory, v.time, v.lanes, maxMemory, maxTime, maxLanes)
	}
	if v.salt, err = phcText.DecodeString(f[4]); err != nil || len(v.salt) < 8 {
		return v, errVerifier
	}
	if v.hash, err = phcText.DecodeString(f[5]); err != nil || len(v.hash) < 16 {
		return v, errVerifier
	}
	return v, nil
}
