package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"baylight/kiosk"
)

// Bounds of a store's erasures. One takes some 300 bytes, and a packet of 1 MiB
// must hold all of them.
const (
	MaxErasuresBytes = 900 << 10
	MaxErased        = 2000 // visits, or plates, of one erasure
)

// Erasures are all requests of people of a store to be forgotten, the oldest
// first, retained on Store.Erasures: a board that was off for a year, or was
// restored from a backup, finds them there. They name nobody: keyed hashes and
// visits' ids.
type Erasures struct {
	Erasures []kiosk.Erasure `json:"erasures"`
	LeftOut  int             `json:"left_out,omitempty"` // the oldest, for want of room
}

// Encode makes the payload; the oldest are left out if it would be too long.
func (e Erasures) Encode() ([]byte, error) {
	if e.Erasures == nil {
		e.Erasures = []kiosk.Erasure{}
	}
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("encode erasures: %w", err)
	}
	for {
		b, err := encode("erasures", e, MaxErasuresBytes)
		if err == nil || len(e.Erasures) < 2 {
			return b, err
		}
		n := (len(e.Erasures) + 15) / 16
		e.Erasures, e.LeftOut = e.Erasures[n:], e.LeftOut+n
	}
}

// DecodeErasures reads the erasures of a store.
func DecodeErasures(b []byte) (e Erasures, err error) {
	if err = decode(b, MaxErasuresBytes, &e); err == nil {
		err = e.Check()
	}
	if err != nil {
		return Erasures{}, fmt.Errorf("decode erasures: %w", err)
	}
	return e, nil
}

// Check reports what cannot be right, naming the erasure.
func (e Erasures) Check() error {
	for i, one := range e.Erasures {
		if err := CheckErasure(one); err != nil {
			return fmt.Errorf("erasures[%d]: %w", i, err)
		}
	}
	if e.LeftOut < 0 {
		return fmt.Errorf("left_out %d is negative", e.LeftOut)
	}
	return nil
}

// CheckErasure reports what cannot be right of one.
func CheckErasure(e kiosk.Erasure) error {
	switch {
	case !keyed(e.Vehicle):
		return fmt.Errorf("vehicle of %d bytes is not 64 hexadecimal digits", len(e.Vehicle))
	case e.At.IsZero() || e.At.Year() < 2000 || e.At.Year() > 9999:
		return fmt.Errorf("at %s is no time of a request", e.At)
	case len(e.Visits) > MaxErased || len(e.Plates) > MaxErased:
		return fmt.Errorf("%d visits and %d plates are more than %d", len(e.Visits), len(e.Plates), MaxErased)
	case len(e.By) > 200 || !utf8.ValidString(e.By):
		return fmt.Errorf("by of %d bytes is no name", len(e.By))
	}
	for _, p := range e.Plates {
		if !keyed(p) {
			return fmt.Errorf("a plate of %d bytes is not 64 hexadecimal digits", len(p))
		}
	}
	for _, v := range e.Visits {
		if v == "" || len(v) > 64 || !utf8.ValidString(v) {
			return fmt.Errorf("visit %q is no id of a visit", clip(v, 64))
		}
	}
	return nil
}

func keyed(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
