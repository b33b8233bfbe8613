package backoffice

import (
	"fmt"
	"testing"
	"time"

	"baylight/sync/wire"
)

// TestQuestionsAreBounded: of one board in time, of all boards in number.
func TestQuestionsAreBounded(t *testing.T) {
	r := &room{asked: map[string]time.Time{}, questions: make(chan question, maxQuestions)}
	at := time.Unix(0, 0)
	ask := func(kiosk string, after time.Duration) {
		at = at.Add(after)
		r.ask(wire.Topic{Store: "s", Kiosk: kiosk, Kind: wire.KindTime}, []byte(`{"nonce":"0123456789abcdef"}`), at)
	}
	for _, after := range []time.Duration{0, 0, questionGap - 1, 1, questionGap, time.Hour} {
		ask("k1", after)
	}
	if n := len(r.questions); n != 4 {
		t.Errorf("%d questions are answered, want the first, the fourth and both later ones", n)
	}
	r.ask(wire.Topic{Store: "s", Kiosk: "k2", Kind: wire.KindTime}, []byte(`{"nonce":"too short"}`), at)
	r.ask(wire.Topic{Store: "s", Kiosk: "k2", Kind: wire.KindConn}, []byte(`{"nonce":"0123456789abcdef"}`), at)
	if n := len(r.questions); n != 4 {
		t.Errorf("what is no question waits for an answer: %d", n)
	}
	for i := range 2 * maxKiosks {
		ask(fmt.Sprint("board-", i), 0)
	}
	if len(r.questions) != maxQuestions || len(r.asked) != maxKiosks {
		t.Errorf("%d questions wait, %d boards are remembered", len(r.questions), len(r.asked))
	}
}
