package scanner

import (
	"fmt"
	"time"
)

// limiter lets burst scans through at once and rate a second for ever; what is
// beyond is counted and given as one Scan with Repeated a second, and as soon as
// the scanner calms down.
type limiter struct {
	rate   float64 // scans a second; also the burst
	tokens float64
	last   time.Time // of the tokens
	held   int       // readings held back since the last record
	mixed  bool      // they did not all say the same
	since  time.Time // when holding back began or the last record was given
	repeat Scan      // the last one held back
}

func newLimiter(perSecond int, now time.Time) *limiter {
	return &limiter{rate: float64(perSecond), tokens: float64(perSecond), last: now}
}

func (l *limiter) refill(now time.Time) {
	l.tokens = min(l.rate, l.tokens+now.Sub(l.last).Seconds()*l.rate)
	l.last = now
}

// take hands s on, or holds it back.
func (l *limiter) take(s Scan, now time.Time, emit func(Scan)) {
	l.refill(now)
	if l.tokens >= 1 {
		l.tokens--
		l.flush(emit) // in order: what was held back came first
		emit(s)
		return
	}
	if l.held == 0 {
		l.since, l.mixed = now, false
	}
	l.mixed = l.mixed || l.held > 0 && l.repeat.Text != s.Text
	l.held, l.repeat = l.held+1, s
	if now.Sub(l.since) >= time.Second {
		l.flush(emit)
		l.since = now
	}
}

// calm says that the wire is silent.
func (l *limiter) calm(emit func(Scan)) { l.flush(emit) }

func (l *limiter) flush(emit func(Scan)) {
	if l.held == 0 {
		return
	}
	s := l.repeat
	s.Repeated = l.held
	if l.mixed {
		s.Malformed = fmt.Sprintf("%d different readings faster than %g a second, this being the last", l.held, l.rate)
	}
	l.held = 0
	emit(s)
}
