package kpi

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"
)

// stretch is a time in milliseconds since 1970, half-open.
type stretch struct{ from, to int64 }

// stretches are times, each with whom or what it is of.
type stretches []keyedStretch

type keyedStretch struct {
	key string
	stretch
}

func (all *stretches) add(key string, from, to int64) {
	if from < to {
		*all = append(*all, keyedStretch{key, stretch{from, to}})
	}
}

// unite sorts stretches by key and time, and joins those of a key that touch, in place.
func (all *stretches) unite() {
	slices.SortFunc(*all, func(a, b keyedStretch) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.from, b.from)) })
	out := (*all)[:0]
	for _, s := range *all {
		if n := len(out); n > 0 && out[n-1].key == s.key && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	*all = out
}

// total is the length of united stretches.
func (all stretches) total() (ms int64) {
	for _, s := range all {
		ms += s.to - s.from
	}
	return ms
}

// count adds the length of united stretches to a tally, by key.
func (all stretches) count(t *Tally, m int) {
	for i := 0; i < len(all); {
		key, ms := all[i].key, int64(0)
		for ; i < len(all) && all[i].key == key; i++ {
			ms += all[i].to - all[i].from
		}
		t.count(m, key, ms)
	}
}

// hours counts time: a technician's on jobs (two at once are one time, however
// many jobs share it), a bay's with a running job, or with one running or paused.
// Bays and technicians of other rows' keys are left out; rows by adviser and
// category have none.
func (s scope) hours(t *Tally, parts []*part) {
	if s.by == ByAdviser || s.by == ByCategory {
		return
	}
	var attended, clocked, running, occupied stretches
	for _, p := range parts {
		for i := range p.Attendance {
			if a := &p.Attendance[i]; s.by == ByNone || s.by == ByTechnician && s.key == a.Technician {
				from, to := a.stretch()
				attended.add(a.Technician, max(from, s.from.ms()), min(to, s.to.ms()))
			}
		}
		t.n[nStandard] += s.standard(p)
		for i := range p.work {
			w := &p.work[i]
			if s.by == ByNone || s.by == ByBay && s.key == w.bay {
				occupied.add(w.bay, w.from, w.to)
				if w.running {
					running.add(w.bay, w.from, w.to)
				}
			}
			if w.running && (s.by == ByNone || s.by == ByTechnician && s.key == w.technician) {
				clocked.add(w.person, w.from, w.to)
			}
		}
	}
	for _, all := range []*stretches{&attended, &clocked, &running, &occupied} {
		all.unite()
	}
	for i := range occupied {
		if i == 0 || occupied[i].key != occupied[i-1].key {
			t.sets[sBays] = append(t.sets[sBays], occupied[i].key)
		}
	}
	attended.count(t, mAttended)
	clocked.count(t, mClocked)
	t.n[nRunning], t.n[nOccupied] = running.total(), occupied.total()
	t.n[nRunningOpen], t.n[nOccupiedOpen] = s.within(running), s.within(occupied)
}

// person tells unknown technicians apart by their bay.
func person(technician, bay string) string {
	if technician == "" {
		return "@" + bay
	}
	return technician
}

// within is the length of united stretches within the opening hours.
func (s scope) within(all stretches) (ms int64) {
	var day, next, open, shut int64 // of the day last looked at
	for _, st := range all {
		counted := st.from // up to here
		for t := st.from; t < st.to; t = next {
			if t < day || t >= next {
				day, next, open, shut = s.openingMS(t)
			}
			if end := min(st.to, shut); end > max(counted, open) {
				ms += end - max(counted, open)
				counted = end
			}
		}
	}
	return ms
}

// openingMS is the store-local day of t, and when it is open, 0 and 0 if never.
func (s scope) openingMS(t int64) (day, next, open, shut int64) {
	at := time.UnixMilli(t).In(s.cal.Zone)
	midnight := s.cal.Midnight(at)
	if from, to, ok := s.opening(at); ok {
		open, shut = from.UnixMilli(), to.UnixMilli()
	}
	return midnight.UnixMilli(), s.cal.Midnight(midnight.Add(36 * time.Hour)).UnixMilli(), open, shut
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
