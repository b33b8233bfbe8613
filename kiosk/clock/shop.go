package clock

import (
	"sync"
	"time"

	"baylight/kiosk"
)

// shop is a clock that is set and then runs at a rate: what Lead and Follow share.
type shop struct {
	mu     sync.Mutex
	base   kiosk.Moment // the moment at since
	rate   int          // seconds of shop time in a second of real time
	since  time.Time    // real time, monotonic
	alarms map[*alarm]struct{}
	timer  *time.Timer // for the earliest alarm
	ended  bool        // no timer is armed any more
}

type alarm struct {
	due  time.Duration // time since boot
	ring chan struct{}
}

// Now is the present moment of the shop.
func (s *shop) Now() kiosk.Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *shop) now() kiosk.Moment {
	if s.rate == 0 {
		return s.base
	}
	return s.base.Add(time.Duration(s.rate) * time.Since(s.since))
}

// Alarm rings when after has passed in shop time.
func (s *shop) Alarm(after time.Duration) (<-chan struct{}, func()) {
	a := &alarm{ring: make(chan struct{})}
	if after <= 0 {
		close(a.ring)
		return a.ring, func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.due = s.now().Up + after
	if s.alarms == nil {
		s.alarms = map[*alarm]struct{}{}
	}
	s.alarms[a] = struct{}{}
	s.arm()
	return a.ring, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.alarms, a)
	}
}

// set puts the clock to m running at rate, and rings what is due. Within a boot
// the time since boot does not run back; in a new boot alarms keep what they
// had left. It gives the real time from which the clock runs.
func (s *shop) set(m kiosk.Moment, rate int) (since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.now()
	if m.Boot == was.Boot {
		m = m.Add(max(0, was.Up-m.Up))
	} else {
		for a := range s.alarms {
			a.due += m.Up - was.Up
		}
	}
	s.base, s.rate, s.since = m, rate, time.Now()
	s.arm()
	return s.since
}

// arm rings the alarms that are due and sets the timer for the next.
func (s *shop) arm() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	up := s.now().Up
	var next time.Duration
	for a := range s.alarms {
		switch left := a.due - up; {
		case left <= 0:
			close(a.ring)
			delete(s.alarms, a)
		case next == 0 || left < next:
			next = left
		}
	}
	if next == 0 || s.rate == 0 || s.ended {
		return
	}
	r := time.Duration(s.rate)
	s.timer = time.AfterFunc((next+r-1)/r, s.tick)
}

func (s *shop) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.arm()
	}
}

// end stops the timer: alarms ring no more by themselves.
func (s *shop) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
