package ticket

import (
	"testing"

	"baylight/kiosk/words"
)

func TestVerdict(t *testing.T) {
	key, other := []byte("0123456789abcdef0123456789abcdef"), []byte("another store's key, of 32 bytes")
	keys := func(id string) []byte {
		if id == KeyID(key) {
			return key
		}
		return nil
	}
	sign := func(k []byte, id string) string {
		s, err := Token{KeyID: id, Visit: "0A7AQ20001", Ticket: "A017", Day: "20261121"}.Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := sign(key, KeyID(key))
	t.Log(good)
	for text, want := range map[string]string{
		good:                       "Genuine: A017 of 2026-11-21, visit code V0A7AQ20001" + Token{Visit: "0A7AQ20001"}.Code()[11:],
		sign(other, KeyID(key)):    words.Text(words.EN, "ticket.forged"),
		good[:len(good)-1] + "0":   words.Text(words.EN, "ticket.forged"),
		sign(other, KeyID(other)):  words.Text(words.EN, "ticket.foreign"),
		"BL1.a.b":                  words.Text(words.EN, "ticket.noform"),
		"":                         words.Text(words.EN, "ticket.noform"),
		"https://example.org/A017": words.Text(words.EN, "ticket.noform"),
	} {
		if got := Verdict(VerifyToken(text, keys)).In(words.EN); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
