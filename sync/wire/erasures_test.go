package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

func erasure(i int) kiosk.Erasure {
	return kiosk.Erasure{Vehicle: kiosk.Keyed([]byte("k"), fmt.Sprint(i)), Plates: []string{kiosk.Keyed([]byte("p"), fmt.Sprint(i))},
		Visits: []string{fmt.Sprintf("A%09d", i)}, At: time.Date(2026, 3, 2, 9, 0, i, 0, time.UTC)}
}

// The list comes back as it was; one that is too long loses its oldest, and says so.
func TestErasures(t *testing.T) {
	for _, n := range []int{0, 1, 3, 6000} {
		var e Erasures
		for i := range n {
			e.Erasures = append(e.Erasures, erasure(i))
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeErasures(b)
		if err != nil || len(got.Erasures)+got.LeftOut != n || (n < 1000) != (got.LeftOut == 0) {
			t.Fatalf("of %d came %d and %d were left out: %v", n, len(got.Erasures), got.LeftOut, err)
		}
		if n > 0 && !got.Erasures[len(got.Erasures)-1].Same(erasure(n-1)) {
			t.Errorf("of %d the last is %+v", n, got.Erasures[len(got.Erasures)-1])
		}
	}
}

func TestErasuresRefused(t *testing.T) {
	for says, change := range map[string]func(*kiosk.Erasure){
		"vehicle": func(e *kiosk.Erasure) { e.Vehicle = "LSVAA4182E2184931" },
		"plate":   func(e *kiosk.Erasure) { e.Plates = []string{"粤B12345"} },
		"visit":   func(e *kiosk.Erasure) { e.Visits = []string{""} },
		"time":    func(e *kiosk.Erasure) { e.At = time.Time{} },
		"more":    func(e *kiosk.Erasure) { e.Visits = make([]string, MaxErased+1) },
		"by":      func(e *kiosk.Erasure) { e.By = "\xff" },
	} {
		e := erasure(1)
		change(&e)
		if _, err := (Erasures{Erasures: []kiosk.Erasure{e}}).Encode(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		} else if strings.Contains(err.Error(), "粤B") || strings.Contains(err.Error(), "LSVAA") {
			t.Errorf("an error names somebody: %v", err)
		}
	}
	if _, err := DecodeErasures(bytes.Repeat([]byte(" "), MaxErasuresBytes+1)); err == nil {
		t.Error("too long a payload was read")
	}
}

func FuzzDecodeErasures(f *testing.F) {
	b, _ := Erasures{Erasures: []kiosk.Erasure{erasure(1)}}.Encode()
	f.Add(b)
	f.Add([]byte(`{"erasures":[{"vehicle":"x","at":"2026-03-02T09:00:00Z"}],"left_out":-1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeErasures(b)
		if err != nil {
			return
		}
		out, err := e.Encode()
		if err != nil {
			t.Fatalf("%+v was read but cannot be written: %v", e, err)
		}
		if again, err := DecodeErasures(out); err != nil || len(again.Erasures)+again.LeftOut != len(e.Erasures)+e.LeftOut {
			t.Errorf("%+v became %+v: %v", e, again, err)
		}
	})
}
