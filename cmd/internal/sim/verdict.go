package sim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// counted is a row of the ledger as the judge reads it.
type counted struct {
	key       key
	event     kiosk.Event
	hash      kiosk.Hash
	when      time.Time
	uncertain bool
	counts    bool
}

// verdict looks at everything once all links have healed.
func (j *judge) verdict() {
	rows := j.ledger()
	if rows == nil {
		return
	}
	count := map[key]int{}
	j.counts, j.held = map[key]string{}, map[span]bool{}
	for _, r := range rows {
		if _, set := r.event.Data.(*kiosk.ClockSet); set || r.event.Moment.Clock == kiosk.Synced {
			j.held[span{r.event.Epoch, r.event.Moment.Boot}] = true
		}
		if r.counts {
			count[r.key]++
			j.counts[r.key] = r.event.Epoch
		}
		if j.records[r.key] == nil {
			j.w.violated("I1: the office has event %s, which never was on a disk", r.key.id)
		}
		j.w.happened("ledger", r.hash[:], uint64(count[r.key]))
	}
	j.arrived(count)
	j.order(rows)
	for _, b := range j.w.boards {
		if len(b.disk.lost) > 0 {
			j.w.violated("I4: %s never named its destroyed range %v", b, b.disk.lost)
		}
		if b.straight != nil && len(b.straight.want) > 0 {
			j.w.violated("I6: %s decided otherwise than without mishaps: %s", b, b.straight.want[0])
		}
	}
	if len(j.w.res.Violations) == 0 { // figures of what is not all here say nothing more
		j.figures(rows, count)
	}
}

func (j *judge) ledger() (out []counted) {
	rows, err := j.w.office.ledger.Events(context.Background(), storeName, 0, 1<<30)
	if err != nil {
		j.w.violated("the ledger's events cannot be read: %v", err)
		return nil
	}
	out = []counted{}
	for _, r := range rows {
		h := kiosk.HashOf(r.Bytes)
		e, known := j.events[h]
		if !known {
			if e, err = kiosk.Decode(r.Bytes); err != nil {
				j.w.violated("the ledger holds what is no event: %v", err)
				return nil
			}
		}
		out = append(out, counted{first(e, h), e, h, r.When, r.Uncertain, r.Counted})
	}
	return out
}

// arrived: what is on a card, and what somebody was told is recorded, counts
// once (I1, I2).
func (j *judge) arrived(count map[key]int) {
	here := j.onCards()
	for _, r := range j.sorted() {
		n := count[r.key]
		switch {
		case n > 1:
			j.w.violated("I2: %s %s counts %d times", r.event.Type(), r.key.id, n)
		case n == 0 && here[r.key]:
			j.w.violated("I1: %s %s is on a card and does not count", r.event.Type(), r.key.id)
		case n == 0 && j.acked[r.key] && !j.gone[r.key]:
			j.w.violated("I1: %s %s was acknowledged and is nowhere", r.event.Type(), r.key.id)
		}
	}
}

func (j *judge) sorted() []*record {
	out := make([]*record, 0, len(j.records))
	for _, r := range j.records {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *record) int { return cmp.Compare(a.n, b.n) })
	return out
}

// order: within an epoch each event follows the one before it, in its chain and
// in time (I3). Where two cards went on in one epoch, what came above a gap may
// be of the other one: that seam is allowed, since either card begins another
// epoch and everything counts once (I1, I2).
func (j *judge) order(rows []counted) {
	twice := map[string]int{}
	for k := range j.records {
		twice[k.id]++
	}
	slices.SortStableFunc(rows, func(a, b counted) int {
		return cmp.Or(cmp.Compare(a.event.Source, b.event.Source), cmp.Compare(a.event.Epoch, b.event.Epoch), cmp.Compare(a.event.Seq, b.event.Seq))
	})
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1], rows[i]
		if a.event.Source != b.event.Source || a.event.Epoch != b.event.Epoch {
			continue
		}
		if a.event.Seq+1 == b.event.Seq && b.event.Prev != a.hash && twice[a.event.ID()] < 2 {
			j.w.violated("I3: %s does not follow the event before it", b.event.ID())
		}
		together := b.event.Prev == a.hash || b.event.Moment.Boot == a.event.Moment.Boot // else two boards may have worked at the same time
		if b.when.Before(a.when) && !b.uncertain && together {
			j.w.violated("I3: %s is earlier than the event before it", b.event.ID())
		}
	}
}

// figures: what the office computes is what a run without loss gives, and what
// the judge counts in its own way (I6).
func (j *judge) figures(rows []counted, count map[key]int) {
	visits, err := j.w.office.visits()
	if err != nil {
		j.w.violated("I6: the office cannot fold its visits: %v", err)
		return
	}
	in := kpi.Input{Calendar: shopCalendar(), From: begin().AddDate(0, 0, -2), To: begin().AddDate(0, 0, 20), Now: begin().AddDate(0, 0, 3)}
	unsure := j.unsure(count)
	for _, v := range visits {
		if quality := unsure[v.ID]; quality == kiosk.Unset && !v.Uncertain {
			j.w.violated("I6: visit %s has times that nobody vouches for, and does not say so", v.ID)
		}
	}
	j.tellTimes(rows, visits, unsure)
	lossless := j.lossless(count)
	besideUnsure(lossless, unsure)
	sure := func(v *kiosk.Visit) bool { return unsure[v.ID] != "" }
	in.Visits = slices.DeleteFunc(slices.Clone(visits), sure)
	got := kpi.Compute(in, kpi.ByNone)
	in.Visits = slices.DeleteFunc(lossless, sure)
	want := kpi.Compute(in, kpi.ByNone)
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	j.w.happened("figures", a, 0)
	if !bytes.Equal(a, b) {
		j.w.violated("I6: the figures are\n%s\nand without loss\n%s", a, b)
	}
	j.own(count, got[0], unsure)
}

// tellTimes writes down the times of visits that the office takes for uncertain and
// the judge does not.
func (j *judge) tellTimes(rows []counted, visits []*kiosk.Visit, unsure map[string]kiosk.Quality) {
	for _, v := range visits {
		if !v.Uncertain || unsure[v.ID] != "" || j.w.opt.Trace == nil {
			continue
		}
		for _, r := range rows {
			if kiosk.VisitOf(r.event.Data) == v.ID && r.counts {
				m, at := r.event.Moment, j.records[r.key].at
				j.w.say("visit %s: %s %s boot %.8s %s: truly %s, uncertain %v, %s off", v.ID, r.event.Type(), r.event.ID(), m.Boot, m.Clock,
					at.Format(time.TimeOnly), r.uncertain, r.when.Sub(at))
			}
		}
	}
}

// unsure are the visits with an event of a boot whose clock nobody ever vouched
// for, with the worst of their clocks: unset, or set by a battery's word alone.
// A clock that was set in another epoch of the boot vouches for its own only:
// receivers correct times within an epoch.
func (j *judge) unsure(count map[key]int) map[string]kiosk.Quality {
	names, void := j.names(), map[string]bool{}
	for _, r := range j.sorted() {
		if _, ok := r.event.Data.(*kiosk.Voided); ok && count[r.key] > 0 {
			void[names.meant(r)] = true
		}
	}
	out := map[string]kiosk.Quality{}
	for _, r := range j.sorted() {
		m := r.event.Moment
		v := kiosk.VisitOf(r.event.Data)
		if void[kiosk.EventID(names[r.key], r.event.Seq)] {
			continue
		}
		if v != "" && count[r.key] > 0 && m.Clock != kiosk.Synced && !j.held[span{j.counts[r.key], m.Boot}] && out[v] != kiosk.Unset {
			out[v] = m.Clock
		}
	}
	return out
}

// besideUnsure adds the visits whose technicians worked on an unsure one: whether
// their jobs overlap on two boards is not sure either.
func besideUnsure(visits []*kiosk.Visit, unsure map[string]kiosk.Quality) {
	by := map[string]bool{}
	for _, v := range visits {
		for _, w := range v.Works {
			by[w.Technician] = by[w.Technician] || unsure[v.ID] != "" && w.Technician != ""
		}
	}
	for _, v := range visits {
		if unsure[v.ID] == "" && slices.ContainsFunc(v.Works, func(w *kiosk.Work) bool { return by[w.Technician] }) {
			unsure[v.ID] = kiosk.Holdover
		}
	}
}

// lossless folds what the events say in one go, each at its true time.
func (j *judge) lossless(count map[key]int) []*kiosk.Visit {
	names := j.names()
	events := map[string][]kiosk.Event{}
	visitOf := map[string]string{}
	for _, r := range j.sorted() {
		if count[r.key] == 0 {
			continue
		}
		e := r.event
		e.Was, e.WasHash = "", ""
		e.When, e.Uncertain = r.at.Truncate(time.Millisecond), false
		e.Epoch = names[r.key]
		visit := kiosk.VisitOf(e.Data)
		if kiosk.Corrects(e.Data) != "" {
			name := names.meant(r)
			visit = visitOf[name]
			switch d := e.Data.(type) {
			case *kiosk.Voided:
				c := *d
				c.Event, e.Data = name, &c
			case *kiosk.Amended:
				c := *d
				c.Event, e.Data = name, &c
			}
		}
		visitOf[e.ID()] = visit
		if visit != "" {
			events[visit] = append(events[visit], e)
		}
	}
	return backoffice.FoldStore(events, shopCalendar())
}

// naming gives every event an epoch, and so a name, that no other has: after a
// rollback two events may have had one id, and after two, three.
type naming map[key]string

func (j *judge) names() naming {
	n, seen := naming{}, map[string]int{}
	for _, r := range j.sorted() {
		n[r.key] = r.event.Epoch + strings.Repeat("x", seen[r.key.id])
		seen[r.key.id]++
	}
	return n
}

// meant is the name of the event that a correction means.
func (n naming) meant(r *record) string {
	_, seq, err := kiosk.ParseEventID(r.target.id)
	if err != nil {
		return kiosk.Corrects(r.event.Data)
	}
	return kiosk.EventID(n[r.target], seq)
}
