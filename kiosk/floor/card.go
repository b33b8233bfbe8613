package floor

import (
	"slices"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// act takes an action card at a bay.
func (x *step) act(a kiosk.Action) Reply {
	switch a {
	case kiosk.Finish:
		return x.finish()
	case kiosk.PauseParts:
		return x.pause(a, kiosk.Parts)
	case kiosk.PauseAuthority:
		return x.pause(a, kiosk.Authority)
	case kiosk.PauseBreak:
		return x.pause(a, kiosk.Break)
	case kiosk.PassCard, kiosk.FailCard, kiosk.Washed:
		return x.inspect(a)
	case kiosk.Undo:
		return x.undo()
	}
	x.emit(&kiosk.CardScanned{Bay: x.place, Action: string(a)}) // PARALLEL
	return good("floor.parallel", x.where(x.place))
}

// target finds the job FINISH and PAUSE speak of, in the order of DOMAIN §4.
func (x *step) target() (w *kiosk.Work, flags []kiosk.Flag) {
	b := x.bay(x.place)
	who, _ := b.holder(x.now, x.t)
	flags = nobody(who)
	if c, ok := b.selected(x.now); ok {
		v, j := x.look(c.visit), kiosk.Job{Bay: x.place, Technician: who, Item: c.item}
		w = own(v, j, x.t)
		if j.Item = 0; w == nil {
			w = own(v, j, x.t)
		}
		if w != nil {
			if w.Bay != x.place {
				flags = append(flags, kiosk.WrongBay)
			}
			return w, flags
		}
	}
	var here []*kiosk.Work
	for v := range x.unfinished() {
		for _, j := range v.Works {
			if j.Bay == x.place && j.Running(x.t) {
				here = append(here, j)
			}
		}
	}
	for _, j := range here {
		if j.Technician == who && (w == nil || !j.Last().From.Before(w.Last().From)) {
			w = j
		}
	}
	if w == nil && len(here) == 1 {
		return here[0], append(flags, kiosk.OtherTechnician)
	}
	return w, flags
}

// at is the job as an event at this bay names it.
func (x *step) at(w *kiosk.Work) kiosk.Job {
	j := w.Job
	j.Bay = x.place
	return j
}

// finish also closes a paused job and what the same technician left for it on
// the same visit.
func (x *step) finish() Reply {
	w, flags := x.target()
	if w == nil {
		return x.unmatched(kiosk.Finish, unmatchedNoJob)
	}
	flags = append(flags, x.oddities(w.Visit)...)
	var left []kiosk.Job
	for _, o := range x.look(w.Visit).Works {
		if o != w && o.Technician == w.Technician && (w.Technician != "" || o.Bay == w.Bay) && o.Paused(x.t) == kiosk.Switched {
			left = append(left, o.Job)
		}
	}
	x.emit(&kiosk.Finished{Job: x.at(w), Meta: kiosk.Meta{Flags: flags}})
	for _, j := range left {
		x.emit(&kiosk.Finished{Job: j, Meta: kiosk.Meta{Flags: nobody(w.Technician)}})
	}
	key := words.Key("floor.finished")
	if x.look(w.Visit).Ready(x.t) {
		key = "floor.finished_all"
	}
	return x.about(w.Visit, x.told(key, w.Visit, flags))
}

func (x *step) pause(a kiosk.Action, reason string) Reply {
	w, flags := x.target()
	if w == nil {
		return x.unmatched(a, unmatchedNoJob)
	}
	flags = append(flags, x.oddities(w.Visit)...)
	x.emit(&kiosk.Paused{Job: x.at(w), Meta: kiosk.Meta{Reason: reason, Flags: flags}})
	return x.about(w.Visit, x.told(words.Key("floor.paused."+reason), w.Visit, flags))
}

// inspect takes PASS, FAIL and WASHED.
func (x *step) inspect(a kiosk.Action) Reply {
	b := x.bay(x.place)
	visit := b.current
	if c, ok := b.selected(x.now); ok {
		visit = c.visit
	}
	if visit == "" {
		return x.unmatched(a, unmatchedNoCar)
	}
	who, _ := b.holder(x.now, x.t)
	flags := x.oddities(visit)
	if a == kiosk.Washed {
		x.emit(&kiosk.VehicleWashed{Visit: visit, Bay: x.place, Meta: kiosk.Meta{By: who, Flags: flags}})
		return x.about(visit, x.told("floor.washed", visit, flags))
	}
	flags = append(flags, x.judging(visit, who)...)
	if a == kiosk.FailCard {
		x.emit(&kiosk.Failed{Visit: visit, Inspector: who, Bay: x.place, Meta: kiosk.Meta{Flags: flags}})
		return x.about(visit, x.told("floor.failed", visit, flags))
	}
	if slices.ContainsFunc(x.look(visit).Works, func(w *kiosk.Work) bool { return w.Open(x.t) }) {
		flags = append(flags, kiosk.WorkOpen)
	}
	x.emit(&kiosk.Passed{Visit: visit, Inspector: who, Bay: x.place, Meta: kiosk.Meta{Flags: flags}})
	return x.about(visit, x.told("floor.passed", visit, flags))
}

// judging are the flags of who inspects.
func (x *step) judging(visit, who string) (flags []kiosk.Flag) {
	if who == "" {
		return []kiosk.Flag{kiosk.NoBadge}
	}
	if p, _ := x.cfg.Staff.Person(who); !p.Has(staff.Inspector) {
		flags = append(flags, kiosk.NotInspector)
	}
	if slices.ContainsFunc(x.look(visit).Works, func(w *kiosk.Work) bool { return w.Technician == who }) {
		flags = append(flags, kiosk.InspectorTechnician)
	}
	return flags
}

// undo voids what the bay's last scan did.
func (x *step) undo() Reply {
	b := x.bay(x.place)
	last := b.last
	if len(last.events) == 0 || x.now.Since(last.at) >= UndoWithin {
		return x.unmatched(kiosk.Undo, unmatchedNoUndo)
	}
	who, _ := b.holder(x.now, x.t)
	for _, id := range slices.Clone(last.events) {
		x.emit(&kiosk.Voided{Event: id, Meta: kiosk.Meta{By: who, Reason: "undo"}})
	}
	return good("floor.undone", x.where(x.place))
}
