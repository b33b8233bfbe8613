package kiosk

import (
	"slices"
	"time"
)

// What counts as what when times are corrected.
const (
	// noStep is what wall clock and time since boot may differ by between two
	// events before the wall clock has been stepped.
	noStep = 500 * time.Millisecond
	// drift divides the time between two trusted instants: a clock that nobody
	// held may have gone wrong by that much (200 ppm, twice what a bad crystal does).
	drift = 5000
	// overlap is how far the times of two boots may run into each other before
	// one of them is wrong as a whole.
	overlap = time.Minute
)

// Correct derives When, Uncertain, Earliest and Latest of the events of one
// epoch, given in sequence order from its first on. Both ends use it.
//
// Inside a boot durations come from the time since boot. A trusted instant (an
// event under a synced clock, or a kiosk.clock_set that was followed) says when
// the boot was; the last one decides, backwards and forwards, whatever the wall
// clock did in between. An earlier trusted instant that drift can explain keeps
// its wall time, and what lies between grows evenly from one to the other.
//
// A boot without a trusted instant starts where its first event's wall clock
// says, but not before the end of the boot before it. It is uncertain if that
// clock was never set or had to be moved; then it lies between the end of the
// boot before it and the start of the next, and Earliest and Latest say so. A
// trusted boot that starts before the end of an earlier one shows that the
// earlier was wrong: it is moved down as a whole and is uncertain.
//
// No event comes before its predecessor.
func Correct(events []Event) { CorrectAfter(Event{}, events) }

// CorrectMixed is [Correct] for an epoch in which two histories may have gone on: an
// event need not have come after the one before it in sequence, two boards worked
// at the same time. follows says whether events[i] follows events[i-1] by its hash.
// Each chain is corrected as an epoch is. A boot that has its trusted instants in
// another chain is corrected by itself. A boot that has none and begins a chain is
// put where the sequence has it: no more is known.
func CorrectMixed(events []Event, follows func(i int) bool) {
	whole := slices.Clone(events)
	Correct(whole)
	boots, held, begins := map[string][]int{}, map[string]bool{}, map[int]bool{}
	for from := 0; from < len(events); {
		to := from + 1
		for to < len(events) && follows(to) {
			to++
		}
		Correct(events[from:to])
		here := heldBoots(events[from:to])
		for i := from; i < to; i++ {
			b := events[i].Moment.Boot
			if held[b] = held[b] || here[b]; b != "" && !here[b] {
				boots[b] = append(boots[b], i)
				begins[i] = from > 0 && sameBoot(&events[from], &events[i])
			}
		}
		from = to
	}
	for b, at := range boots {
		if !held[b] {
			for _, i := range at {
				uncertain := events[i].Uncertain || whole[i].Uncertain
				if begins[i] {
					events[i] = whole[i]
				}
				events[i].Uncertain = uncertain
			}
			continue
		}
		var all []Event
		for _, e := range events {
			if e.Moment.Boot == b {
				all = append(all, e)
			}
		}
		Correct(all)
		for _, i := range at {
			n := slices.IndexFunc(all, func(e Event) bool { return e.Seq == events[i].Seq })
			events[i] = all[n]
		}
	}
}

// heldBoots are those with a trusted instant.
func heldBoots(events []Event) map[string]bool {
	held := map[string]bool{}
	for i := range events {
		e := &events[i]
		held[e.Moment.Boot] = held[e.Moment.Boot] || trusted(e)
	}
	return held
}

// CorrectAfter corrects the end of an epoch. last is the event before it as
// corrected before, the zero Event if there is none. The result is that of
// [Correct] over everything if the end begins with a boot and earlier is false:
// true says that the boot of last may have to be moved too.
func CorrectAfter(last Event, events []Event) (earlier bool) {
	earlier = last.Uncertain
	for from := 0; from < len(events); {
		to := from + 1
		for to < len(events) && sameBoot(&events[to-1], &events[to]) {
			to++
		}
		earlier = correctBoot(&last, events, from, to) || earlier
		from = to
	}
	bound(&last, events)
	return earlier
}

// Follow corrects an event that comes right after last, which was corrected
// before; the zero Event if it is the first of its epoch. It reports true when
// the event may change the times of earlier ones: they have to be corrected
// again, and so has e.
func Follow(last Event, e *Event) (again bool) {
	e.Earliest, e.Latest = time.Time{}, time.Time{}
	switch {
	case trusted(e) && last.Data == nil:
		e.When, e.Uncertain = e.Moment.Wall, false
	case trusted(e) && sameBoot(&last, e):
		again = !trusted(&last) || step(&last, e) != 0
		e.When, e.Uncertain = notBefore(e.Moment.Wall, &last), false
	case trusted(e):
		again = last.Uncertain || start(e, e.Moment.Wall).Before(last.When)
		e.When, e.Uncertain = notBefore(e.Moment.Wall, &last), false
	default:
		unheld(&last, e)
	}
	boundBelow(&last, e)
	return again
}

// Fits says that an event which comes late, between two that were corrected before
// and are neighbours, changes no time of others, and that its own is what its wall
// clock says: all three are trusted, of one boot, and the clock was not stepped.
// false says nothing.
func Fits(last, e, next Event) bool {
	for _, x := range []*Event{&last, &e, &next} {
		if !trusted(x) || x.Uncertain && x.Seq != e.Seq || !sameBoot(&last, x) {
			return false
		}
	}
	if step(&last, &e) != 0 || step(&e, &next) != 0 || step(&last, &next) != 0 || e.Moment.Up < last.Moment.Up || e.Moment.Up > next.Moment.Up {
		return false
	}
	// next is where its own clock has it, and was not held up by last.
	return next.When.Equal(next.Moment.Wall) && last.When.Before(next.When) && !e.Moment.Wall.Before(last.When) && !e.Moment.Wall.After(next.When)
}

// sameBoot says whether e happened in the boot of last.
func sameBoot(last, e *Event) bool {
	return last.Data != nil && last.Moment.Boot == e.Moment.Boot && e.Moment.Boot != ""
}

// trusted says whether an event's own wall clock can be believed.
func trusted(e *Event) bool {
	if c, ok := e.Data.(*ClockSet); ok {
		return c.Followed()
	}
	return e.Moment.Clock == Synced
}

// step is by how much the wall clock was stepped between two events of a boot.
func step(a, b *Event) time.Duration {
	return large(b.Moment.Wall.Sub(a.Moment.Wall) - (b.Moment.Up - a.Moment.Up))
}

// large is d, or 0 if it is too small to mean anything.
func large(d time.Duration) time.Duration {
	if d.Abs() < noStep {
		return 0
	}
	return d
}

// start is when the boot of e began if e happened at t.
func start(e *Event, t time.Time) time.Time { return t.Add(-e.Moment.Up) }

func notBefore(t time.Time, last *Event) time.Time {
	if t.Before(last.When) {
		return last.When
	}
	return t
}

// unheld is the time of an event whose own clock says nothing: on from its
// predecessor in its boot, else what the wall clock says, but after the boot before.
func unheld(last, e *Event) {
	if sameBoot(last, e) {
		shift := time.Duration(0)
		if !trusted(last) {
			shift = large(last.When.Sub(last.Moment.Wall))
		}
		e.When = notBefore(e.Moment.Wall.Add(large(shift-step(last, e))), last)
		e.Uncertain = last.Uncertain
		return
	}
	e.When, e.Uncertain = e.Moment.Wall, e.Moment.Clock == Unset
	if last.Data == nil {
		return
	}
	if low := last.When.Add(e.Moment.Up); e.When.Before(low) {
		e.Uncertain = e.Uncertain || low.Sub(e.When) > overlap
		e.When = low
	}
}

// correctBoot corrects events[from:to], all of one boot, and moves down what
// came before and cannot be true beside it; earlier says that this reaches last.
func correctBoot(last *Event, events []Event, from, to int) (earlier bool) {
	boot := events[from:to]
	held := 0 // the events up to the last trusted one
	for i := range boot {
		if trusted(&boot[i]) {
			held = i + 1
		}
	}
	if held > 0 {
		anchor(boot[:held])
		begun, all := moveDown(events[:from], start(&boot[0], boot[0].When))
		earlier = all && begun.Before(last.When) && !sameBoot(last, &events[0])
	}
	if from > 0 {
		last = &events[from-1]
	}
	for i := range boot {
		if i < held {
			boot[i].When, boot[i].Uncertain = notBefore(boot[i].When, last), false
		} else {
			unheld(last, &boot[i])
		}
		last = &boot[i]
	}
	return earlier
}

// anchor gives the events of a boot up to its last trusted one, which is the
// last of them, their times by the trusted instants.
func anchor(boot []Event) {
	k := len(boot) - 1
	boot[k].When = boot[k].Moment.Wall
	shift := make([]time.Duration, len(boot)) // what the anchor k says has to be added
	for i := k - 1; i >= 0; i-- {
		e := &boot[i]
		shift[i] = shift[i+1] + step(e, &boot[i+1])
		e.When = e.Moment.Wall.Add(large(shift[i]))
		between := boot[k].Moment.Up - e.Moment.Up
		if !trusted(e) || shift[i].Abs() > noStep+between/drift {
			continue
		}
		for j := i + 1; j < k && large(shift[i]) != 0; j++ {
			left := boot[k].Moment.Up - boot[j].Moment.Up
			boot[j].When = boot[j].Moment.Wall.Add(large(shift[j] - part(shift[i], left, between)))
		}
		e.When, shift[i], k = e.Moment.Wall, 0, i
	}
}

// part is d × a ÷ b in whole milliseconds: no floats, so that both ends agree.
func part(d, a, b time.Duration) time.Duration {
	if b < time.Millisecond {
		return 0
	}
	return time.Duration(d.Milliseconds()*a.Milliseconds()/b.Milliseconds()) * time.Millisecond
}

// moveDown moves the boots at the end of events down so that they end by t, the
// start of a trusted boot: those that are uncertain, and those that cannot be
// right. It gives the start of the first boot that was moved, and whether that
// is the first of all.
func moveDown(events []Event, t time.Time) (begun time.Time, all bool) {
	to := len(events)
	for to > 0 {
		from := to - 1
		for from > 0 && sameBoot(&events[from-1], &events[from]) {
			from--
		}
		boot := events[from:to]
		off := boot[len(boot)-1].When.Sub(t)
		if off <= 0 || off <= overlap && !boot[len(boot)-1].Uncertain {
			break
		}
		for i := range boot {
			boot[i].When, boot[i].Uncertain = boot[i].When.Add(-off), true
		}
		t, to = start(&boot[0], boot[0].When), from
	}
	for i := max(to, 1); i < len(events); i++ {
		events[i].When = notBefore(events[i].When, &events[i-1])
	}
	return t, to == 0
}

// bound gives the uncertain events their bounds.
func bound(last *Event, events []Event) {
	for i := range events {
		events[i].Earliest, events[i].Latest = time.Time{}, time.Time{}
		boundBelow(last, &events[i])
		last = &events[i]
	}
	for i := len(events) - 2; i >= 0; i-- {
		e, next := &events[i], &events[i+1]
		high := next.When
		if next.Uncertain {
			high = next.Latest
		}
		if !e.Uncertain || high.IsZero() {
			continue
		}
		passed := next.Moment.Up // at least, since e
		if sameBoot(e, next) {
			passed -= e.Moment.Up
		}
		e.Latest = high.Add(-passed)
	}
}

// boundBelow says before when an uncertain event cannot have happened: its boot
// began after the last event of the boot before.
func boundBelow(last, e *Event) {
	low := last.When
	if last.Uncertain {
		low = last.Earliest
	}
	if !e.Uncertain || low.IsZero() || last.Data == nil {
		return
	}
	passed := e.Moment.Up // at least, since last
	if sameBoot(last, e) {
		passed -= last.Moment.Up
	}
	e.Earliest = low.Add(passed)
}
