package scanner

import (
	"fmt"
	"time"
)

// limiter hands up to rate scans a second on one by one, and as many at once. A
// scanner that sends more is taken for stuck: its readings are counted and given
// as one Scan with Repeated a second, until the wire is silent or a second has
// stayed within the rate.
type limiter struct {
	rate    float64 // scans a second; also the burst
	tokens  float64
	last    time.Time // of the tokens
	holding bool
	held    int       // readings held back since the last record
	mixed   bool      // they did not all say the same
	since   time.Time // when holding back began or the last record was given
	repeat  Scan      // the last one held back
}

func newLimiter(perSecond int, now time.Time) *limiter {
	return &limiter{rate: float64(perSecond), tokens: float64(perSecond), last: now}
}

// take hands s on, or holds it back.
func (l *limiter) take(s Scan, now time.Time, emit func(Scan)) {
	l.tokens = min(l.rate, l.tokens+now.Sub(l.last).Seconds()*l.rate)
	l.last = now
	if !l.holding && l.tokens >= 1 {
		l.tokens--
		emit(s)
		return
	}
	if !l.holding {
		l.holding, l.since = true, now
	}
	l.mixed = l.mixed || l.held > 0 && l.repeat.Text != s.Text
	l.held, l.repeat = l.held+1, s
	if now.Sub(l.since) >= time.Second {
		l.since, l.holding = now, float64(l.held) > l.rate
		l.flush(emit)
	}
}

// calm says that the wire is silent: what was held back is given now.
func (l *limiter) calm(emit func(Scan)) {
	l.holding = false
	l.flush(emit)
}

func (l *limiter) flush(emit func(Scan)) {
	if l.held == 0 {
		return
	}
	s := l.repeat
	s.Repeated = l.held
	if l.mixed {
		s.Malformed = fmt.Sprintf("%d readings, not all alike, at more than %g a second, this being the last", l.held, l.rate)
	}
	l.held, l.mixed = 0, false
	emit(s)
}
