package kiosk

import (
	"fmt"
	"iter"
	"time"
)

// Ageing is how far person parts of a store, or of a board, have been removed
// because they grew old (DOMAIN §8: retention is configuration). It is kept where
// no backup rolls it back, so that a backup that is restored is brought to the
// same age at once, whatever the clock says by then.
type Ageing struct {
	Before time.Time `json:"before"` // parts of visits that ended earlier are gone; zero: none
	At     time.Time `json:"at"`     // by a clock that could be trusted, when Before was last moved
}

// Bounds of moving [Ageing.Before].
const (
	MaxPersonDays = 36_500
	// MaxAgeingStep is how far a clock may have moved on since Before was last
	// moved, or since an event was last recorded: a clock that jumped ten years
	// ahead looks like one that ran, and what is removed does not come back.
	MaxAgeingStep = 31 * 24 * time.Hour
	ageingEvery   = 20 * time.Hour // less is not worth looking through everything
)

// Next is how far it may go at now when parts are kept for so many days, 0: for
// ever. newest is when another clock that could be trusted last recorded an event,
// zero if that is not known: then nothing goes.
// wait says in words why it goes no further yet: only a person knows whether a
// clock that jumped is right ([Ageing.To]). It never goes back: what is gone is gone.
func (a Ageing) Next(days int, newest time.Time, now Moment) (next Ageing, wait string) {
	before := now.Wall.AddDate(0, 0, -days)
	last := a.At
	if newest.After(last) {
		last = newest
	}
	switch {
	case days <= 0 || a.At.Add(ageingEvery).After(now.Wall) && !before.After(a.Before.Add(ageingEvery)):
		return a, ""
	case now.Clock != Synced:
		return a, "the clock is not synchronised: nothing is removed by its age"
	case last.IsZero(): // nothing has come yet that the clock could be held against
		return a, ""
	case now.Wall.Sub(last) > MaxAgeingStep:
		return a, fmt.Sprintf("the clock says %s, %d days after %s", now.Wall.Format(time.DateOnly), int(now.Wall.Sub(last).Hours()/24), last.In(now.Wall.Location()).Format(time.DateOnly))
	}
	return a.To(before, now.Wall), ""
}

// To moves it as a person said, who answers for the time being at: before may go.
func (a Ageing) To(before, at time.Time) Ageing {
	if before.After(a.Before) {
		a.Before = before.UTC().Truncate(time.Second)
	}
	a.At = at.UTC().Truncate(time.Second)
	return a
}

// Old says whether the parts of a visit may go. Those of an open one never may,
// nor those of one whose work is being done again in an open one; redone has the
// ids of those.
func (a Ageing) Old(v *Visit, redone map[string]bool) bool {
	return v != nil && !v.Open() && v.Ended.Before(a.Before) && !redone[v.ID]
}

// Redone are the visits whose work is being done again in the open ones.
func Redone(open iter.Seq[*Visit]) map[string]bool {
	out := map[string]bool{}
	for v := range open {
		if v.Open() && v.Rework != nil {
			out[v.Rework.Earlier] = true
		}
	}
	return out
}
