package wire

import (
	"fmt"
	"time"
)

// MaxTimeBytes bounds a question for the time and its answer.
const MaxTimeBytes = 512

// TimeQuestion is a board asking for the time, on Kiosk.Time, not retained. The
// board keeps the nonce and its time since boot; the answer's error is the time
// until the same nonce comes back.
type TimeQuestion struct {
	Nonce string `json:"nonce"` // new for every question, 16 to 64 letters, digits and hyphens
}

// TimeAnswer is the office's answer, on Kiosk.Cmd("time"), not retained.
type TimeAnswer struct {
	Nonce   string    `json:"nonce"`   // as it was asked
	Time    time.Time `json:"time"`    // the office's, when it answered
	Synced  bool      `json:"synced"`  // the system of the office says that its clock is synchronised
	Expires time.Time `json:"expires"` // by the office's clock; a board without one goes by the nonce's age
}

// TimeValid is how long an answer holds.
const TimeValid = 10 * time.Second

// Encode makes the payload.
func (q TimeQuestion) Encode() ([]byte, error) {
	if err := checkNonce(q.Nonce); err != nil {
		return nil, fmt.Errorf("encode time question: %w", err)
	}
	return encode("time question", q, MaxTimeBytes)
}

// DecodeTimeQuestion reads a board's question.
func DecodeTimeQuestion(b []byte) (q TimeQuestion, err error) {
	if err = decode(b, MaxTimeBytes, &q); err == nil {
		err = checkNonce(q.Nonce)
	}
	if err != nil {
		return TimeQuestion{}, fmt.Errorf("decode time question: %w", err)
	}
	return q, nil
}

// Encode makes the payload.
func (a TimeAnswer) Encode() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("encode time answer: %w", err)
	}
	return encode("time answer", a, MaxTimeBytes)
}

// DecodeTimeAnswer reads the office's answer.
func DecodeTimeAnswer(b []byte) (a TimeAnswer, err error) {
	if err = decode(b, MaxTimeBytes, &a); err == nil {
		err = a.check()
	}
	if err != nil {
		return TimeAnswer{}, fmt.Errorf("decode time answer: %w", err)
	}
	return a, nil
}

func (a TimeAnswer) check() error {
	if a.Time.IsZero() {
		return fmt.Errorf("time is missing")
	}
	return checkNonce(a.Nonce)
}

func checkNonce(s string) error {
	if len(s) < 16 {
		return fmt.Errorf("nonce %q has %d characters instead of 16 to 64", s, len(s))
	}
	return checkID("nonce", s)
}
