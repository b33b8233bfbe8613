package kpi

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"
)

// stretch is a time in milliseconds since 1970, half-open.
type stretch struct{ from, to int64 }

// stretches is a set of times, by whom or what they are of.
type stretches map[string][]stretch

func (all stretches) add(key string, from, to int64) {
	if from < to {
		all[key] = append(all[key], stretch{from, to})
	}
}

// united sorts stretches and joins those that touch.
func united(all []stretch) (out []stretch) {
	all = slices.SortedFunc(slices.Values(all), func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	for _, s := range all {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// length is that of the union of stretches.
func length(all []stretch) (ms int64) {
	for _, s := range united(all) {
		ms += s.to - s.from
	}
	return ms
}

// total is the length of the unions of each key.
func (all stretches) total() (ms int64) {
	for _, list := range all {
		ms += length(list)
	}
	return ms
}

// hours counts time: a technician's on jobs (two at once are one time, however
// many jobs share it), a bay's with a running job, or with one running or paused.
// Bays and technicians of other rows' keys are left out; rows by adviser and
// category have none.
func (s scope) hours(t *Tally, facts []*Fact) {
	if s.by == ByAdviser || s.by == ByCategory {
		return
	}
	attended, clocked, running, occupied := stretches{}, stretches{}, stretches{}, stretches{}
	for _, f := range facts {
		for i := range f.Attendance {
			if a := &f.Attendance[i]; s.by == ByNone || s.by == ByTechnician && s.key == a.Technician {
				from, to := a.stretch()
				attended.add(a.Technician, max(from, s.from.ms()), min(to, s.to.ms()))
			}
		}
		if f.Uncertain {
			continue
		}
		t.n[nStandard] += s.standard(f)
		for i := range f.Jobs {
			j := &f.Jobs[i]
			for k := range j.Spans {
				sp := &j.Spans[k]
				from, to, ok := f.stretch(sp)
				if !ok {
					continue
				}
				from, to = max(from, s.from.ms()), min(to, s.to.ms())
				if s.by == ByNone || s.by == ByBay && s.key == sp.Bay {
					occupied.add(sp.Bay, from, to)
				}
				if sp.Reason != "" {
					continue
				}
				if s.by == ByNone || s.by == ByBay && s.key == sp.Bay {
					running.add(sp.Bay, from, to)
				}
				if s.by == ByNone || s.by == ByTechnician && s.key == j.Technician {
					clocked.add(person(j.Technician, sp.Bay), from, to)
				}
			}
		}
	}
	for bay := range occupied {
		t.member(sBays, bay)
	}
	for who, list := range attended {
		t.count(mAttended, who, length(list))
	}
	for who, list := range clocked {
		t.count(mClocked, who, length(list))
	}
	t.n[nRunning], t.n[nOccupied] = running.total(), occupied.total()
	t.n[nRunningOpen], t.n[nOccupiedOpen] = s.within(running).total(), s.within(occupied).total()
}

// person tells unknown technicians apart by their bay.
func person(technician, bay string) string {
	if technician == "" {
		return "@" + bay
	}
	return technician
}

// within cuts stretches to the opening hours.
func (s scope) within(all stretches) stretches {
	out := stretches{}
	for key, list := range all {
		for _, st := range united(list) {
			for t := st.from; t < st.to; {
				at := time.UnixMilli(t).In(s.cal.Zone)
				if open, shut, ok := s.opening(at); ok {
					out.add(key, max(st.from, open.UnixMilli()), min(st.to, shut.UnixMilli()))
				}
				t = s.cal.Midnight(s.cal.Midnight(at).Add(36 * time.Hour)).UnixMilli()
			}
		}
	}
	return out
}

func (s scope) opening(t time.Time) (open, shut time.Time, ok bool) {
	h := s.cal.Hours(t)
	if h.Close <= h.Open {
		return open, shut, false
	}
	y, m, d := t.In(s.cal.Zone).Date()
	return time.Date(y, m, d, 0, 0, int(h.Open/time.Second), 0, s.cal.Zone), s.cal.Closing(t), true
}

// fingerprint is a short name of a vehicle, for counting: 16 bytes.
func fingerprint(vehicle string) string {
	h := fnv.New128a()
	h.Write([]byte(vehicle))
	return string(h.Sum(nil))
}
