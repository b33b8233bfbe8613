package kiosk

import (
	"slices"
	"time"
)

// Stage is where a visit stands. Each instant between check-in and delivery has
// exactly one, so stages add up to the whole (DOMAIN §6).
type Stage string

// The stages in the order in which the first that matches wins.
const (
	StageEnded             Stage = "ended"
	StageWashed            Stage = "washed"
	StagePassed            Stage = "passed"
	StageWorking           Stage = "working"
	StagePausedAuthority   Stage = "paused_authority"
	StagePausedParts       Stage = "paused_parts"
	StagePausedOther       Stage = "paused_other"
	StagePausedBreak       Stage = "paused_break"
	StagePausedSwitched    Stage = "paused_switched"
	StageWaitingInspection Stage = "waiting_inspection"
	StageWaitingBay        Stage = "waiting_bay"
	StageReception         Stage = "reception"
	StageWaitingAdviser    Stage = "waiting_adviser"
)

// Stages lists the stages a visit can spend time in, in the order of the day.
func Stages() []Stage {
	return []Stage{StageWaitingAdviser, StageReception, StageWaitingBay, StageWorking, StagePausedAuthority,
		StagePausedParts, StagePausedOther, StagePausedBreak, StagePausedSwitched, StageWaitingInspection, StagePassed, StageWashed}
}

// Paused says whether the stage is one of the pauses.
func (s Stage) Paused() bool {
	switch s {
	case StagePausedAuthority, StagePausedParts, StagePausedOther, StagePausedBreak, StagePausedSwitched:
		return true
	}
	return false
}

// Step is a change of stage.
type Step struct {
	At    time.Time
	Stage Stage
}

// StageAt is the stage of the visit at now, given what has happened so far.
func (v *Visit) StageAt(now time.Time) Stage {
	switch {
	case !v.Open():
		return StageEnded
	case !v.Passed.IsZero() && !v.Washed.IsZero():
		return StageWashed
	case !v.Passed.IsZero():
		return StagePassed
	}
	pauses := [...]string{Authority, Parts, OtherReason, Break, Switched}
	first := len(pauses)
	for _, w := range v.Works {
		if !w.Open(now) {
			continue
		}
		reason := w.Last().Reason
		if reason == "" {
			return StageWorking
		}
		if i := slices.Index(pauses[:first], reason); i >= 0 {
			first = i
		}
	}
	switch {
	case first < len(pauses):
		return Stage("paused_" + pauses[first])
	case v.Ready(now):
		return StageWaitingInspection
	case v.Order.InForce():
		return StageWaitingBay
	case !v.Accepted.IsZero():
		return StageReception
	}
	return StageWaitingAdviser
}

// Split is how long the visit spent in each stage from check-in to until (or to
// its end, if that came first). ok is false for a visit that never checked in
// or that has an unclosed job: such a visit has no split.
func (v *Visit) Split(until time.Time) (d map[Stage]time.Duration, ok bool) {
	d = map[Stage]time.Duration{}
	if !v.EachStage(until, func(s Stage, part time.Duration) { d[s] += part }) {
		return nil, false
	}
	return d, true
}

// EachStage calls f for each stretch of one stage that Split adds up; each is
// longer than nothing. It is false, and f was not called, where there is no split.
func (v *Visit) EachStage(until time.Time, f func(s Stage, part time.Duration)) bool {
	if !v.Known() || v.HasUnclosed(until) {
		return false
	}
	v.walk(v.Arrived, until, f)
	return true
}

// Repair is the time from the first job's start to the last job's finish, and
// the same less the instants in which no job ran and at least one was paused.
// ok is false while no job is finished.
func (v *Visit) Repair() (gross, net time.Duration, ok bool) {
	var first, last time.Time
	for _, w := range v.Works {
		if first.IsZero() || w.Start().Before(first) {
			first = w.Start()
		}
		if w.Finished.After(last) {
			last = w.Finished
		}
	}
	if last.IsZero() {
		return 0, 0, false
	}
	gross = last.Sub(first)
	net = gross
	v.walk(first, last, func(s Stage, part time.Duration) {
		if s.Paused() {
			net -= part
		}
	})
	return gross, net, true
}

// walk calls f for each stretch of one stage between from and until.
func (v *Visit) walk(from, until time.Time, f func(Stage, time.Duration)) {
	for i, s := range v.Track {
		a, b := s.At, until
		if i+1 < len(v.Track) && v.Track[i+1].At.Before(until) {
			b = v.Track[i+1].At
		}
		if a.Before(from) {
			a = from
		}
		if s.Stage != StageEnded && a.Before(b) {
			f(s.Stage, b.Sub(a))
		}
	}
}
