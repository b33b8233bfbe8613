package kiosk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Person is the person part of an event: everything in it is personal data or
// could be. It is stored beside the event and travels on its own topic; the
// event carries the SHA-256 of its bytes, so that it can be erased without
// touching the chain (DOMAIN §8).
type Person struct {
	Salt  string `json:"salt"` // random hex, so that the digest cannot be guessed back
	VIN   string `json:"vin,omitempty"`
	Plate string `json:"plate,omitempty"`
	Phone string `json:"phone,omitempty"`
	Name  string `json:"name,omitempty"`
	Text  string `json:"text,omitempty"` // scanned or typed text that is not one of our codes
}

// Empty says whether the part holds nothing besides its salt.
func (p Person) Empty() bool {
	p.Salt = ""
	return p == Person{}
}

// Encode makes the part's bytes, once, and their digest in hex.
func (p Person) Encode() (b []byte, digest string, err error) {
	b, err = json.Marshal(p)
	if err != nil {
		return nil, "", fmt.Errorf("encode person part: %w", err)
	}
	return b, DigestOf(b), nil
}

// DecodePerson reads the bytes of a person part.
func DecodePerson(b []byte) (Person, error) {
	var p Person
	if err := json.Unmarshal(b, &p); err != nil {
		return Person{}, fmt.Errorf("decode person part: %w", err)
	}
	return p, nil
}

// DigestOf is the SHA-256 of b in lower-case hex, as events carry it.
func DigestOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Keyed is the HMAC-SHA-256 of text with the store's key in hex: how vehicles
// are counted and recognised, and how a text that may be personal is compared
// with an earlier one, without keeping it.
func Keyed(key []byte, text string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}
