package clock

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"baylight/kiosk"
)

// What is asked of the office and what of its answers is taken.
const (
	// AnswerWithin is how long an answer may take, in time since boot: its error
	// is half of that, and a later one says too little.
	AnswerWithin = 10 * time.Second
	// maxOpen is how many questions may wait for their answers.
	maxOpen = 4
	// round is how many answers make a sample: the one that came fastest.
	round = 4
)

// Why an answer is refused.
var (
	ErrNotAsked = errors.New("nobody asked with this nonce, or it is answered already")
	ErrLate     = errors.New("the answer came too late")
)

// Sample is the office's time as the board heard it.
type Sample struct {
	Boot   string
	Up     time.Duration // when the answer came
	Start  time.Time     // when this boot began, by the office
	Error  time.Duration // half of the round trip
	Synced bool          // the office's own clock is synchronised
}

// Asker keeps the questions for the office's time and judges the answers. It
// does no input or output. The zero value is ready; it is not for use by several
// goroutines at once.
type Asker struct {
	open []question
	got  []Sample
}

type question struct {
	nonce string
	at    kiosk.Moment
}

// Ask notes a question that is sent now. Of more than four that wait the oldest
// is given up.
func (a *Asker) Ask(nonce string, now kiosk.Moment) {
	if len(a.open) == maxOpen {
		a.open = slices.Delete(a.open, 0, 1)
	}
	a.open = append(a.open, question{nonce, now})
}

// Answer takes an answer: the office's time when it answered, and whether its
// clock is synchronised. Each nonce is good for one answer within ten seconds.
func (a *Asker) Answer(nonce string, office time.Time, synced bool, now kiosk.Moment) (Sample, error) {
	i := slices.IndexFunc(a.open, func(q question) bool { return q.nonce == nonce })
	if i < 0 || a.open[i].at.Boot != now.Boot {
		return Sample{}, fmt.Errorf("take the office's time: %w", ErrNotAsked)
	}
	trip := now.Up - a.open[i].at.Up
	a.open = slices.Delete(a.open, i, i+1)
	if trip < 0 || trip > AnswerWithin {
		return Sample{}, fmt.Errorf("take the office's time after %s: %w", trip, ErrLate)
	}
	s := Sample{Boot: now.Boot, Up: now.Up, Start: office.Add(trip/2 - now.Up), Error: trip/2 + time.Millisecond, Synced: synced}
	if len(a.got) == round {
		a.got = slices.Delete(a.got, 0, 1)
	}
	a.got = append(a.got, s)
	return s, nil
}

// Best is the best of the last four answers, as of now: synchronised before not,
// then the smallest error with what the clock may have drifted since.
func (a *Asker) Best(now kiosk.Moment) (best Sample, ok bool) {
	for _, s := range a.got {
		if s.Boot != now.Boot || s.Up > now.Up {
			continue
		}
		s.Error += (now.Up - s.Up) / drift
		if !ok || s.Synced && !best.Synced || s.Synced == best.Synced && s.Error < best.Error {
			best, ok = s, true
		}
	}
	return best, ok
}

// Next is how long to wait before the next question: two seconds until there are
// four answers, then a quarter of an hour, or a minute while the board has no
// other source.
func (a *Asker) Next(s Status) time.Duration {
	switch {
	case len(a.got) < round:
		return 2 * time.Second
	case s.Source == "" || s.Jump != 0:
		return time.Minute
	}
	return 15 * time.Minute
}
