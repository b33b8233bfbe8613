package kpi

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"
)

// stretch is a time in milliseconds since 1970, half-open.
type stretch struct{ from, to int64 }

// stretches are times, by whom or what they are of: sorted by key, each once.
type stretches []keyedStretches

type keyedStretches struct {
	key  string
	list []stretch
}

func (all *stretches) add(key string, from, to int64) {
	if from >= to {
		return
	}
	i, found := all.find(key)
	if !found {
		*all = slices.Insert(*all, i, keyedStretches{key: key})
	}
	of := &(*all)[i]
	of.list = append(of.list, stretch{from, to})
}

func (all stretches) find(key string) (int, bool) {
	from, to := 0, len(all)
	for from < to {
		if i := (from + to) / 2; all[i].key < key {
			from = i + 1
		} else {
			to = i
		}
	}
	return from, from < len(all) && all[from].key == key
}

// only are the times of one key.
func (all stretches) only(key string) stretches {
	if i, found := all.find(key); found {
		return all[i : i+1]
	}
	return nil
}

// unite sorts the times of each key and joins those that touch, in place.
func (all stretches) unite() {
	for i := range all {
		list := all[i].list
		slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
		out := list[:0]
		for _, s := range list {
			if n := len(out); n > 0 && s.from <= out[n-1].to {
				out[n-1].to = max(out[n-1].to, s.to)
			} else {
				out = append(out, s)
			}
		}
		all[i].list = out
	}
}

// length is that of united times.
func length(list []stretch) (ms int64) {
	for _, s := range list {
		ms += s.to - s.from
	}
	return ms
}

// total is the length of united times of all keys.
func (all stretches) total() (ms int64) {
	for i := range all {
		ms += length(all[i].list)
	}
	return ms
}

// counts are the lengths of united times, by key.
func (all stretches) counts() (out counts) {
	for i := range all {
		out = append(out, counted{all[i].key, length(all[i].list)})
	}
	return out
}

// busy is when bays had a job, running, or running or paused: united.
type busy struct{ running, occupied stretches }

func busyIn(parts []*part) *busy {
	var b busy
	for _, p := range parts {
		for i := range p.work {
			w := &p.work[i]
			if b.occupied.add(w.bay, w.from, w.to); w.running {
				b.running.add(w.bay, w.from, w.to)
			}
		}
	}
	b.running.unite()
	b.occupied.unite()
	return &b
}

// hours counts time: a technician's on jobs (two at once are one time, however
// many jobs share it), a bay's with a running job, or with one running or paused.
// Bays and technicians of other rows' keys are left out; rows by adviser and
// category have none. bays is what [busyIn] finds in all parts of the period, nil
// to look here.
func (s scope) hours(t *Tally, parts []*part, bays *busy) {
	if s.by == ByAdviser || s.by == ByCategory {
		return
	}
	var attended, clocked stretches
	for _, p := range parts {
		for i := range p.Attendance {
			if a := &p.Attendance[i]; s.by == ByNone || s.by == ByTechnician && s.key == a.Technician {
				from, to := a.stretch()
				attended.add(a.Technician, max(from, s.from.ms()), min(to, s.to.ms()))
			}
		}
		t.n[nStandard] += s.standard(p)
		for i := range p.work {
			if w := &p.work[i]; w.running && (s.by == ByNone || s.by == ByTechnician && s.key == w.technician) {
				clocked.add(w.person, w.from, w.to)
			}
		}
	}
	attended.unite()
	clocked.unite()
	t.by[mAttended], t.by[mClocked] = attended.counts(), clocked.counts()
	if s.by != ByNone && s.by != ByBay {
		return
	}
	if bays == nil {
		bays = busyIn(parts)
	}
	running, occupied := bays.running, bays.occupied
	if s.by == ByBay {
		running, occupied = running.only(s.key), occupied.only(s.key)
	}
	for i := range occupied {
		t.sets[sBays] = append(t.sets[sBays], occupied[i].key)
	}
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

// within is the length of united times within the opening hours.
func (s scope) within(all stretches) (ms int64) {
	var day, next, open, shut int64 // of the day last looked at
	for i := range all {
		for _, st := range all[i].list {
			done := st.from // up to here
			for t := st.from; t < st.to; t = next {
				if t < day || t >= next {
					day, next, open, shut = s.openingMS(t)
				}
				if end := min(st.to, shut); end > max(done, open) {
					ms += end - max(done, open)
					done = end
				}
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
