package screen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/promtext"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

var (
	shanghai = time.FixedZone("CST", 8*3600)
	pepper   = []byte("the store's key")
	morning  = time.Date(2026, 11, 21, 9, 0, 0, 0, shanghai)
)

// shop is a station that keeps its events in memory: the real floor behind the
// real pages, with a clock that tests move.
type shop struct {
	mu       sync.Mutex
	state    *floor.State
	now      kiosk.Moment
	real     time.Time
	n        int
	events   []kiosk.Event
	inputs   []floor.Input
	prepared floor.CheckInForm
	said     map[string]Said
	devices  []Device
	help     []string
	starting bool   // the records are being read,
	read     uint64 // so many of 99
	fail     error  // what Do returns instead of doing anything
	subs     map[chan struct{}]bool
	before   int                       // customer's screens that are open
	bookings map[string]*floor.Booking // by the text that finds them
}

// pin2468 is a verifier of 2468 that takes little time and memory.
const pin2468 = "$argon2id$v=19$m=64,t=1,p=1$c2FsdCBmb3IgdGVzdHM$peo2V++V45cxbWoMDJHGx12+ywI6LDC5H8GU1XS7m6I"

func people() []staff.Person {
	return []staff.Person{
		{ID: "a01", Name: "王顾问", Badge: "0A70000A01", Roles: []staff.Role{staff.Adviser}, PIN: pin2468},
		{ID: "s01", Name: "李主管", Badge: "0A70000S01", Roles: []staff.Role{staff.Supervisor}, PIN: pin2468},
		{ID: "t07", Name: "张师傅", Badge: "0A70000T07", Roles: []staff.Role{staff.Technician}, PIN: pin2468},
	}
}

func newShop(dir *staff.Directory) *shop {
	cfg := floor.Config{
		Store: "sh-pudong", Board: "k1", StoreTag: "0A7", Letter: 'A', Key: []byte("key"), Calendar: kiosk.ShanghaiWeek(shanghai),
		Bays:     []floor.Bay{{ID: "b1", Name: "1号工位"}, {ID: "b2", Name: "2号工位"}, {ID: "b3", Name: "3号工位"}, {ID: "b4", Name: "4号工位"}},
		Scanners: map[string]string{"s1": "b1", "s2": "b2", "s3": "b3", "rec": floor.Reception}, Staff: dir,
	}
	return &shop{state: floor.New(cfg, "epoch"), said: map[string]Said{}, subs: map[chan struct{}]bool{}, real: morning,
		now: kiosk.Moment{Wall: morning, Boot: "boot", Up: time.Hour, Clock: kiosk.Synced},
		devices: []Device{
			{Name: "bay1", Kind: "scanner", Up: true, Since: morning, Last: "12 B"},
			{Name: "ticket", Kind: "printer", Up: true, Since: morning},
			{Name: "lamps", Kind: "lamps", Up: true, Since: morning},
		}}
}

func (s *shop) Do(_ context.Context, in floor.Input) (floor.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inputs = append(s.inputs, in)
	if s.fail != nil {
		return floor.Reply{}, s.fail
	}
	events, reply := s.state.Step(in, s.now)
	s.events = append(s.events, events...)
	switch in := in.(type) {
	case floor.CallHelp:
		s.help = append(s.help, in.Place)
	case floor.ClearHelp:
		s.help = slices.DeleteFunc(s.help, func(p string) bool { return p == in.Place })
	case floor.Scan:
		s.said[reply.Place] = Said{N: s.said[reply.Place].N + 1, Reply: reply, Real: s.real}
	}
	for c := range s.subs {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return reply, nil
}

func (s *shop) Snapshot() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starting {
		return &Snapshot{Starting: true, Version: "1.0-test", Read: s.read, Head: 99, Reasons: []health.Reason{{Level: health.Degraded, Code: "starting", Text: words.Say("health.starting")}}}
	}
	snap := &Snapshot{Ready: true, Version: "1.0-test", Head: s.state.Next() - 1, Bays: s.state.Bays(s.now), Visits: s.state.Open(s.now),
		Plates: map[string]string{}, Tails: map[string]string{}, Risk: map[string]bool{}, Said: map[string]Said{}, Help: slices.Clone(s.help), Lamps: map[string]Lamp{}, Devices: slices.Clone(s.devices),
		Outbox: Outbox{Depth: 3, Oldest: 1500 * time.Millisecond, Receipted: 7, Connected: true}, Paper: 1, Clock: kiosk.Synced,
		Reasons: []health.Reason{{Level: health.Degraded, Code: "printer.paper", Text: words.Say("health.printer.paper", "ticket")}, {Level: health.Degraded, Code: "printer.paper"}}}
	for _, v := range snap.Visits {
		snap.Risk[v.ID] = s.state.AtRisk(v.ID, s.now)
		if p := s.state.Masked(v.ID); p != "" {
			snap.Plates[v.ID] = p
		}
		if n := s.state.VIN(v.ID); n != "" {
			snap.Tails[v.ID] = n[len(n)-TailOf:]
		}
	}
	for p, said := range s.said {
		snap.Said[p] = said
	}
	colours := map[floor.LampState]string{floor.LampFree: "white", floor.LampWorking: "green", floor.LampReady: "blue", floor.LampHelp: "red",
		floor.LampLate: "red", floor.LampWaiting: "amber", floor.LampRisk: "amber"}
	for _, b := range snap.Bays {
		snap.Lamps[b.Bay.ID] = Lamp{Colour: colours[b.State], Blink: b.Help || b.Warn}
	}
	return snap
}

func (s *shop) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	s.subs[c] = true
	s.mu.Unlock()
	return c, func() {
		s.mu.Lock()
		delete(s.subs, c)
		s.mu.Unlock()
	}
}

func (s *shop) Prepare(f floor.CheckInForm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = f
}

func (s *shop) Attend() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.before--
	}
}

func (s *shop) Expected(text string) *floor.Booking {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bookings[text]
}

func (s *shop) Timeline(_ context.Context, visit string) ([]kiosk.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Events(visit), nil
}

func (s *shop) Now() kiosk.Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shop) NewID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return fmt.Sprintf("id-%04d", s.n)
}

func (s *shop) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.real = s.now.Add(d), s.real.Add(d)
}

func (s *shop) realNow() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.real
}

// scan plays a scan, a little after the last one.
func (s *shop) scan(scanner, text string) floor.Reply {
	s.pass(4 * time.Second)
	r, _ := s.Do(context.Background(), floor.Scan{ID: s.NewID(), Scanner: scanner, Text: text, CheckIn: s.prepared, Ask: s.before > 0, Booking: s.bookings[text]})
	return r
}

func (s *shop) count(of kiosk.Type) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Type() == of {
			n++
		}
	}
	return n
}

func (s *shop) last() floor.Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inputs) == 0 {
		return nil
	}
	return s.inputs[len(s.inputs)-1]
}

var errDisk = errors.New("disk full")

var menu = []MenuItem{
	{Code: "M10", Text: "更换机油机滤", Category: kiosk.Maintenance, Payer: "customer", Minutes: 40},
	{Code: "M20", Text: "两万公里保养", Category: kiosk.FreeMaintenance, Payer: "manufacturer", Minutes: 90},
	{Code: "W07", Text: "更换刹车片", Category: kiosk.Warranty, Payer: "manufacturer", Minutes: 60},
	{Code: "R30", Text: "空调不制冷检修", Category: kiosk.Minor, Payer: "customer", Minutes: 75},
	{Code: "A01", Text: "前保险杠喷漆", Category: kiosk.Accident, Payer: "customer", Minutes: 240},
}

// open makes the pages of a new shop.
func open(t testing.TB) (*shop, Config) {
	t.Helper()
	dir := staff.NewDirectory(people())
	s := newShop(dir)
	return s, Config{Hosts: []string{"kiosk1.local"}, Metrics: func(w *promtext.Writer) { w.One("baylight_more", promtext.Gauge, "More.", 7) }, Real: s.realNow, Lang: words.ZH,
		Door: staff.NewDoor(func() *staff.Directory { return dir }, pepper, s.realNow),
		Setup: func() Setup {
			return Setup{Store: "晨光汽车服务中心", Calendar: kiosk.ShanghaiWeek(shanghai), Menu: menu, Staff: dir}
		}}
}
