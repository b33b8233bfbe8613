package floor

import (
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// Reasons of action.unmatched; each has a text that says what to do first.
const (
	unmatchedNoBay  = "no_bay"  // the card belongs to a bay
	unmatchedNoJob  = "no_job"  // nothing to finish or pause
	unmatchedNoCar  = "no_car"  // no visit to pass, fail or wash
	unmatchedNoUndo = "no_undo" // nothing, or nothing recent, to take back
)

func (x *step) unmatched(a kiosk.Action, reason string) Reply {
	x.emit(&kiosk.ActionUnmatched{Bay: x.place, Action: string(a), Meta: kiosk.Meta{Reason: reason}})
	return bad(words.Key("floor.unmatched." + reason))
}

// badge takes a badge at any place.
func (x *step) badge(p staff.Person) Reply {
	b := x.bay(x.place)
	loose := b.unclaimed(x.now)
	clears := b.help && p.Has(staff.Supervisor)
	name := p.Name
	if name == "" {
		name = p.ID
	}
	x.emit(&kiosk.BadgeScanned{Bay: x.place, Person: p.ID})
	if clears {
		x.emit(&kiosk.HelpCleared{Bay: x.place, Meta: kiosk.Meta{By: p.ID}})
		return good("floor.help_cleared", x.where(x.place))
	}
	if x.attribute(p, loose) {
		return good("floor.attributed", name, x.where(x.place))
	}
	return good("floor.badge", name, x.where(x.place))
}

func (x *step) help() Reply {
	who, _ := x.bay(x.place).holder(x.now, x.t)
	x.emit(&kiosk.HelpCalled{Bay: x.place, Meta: kiosk.Meta{By: who}})
	return good("floor.help", x.where(x.place))
}

// card takes a job card at a bay: it selects its visit, and for a technician
// starts or resumes; nothing toggles.
func (x *step) card(visit string, item int) Reply {
	b := x.bay(x.place)
	who, worker := b.holder(x.now, x.t)
	v := x.look(visit)
	flags := x.oddities(visit)
	if x.onlySelects(who, worker, v, item) {
		x.emit(&kiosk.CardScanned{Bay: x.place, Visit: visit, Item: item, Meta: kiosk.Meta{Flags: flags}})
		return x.about(visit, x.told("floor.selected", visit, flags))
	}
	job := kiosk.Job{Visit: visit, Bay: x.place, Technician: who, Item: item}
	w := own(v, job, x.t)
	flags = append(flags, nobody(who)...)
	if w != nil {
		job.Item = w.Item
	}
	meta := kiosk.Meta{Flags: flags}
	if w != nil && w.Running(x.t) {
		return x.underWay(w, job, meta)
	}
	others := x.running(who, x.place)
	parallel := b.armed != nil && x.now.Since(*b.armed) < ParallelFor && len(others) > 0
	key := words.Key("floor.started")
	if w != nil {
		key = "floor.resumed"
		x.emit(&kiosk.Resumed{Job: job, Parallel: parallel, Meta: meta})
	} else {
		x.emit(&kiosk.Started{Job: job, Parallel: parallel, Meta: meta})
	}
	if !parallel {
		x.switchFrom(others)
	}
	return x.about(visit, x.told(key, visit, flags))
}

// onlySelects says whether a job card starts nothing: an inspector's or
// visitor's badge, a dual-role badge on the ticket of a visit that is ready for
// inspection, or a wash bay.
func (x *step) onlySelects(who string, worker bool, v *kiosk.Visit, item int) bool {
	if x.places[x.place].Wash || who != "" && !worker {
		return true
	}
	p, _ := x.cfg.Staff.Person(who)
	return item == 0 && p.Has(staff.Inspector) && v.Ready(x.t)
}

// underWay acknowledges a card of a job that runs already. Only a technician
// who took the car to another bay is recorded: the job goes on there.
func (x *step) underWay(w *kiosk.Work, job kiosk.Job, meta kiosk.Meta) Reply {
	if w.Bay == x.place {
		meta.Flags = slices.DeleteFunc(meta.Flags, func(f kiosk.Flag) bool { return f == kiosk.NoBadge })
		x.emit(&kiosk.CardScanned{Bay: x.place, Visit: job.Visit, Item: job.Item, Meta: meta})
	} else {
		meta.Flags = append(meta.Flags, kiosk.WrongBay)
		x.emit(&kiosk.Resumed{Job: job, Meta: meta})
	}
	return x.about(job.Visit, x.told("floor.running", job.Visit, meta.Flags))
}

// own is the technician's job on a visit that a card speaks of: the running one,
// else the latest paused one. A job of an unknown technician belongs to its bay.
func own(v *kiosk.Visit, j kiosk.Job, t time.Time) (found *kiosk.Work) {
	for _, w := range slices.Backward(v.Works) {
		switch {
		case w.Technician != j.Technician, j.Item != 0 && w.Item != j.Item, !w.Open(t):
		case j.Technician == "" && w.Bay != j.Bay:
		case w.Running(t):
			return w
		case found == nil:
			found = w
		}
	}
	return found
}

// running are a technician's running jobs anywhere in the store, of an unknown
// technician those in the bay, in the order of their visits.
func (x *step) running(who, bay string) (jobs []*kiosk.Work) {
	for v := range x.unfinished() {
		for _, w := range v.Works {
			if w.Technician == who && (who != "" || w.Bay == bay) && w.Running(x.t) {
				jobs = append(jobs, w)
			}
		}
	}
	return jobs
}

// switchFrom pauses what a technician left for another job.
func (x *step) switchFrom(jobs []*kiosk.Work) {
	for _, w := range jobs {
		x.emit(&kiosk.Paused{Job: w.Job, Meta: kiosk.Meta{Reason: kiosk.Switched, Flags: nobody(w.Technician)}})
	}
}

// nobody is the flag of an event without a badge.
func nobody(who string) []kiosk.Flag {
	if who == "" {
		return []kiosk.Flag{kiosk.NoBadge}
	}
	return nil
}

// unknown is the flag of a visit this board never checked in.
func (x *step) unknown(visit string) []kiosk.Flag {
	_, seen := x.records[visit] // as the board alone knows it
	switch {
	case x.look(visit).Known():
		return nil
	case seen && len(visit) > 3 && visit[3] == x.cfg.Letter:
		return []kiosk.Flag{kiosk.NotCheckedIn}
	}
	return []kiosk.Flag{kiosk.UnknownVisit}
}

// oddities are the flags any card of a visit at a bay may earn.
func (x *step) oddities(visit string) []kiosk.Flag {
	v, flags := x.look(visit), x.unknown(visit)
	if v.Known() && !v.Order.InForce() {
		flags = append(flags, kiosk.NoOrder)
	}
	if !v.Open() {
		flags = append(flags, kiosk.AfterDelivery)
	}
	return flags
}

// told is a good reply that says what happened to a visit, or, of the oddest
// flag, what should be done about it.
func (x *step) told(key words.Key, visit string, flags []kiosk.Flag) Reply {
	if len(flags) > 0 {
		if i := slices.IndexFunc(oddest(), func(f kiosk.Flag) bool { return slices.Contains(flags, f) }); i >= 0 {
			key = words.Key("floor.odd." + string(oddest()[i]))
		}
	}
	r := good(key, x.name(visit), x.where(x.place))
	r.Warn = len(flags) > 0
	return r
}

// oddest lists the flags the floor gives, the one that most needs a person first.
func oddest() []kiosk.Flag {
	return []kiosk.Flag{kiosk.NoBadge, kiosk.AfterDelivery, kiosk.WorkOpen, kiosk.NotInspector, kiosk.InspectorTechnician,
		kiosk.OtherTechnician, kiosk.WrongBay, kiosk.NotCheckedIn, kiosk.UnknownVisit, kiosk.NoOrder}
}
