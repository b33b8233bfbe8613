package kioskapp

import (
	"context"
	"slices"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/screen"
	"baylight/kiosk/station"
)

// preparedFor is how long what a customer chose on the screen waits for the scan.
const preparedFor = time.Minute

// view is the station as the screens see it.
type view struct {
	a *app

	mu      sync.Mutex
	form    floor.CheckInForm
	formAt  time.Time
	snap    *screen.Snapshot
	version uint64
	before  int       // how many customer's screens are open
	left    time.Time // when the last of them was closed
}

func newView(a *app) *view { return &view{a: a, snap: &screen.Snapshot{}} }

func (v *view) Do(ctx context.Context, in floor.Input) (floor.Reply, error) {
	return v.a.station.Do(ctx, in)
}

func (v *view) Subscribe() (<-chan struct{}, func()) { return v.a.station.Subscribe() }

func (v *view) Now() kiosk.Moment { return v.a.o.Clock.Now() }

func (v *view) NewID() string { return v.a.o.NewID(nil, v.Now()) }

func (v *view) Prepare(form floor.CheckInForm) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.form, v.formAt = form, time.Now()
}

// prepared takes the form that waits for a scan, once.
func (v *view) prepared() floor.CheckInForm {
	v.mu.Lock()
	defer v.mu.Unlock()
	form := v.form
	if time.Since(v.formAt) > preparedFor {
		form = floor.CheckInForm{}
	}
	v.form = floor.CheckInForm{}
	return form
}

// stillThere bridges the moment in which a screen goes from one page to the next.
const stillThere = 3 * time.Second

// Attend notes that a customer's screen is open, until leave.
func (v *view) Attend() (leave func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.before++
	return sync.OnceFunc(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.before--
		v.left = time.Now()
	})
}

// attended says whether there is a screen on which a customer can be asked.
// Without one a scan opens its visit at once: a dark screen stops nobody.
func (v *view) attended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.before > 0 || time.Since(v.left) < stillThere
}

// Expected is today's booking of a plate or VIN.
func (v *view) Expected(text string) *floor.Booking { return v.a.bookings.expected(text) }

// Timeline lists the events of a visit.
func (v *view) Timeline(ctx context.Context, visit string) (events []kiosk.Event, err error) {
	err = v.a.station.View(ctx, func(st *floor.State, _ kiosk.Moment) {
		events = append(events, st.Events(visit)...)
	})
	return events, err
}

// Snapshot is the present state; it is made anew when something has changed.
func (v *view) Snapshot() *screen.Snapshot {
	if v.a.starting() {
		return &screen.Snapshot{Starting: true, Version: v.a.o.Version, Read: v.a.station.Folded(), Head: v.a.journal.Head(), Reasons: v.a.reasons()}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	version := v.a.station.Version()
	if version != v.version || v.version == 0 {
		s := &screen.Snapshot{Ready: true, Version: v.a.o.Version, Plates: map[string]string{}, Tails: map[string]string{}, Risk: map[string]bool{}}
		if err := v.a.station.View(ctx, func(st *floor.State, now kiosk.Moment) { v.fill(s, st, now) }); err != nil {
			return v.snap // the station has ended: this is the last there was
		}
		v.snap, v.version = s, version
	}
	s := *v.snap
	up := v.a.uplink.Status()
	s.Outbox = screen.Outbox{Depth: up.Depth, Oldest: up.Oldest, Receipted: up.Through, Connected: up.Connected}
	s.Paper = int(v.a.station.PaperBehind())
	s.Ready = v.a.station.Broken() == ""
	s.Devices = v.a.devices.list()
	s.Notice = v.a.commands.announced(v.Now())
	s.Reasons = v.a.reasons()
	s.Alarms = slices.Concat(recordAlarms(s.Reasons), v.a.notices.alarms(), v.a.clockAlarms(), v.a.identityAlarms(false))
	return &s
}

func (v *view) fill(s *screen.Snapshot, st *floor.State, now kiosk.Moment) {
	s.Head, s.Clock = st.Next()-1, now.Clock
	s.Bays, s.Visits = st.Bays(now), st.Open(now)
	for _, visit := range s.Visits {
		if st.AtRisk(visit.ID, now) {
			s.Risk[visit.ID] = true
		}
		if p := st.Masked(visit.ID); p != "" {
			s.Plates[visit.ID] = p
		}
		if v := st.VIN(visit.ID); len(v) > screen.TailOf {
			s.Tails[visit.ID] = v[len(v)-screen.TailOf:]
		}
	}
	s.Help = st.Help()
	s.Said = map[string]screen.Said{}
	for place, said := range v.a.station.Said() {
		s.Said[place] = screen.Said{N: said.N, Reply: said.Reply, Real: said.Real}
	}
	s.Lamps = v.a.devices.lamps()
}

// lamps are the lamps as they are lit.
func (d *devices) lamps() map[string]screen.Lamp {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[string]screen.Lamp, len(d.lit))
	for k, l := range d.lit {
		out[k] = l
	}
	return out
}

var _ screen.Station = (*view)(nil)
var _ station.Lamps = (*lamps)(nil)
