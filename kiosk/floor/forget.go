package floor

import "slices"

// forget drops what nothing can need any more. Lists lose their first part; its
// room goes when they next grow.
func (s *State) forget() {
	limit := s.newest.Add(-keepEnded)
	var dropped []*entry
	s.order = slices.DeleteFunc(s.order, func(r *record) bool {
		last := r.entries[len(r.entries)-1].event.When
		old := !r.visit.Open() && r.visit.Ended.Before(limit) && last.Before(limit) ||
			!r.visit.Known() && last.Before(limit) || last.Before(s.newest.Add(-keepSilent))
		if old {
			delete(s.records, r.id)
			s.merge(r.id)
			s.shop.free(r.id)
			s.base.free(r.id)
			for _, n := range r.entries {
				n.inRecord = false
			}
			dropped = append(dropped, r.entries...)
		}
		return old
	})
	n := max(0, len(s.log)-keepLog/2)
	if len(s.log) <= keepLog {
		n = 0
	}
	for n < len(s.log) && s.log[n].event.When.Before(limit) {
		n++
	}
	for _, old := range s.log[:n] {
		if !old.voided {
			s.base.fold(old, &s.cfg)
		}
		old.inLog = false
	}
	dropped = append(dropped, s.log[:n]...)
	clear(s.log[:n])
	s.log = s.log[n:]
	s.drop(dropped)
	s.shorten()
}

// forgotten says that nobody holds the event any more.
func (n *entry) forgotten() bool { return !n.inLog && !n.inRecord }

// drop takes the names away of those entries that nobody holds any more, and
// with them that they were voided. A cause that went with its event is known by
// another of its events.
func (s *State) drop(dropped []*entry) {
	orphans := map[string]bool{}
	for _, n := range dropped {
		if !n.forgotten() {
			continue
		}
		delete(s.byID, n.id)
		n.voided = false
		if c := n.event.Data.Common().Cause; c != "" && s.causes[c] == n {
			delete(s.causes, c)
			orphans[c] = true
		}
	}
	if len(orphans) == 0 {
		return
	}
	keep := func(n *entry) {
		m := n.event.Data.Common()
		if m.Cause == "" || !orphans[m.Cause] {
			return
		}
		if first := s.causes[m.Cause]; first == nil || m.Scan != nil {
			s.causes[m.Cause] = n
		}
	}
	for _, r := range s.order {
		for _, n := range r.entries {
			keep(n)
		}
	}
	for _, n := range s.log {
		keep(n)
	}
}
