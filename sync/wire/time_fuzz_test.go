package wire

import "testing"

// FuzzDecodeTimeAnswer: what is read as an answer can be written and read again
// as the same, and is one a board can take.
func FuzzDecodeTimeAnswer(f *testing.F) {
	for _, s := range []string{
		`{"nonce":"0123456789abcdef","time":"2026-11-21T09:00:00.412+08:00","synced":true,"expires":"2026-11-21T09:00:10+08:00"}`,
		`{"nonce":"0123456789abcdef","time":"0001-01-01T00:00:00Z","synced":true}`, `{"nonce":"x"}`, `{}`, `[]`, ``,
		`{"nonce":"0123456789abcdef","time":"9999-12-31T23:59:59Z","synced":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeTimeAnswer(b)
		if err != nil {
			if a != (TimeAnswer{}) {
				t.Fatalf("refused (%v) and yet read as %+v", err, a)
			}
			return
		}
		if len(b) > MaxTimeBytes || len(a.Nonce) < 16 || a.Time.IsZero() {
			t.Fatalf("%d bytes are read as %+v", len(b), a)
		}
		again, err := a.Encode()
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", a, err)
		}
		if back, err := DecodeTimeAnswer(again); err != nil || !back.Time.Equal(a.Time) || back.Nonce != a.Nonce || back.Synced != a.Synced {
			t.Fatalf("%+v is read again as %+v (%v)", a, back, err)
		}
	})
}
