package script

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Options say what to write.
type Options struct {
	Seed   uint64
	Start  time.Time // midnight of the first day, in the store's zone
	Days   int
	Visits int  // a day, at least 60 for all that a day has to contain
	Calm   bool // no outage, no kill: the demo on a screen
}

const (
	opening = 8*time.Hour + 30*time.Minute
	closing = 18 * time.Hour
	gap     = 4 * time.Second // between two scans of one person
)

// Write writes a script.
func Write(o Options) Script {
	w := &writer{
		r: rand.New(rand.NewPCG(o.Seed, 0xBA1)), o: o,
		taken: map[int64]bool{}, bays: map[string]time.Time{}, people: map[string]time.Time{},
		washes: map[int64]bool{},
	}
	for d := range o.Days {
		w.day(d)
	}
	end := o.Start.AddDate(0, 0, o.Days)
	w.s.Steps = slices.DeleteFunc(w.s.Steps, func(s Step) bool { return !s.At.Before(end) })
	slices.SortStableFunc(w.s.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	w.badges()
	return w.s
}

type writer struct {
	r       *rand.Rand
	o       Options
	s       Script
	taken   map[int64]bool       // seconds in use
	bays    map[string]time.Time // when each is free
	people  map[string]time.Time
	washes  map[int64]bool // minutes in which the wash is taken
	waiting []*car         // signed, and left for a technician to switch to
	done    []*car         // delivered cars whose VIN is known: they may come back
}

// car is a visit while it is being written.
type car struct {
	visit   int
	day     int
	n       int // of the day, decides what is special about it
	signed  time.Time
	step    int // of the signing, in Steps
	items   []Item
	adviser string
	gone    time.Time // delivered
	rework  bool
}

func (w *writer) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.r.Int64N(int64(b-a))).Truncate(time.Second)
}

// at takes the first free second from t on.
func (w *writer) at(t time.Time) time.Time {
	t = t.Truncate(time.Second)
	for w.taken[t.Unix()] {
		t = t.Add(time.Second)
	}
	w.taken[t.Unix()] = true
	return t
}

// do adds a step and gives the time it happened at. Facts without a time happen then.
func (w *writer) do(t time.Time, s Step, facts ...Fact) time.Time {
	s.At = w.at(t)
	for i := range facts {
		facts[i].Visit = s.Visit
		if facts[i].At.IsZero() {
			facts[i].At = s.At
		}
	}
	s.Facts = append(s.Facts, facts...)
	w.s.Steps = append(w.s.Steps, s)
	return s.At
}

// day writes the visits of one day and what happens around them.
func (w *writer) day(d int) {
	midnight := w.o.Start.AddDate(0, 0, d)
	w.s.Days = append(w.s.Days, midnight)
	open := midnight.Add(opening)
	arrivals := make([]time.Time, w.o.Visits)
	for i := range arrivals {
		arrivals[i] = open.Add(w.between(2*time.Minute, 390*time.Minute))
	}
	slices.SortFunc(arrivals, time.Time.Compare)
	for n, t := range arrivals {
		w.visit(d, n, t)
	}
	w.rest()
	w.oddities(midnight)
	w.do(midnight.Add(21*time.Hour), Step{Act: EndOfDay, Visit: -1})
}

// oddities are what goes wrong besides the cars: junk on the scanners, a broker
// that is away, a kiosk that is stopped and killed.
func (w *writer) oddities(midnight time.Time) {
	open := midnight.Add(opening)
	for _, text := range []string{"HELLO WORLD", "LSVAA4182E2184", "LSVIO418XE2184472", "=cmd|' /C calc'!A0", "V9ZZAAA00001"} {
		w.do(open.Add(w.between(10*time.Minute, 9*time.Hour)), Step{Act: ScanJunk, Place: []string{"reception", "b3", "b5"}[w.r.IntN(3)], Text: text, Visit: -1})
	}
	if w.o.Calm {
		return
	}
	down := open.Add(w.between(90*time.Minute, 3*time.Hour))
	w.do(down, Step{Act: BrokerDown, Visit: -1})
	w.do(down.Add(w.between(30*time.Minute, 90*time.Minute)), Step{Act: BrokerUp, Visit: -1})
	w.do(open.Add(w.between(2*time.Hour, 5*time.Hour)), Step{Act: Restart, Visit: -1})
	w.do(open.Add(w.between(time.Hour, 8*time.Hour)), Step{Act: Kill, Visit: -1})
}

// badges puts a badge scan before each scan of a technician or inspector that
// needs one: badges are sticky at a bay for the day, and an inspector's lasts
// for one inspection, after which the previous one returns.
func (w *writer) badges() {
	sticky := map[string]string{} // place → person
	guest := map[string]Step{}    // place → badge scan of an inspector who only inspects
	var out []Step
	day := ""
	for _, s := range w.s.Steps {
		if d := s.At.Format(time.DateOnly); d != day {
			clear(sticky)
			day = d
		}
		if g := guest[s.Place]; g.Person == s.Tech && s.At.Sub(g.At) < 90*time.Second {
			out = append(out, s)
			if s.Action == "PASS" || s.Action == "FA11" {
				delete(guest, s.Place)
			}
			continue
		}
		needs := s.Tech != "" && s.Place != "" && (s.Act == ScanTicket || s.Act == ScanAction)
		if needs && sticky[s.Place] != s.Tech {
			if s.Act == ScanTicket && sticky[s.Place] == "" && s.Facts != nil && s.Facts[0].What == Started && !s.MidKill {
				// Nobody has shown a badge here today: the badge comes after the card and owns it.
				out = append(out, s, Step{At: w.at(s.At.Add(time.Second)), Act: ScanBadge, Place: s.Place, Person: s.Tech, Visit: -1, Good: true})
				sticky[s.Place] = s.Tech
				continue
			}
			b := Step{At: w.before(s.At), Act: ScanBadge, Place: s.Place, Person: s.Tech, Visit: -1, Good: true}
			out = append(out, b)
			switch {
			case s.Tech != Inspectors()[0]:
				sticky[s.Place] = s.Tech
			case s.Act == ScanTicket:
				guest[s.Place] = b
			}
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Step) int { return a.At.Compare(b.At) })
	w.s.Steps = out
}

// before takes the last free second before t.
func (w *writer) before(t time.Time) time.Time {
	for t = t.Add(-time.Second); w.taken[t.Unix()]; t = t.Add(-time.Second) {
	}
	w.taken[t.Unix()] = true
	return t
}
