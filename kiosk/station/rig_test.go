package station_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/kiosk/staff"
	"baylight/kiosk/station"
	"baylight/kiosk/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	shanghai = time.FixedZone("CST", 8*3600)
	morning  = kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 0, 0, 0, shanghai), Boot: "boot-1", Up: time.Hour, Clock: kiosk.Synced}
	errBoom  = errors.New("boom")
	errDead  = errors.New("the power is cut")
)

func badge(id string) string { return kiosk.MakeCode(kiosk.KindBadge, "0A7A0000"+strings.ToUpper(id)) }

func card(visit string) string { return kiosk.MakeCode(kiosk.KindVisit, visit) }

func action(a kiosk.Action) string { return kiosk.ActionCode("0A7", a) }

func floorConfig() floor.Config {
	people := []staff.Person{
		{ID: "t1", Roles: []staff.Role{staff.Technician}},
		{ID: "t2", Roles: []staff.Role{staff.Technician}},
		{ID: "q1", Roles: []staff.Role{staff.Inspector}},
		{ID: "s1", Roles: []staff.Role{staff.Supervisor}},
		{ID: "a1", Roles: []staff.Role{staff.Adviser}},
	}
	for i := range people {
		people[i].Badge = "0A7A0000" + strings.ToUpper(people[i].ID)
	}
	return floor.Config{
		Store: "sh-pudong", Board: "k1", StoreTag: "0A7", Letter: 'A', Key: []byte("test key"),
		Calendar: kiosk.ShanghaiWeek(shanghai),
		Bays:     []floor.Bay{{ID: "b1"}, {ID: "b2"}, {ID: "b3"}},
		Scanners: map[string]string{"sb1": "b1", "sb2": "b2", "sb3": "b3", "srec": floor.Reception},
		Staff:    staff.NewDirectory(people),
	}
}

// disk is a real journal whose writes a test can hold up, fail or cut off. It
// folds what became durable into a state of its own, which decides what may be
// seen.
type disk struct {
	*journal.Journal
	append atomic.Pointer[func(do func() error) error]              // nil: do
	cursor atomic.Pointer[func(name string, do func() error) error] // nil: do
	dead   atomic.Bool                                              // nothing reaches the disk any more

	head    atomic.Uint64
	appends atomic.Int64
	sets    atomic.Int64
	durable *floor.State // belongs to the station's goroutine
}

// AppendSeq stores while the sequence goes on, unless a test has a hand in the
// commit: then all of it is decided before.
func (d *disk) AppendSeq(groups iter.Seq[[]kiosk.Event]) error {
	f := d.append.Load()
	if f == nil {
		before := d.Journal.Head()
		err := d.store(groups)
		if d.Journal.Head() > before {
			d.appends.Add(1)
		}
		return err
	}
	made := slices.Collect(groups)
	if len(slices.Concat(made...)) == 0 {
		return nil
	}
	d.appends.Add(1)
	return (*f)(func() error { return d.store(slices.Values(made)) })
}

func (d *disk) store(groups iter.Seq[[]kiosk.Event]) error {
	if d.dead.Load() {
		return errDead
	}
	var all []kiosk.Event
	err := d.Journal.AppendSeq(func(yield func([]kiosk.Event) bool) {
		for events := range groups {
			all = append(all, events...)
			if !yield(events) {
				return
			}
		}
	})
	if err != nil || len(all) == 0 {
		return err
	}
	for _, e := range all {
		d.durable.Replay(e)
	}
	d.head.Store(d.Journal.Head())
	return nil
}

func (d *disk) SetCursor(name string, v uint64) error {
	d.sets.Add(1)
	do := func() error {
		if d.dead.Load() {
			return errDead
		}
		return d.Journal.SetCursor(name, v)
	}
	if f := d.cursor.Load(); f != nil {
		return (*f)(name, do)
	}
	return do()
}

func (d *disk) onAppend(f func(do func() error) error) { d.append.Store(&f) }

func (d *disk) onCursor(f func(name string, do func() error) error) { d.cursor.Store(&f) }

// tower are lamps that hold each change against what is durable.
type tower struct {
	t     testing.TB
	d     *disk
	clock station.Clock
	lit   sync.Map // bay → station.Lamp
	sets  atomic.Int64
}

func (w *tower) Set(bay string, l station.Lamp) {
	w.sets.Add(1)
	w.lit.Store(bay, l)
	for _, b := range w.d.durable.Bays(w.clock.Now()) {
		if b.Bay.ID == bay && station.LampOf(b) != l {
			w.t.Errorf("lamp %s shows %v, what is durable says %v", bay, l, station.LampOf(b))
		}
	}
}

func (w *tower) of(bay string) station.Lamp {
	l, _ := w.lit.Load(bay)
	lamp, _ := l.(station.Lamp)
	return lamp
}

// press is a printer; print decides what becomes of the nth attempt, from 1.
type press struct {
	mu       sync.Mutex
	attempts int
	left     []string // kinds of the documents that left the printer; copies have a star
	ids      []string // their ids
	print    func(ctx context.Context, d ticket.Document, n int) (floor.PrintOutcome, error)
}

func (p *press) Print(ctx context.Context, d ticket.Document) (floor.PrintOutcome, error) {
	p.mu.Lock()
	p.attempts++
	n := p.attempts
	p.mu.Unlock()
	out, err := floor.PrintConfirmed, error(nil)
	if p.print != nil {
		out, err = p.print(ctx, d, n)
	}
	if err == nil {
		name := string(d.Kind)
		if d.Copy {
			name += "*"
		}
		p.mu.Lock()
		p.left, p.ids = append(p.left, name), append(p.ids, d.ID)
		p.mu.Unlock()
	}
	return out, err
}

func (p *press) prints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.left)
}

// rig is one kiosk. Its parts may be changed before start.
type rig struct {
	*station.Station
	t     testing.TB
	ctx   context.Context
	path  string
	clock *clock.Lead
	disk  *disk
	tower *tower
	cfg   station.Config
	end   context.CancelFunc
	ran   chan error
	n     int
}

func newRig(t testing.TB, path string) *rig {
	t.Helper()
	j, err := journal.Open(path, journal.Options{Source: kiosk.KioskSource("sh-pudong", "k1")})
	if err != nil {
		t.Fatal(err)
	}
	lead, err := clock.NewLead(morning, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, path: path, clock: lead, disk: &disk{Journal: j, durable: floor.New(floorConfig(), j.Epoch())}}
	r.disk.head.Store(j.Head())
	if err := j.Replay(0, func(e kiosk.Event) error { r.disk.durable.Replay(e); return nil }); err != nil {
		t.Fatal(err)
	}
	r.tower = &tower{t: t, d: r.disk, clock: lead}
	r.cfg = station.Config{Floor: floorConfig(), Version: "test", Title: "浦东店", KeyID: "key", Name: "printer",
		Journal: r.disk, Clock: lead, Lamps: r.tower}
	return r
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "journal.db") }

// start runs the station and waits until it is ready.
func (r *rig) start() *rig {
	r.t.Helper()
	r.Station = station.New(r.cfg)
	var ctx context.Context
	r.ctx = context.Background()
	ctx, r.end = context.WithCancel(r.ctx)
	r.ran = make(chan error, 1)
	go func() { r.ran <- r.Run(ctx) }()
	select {
	case <-r.Ready():
	case err := <-r.ran:
		r.t.Fatalf("Run = %v", err)
	}
	return r
}

// stop ends the station and closes the journal.
func (r *rig) stop() {
	r.t.Helper()
	r.end()
	if err := <-r.ran; err != nil {
		r.t.Errorf("Run = %v", err)
	}
	r.close()
}

func (r *rig) close() {
	r.t.Helper()
	if err := errors.Join(r.disk.Close(), r.clock.Close()); err != nil {
		r.t.Error(err)
	}
}

// cut ends the station as a power cut does: nothing reaches the disk any more.
func (r *rig) cut() {
	r.t.Helper()
	r.disk.dead.Store(true)
	r.stop()
}

func (r *rig) advance(d time.Duration) {
	r.t.Helper()
	if err := r.clock.Advance(d); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) id() string {
	r.n++
	return fmt.Sprintf("id-%d-%d", r.disk.Head(), r.n)
}

func (r *rig) do(in floor.Input) floor.Reply {
	r.t.Helper()
	reply, err := r.Do(r.ctx, in)
	if err != nil || !reply.Good {
		r.t.Fatalf("%T: %+v, %v", in, reply, err)
	}
	return reply
}

func (r *rig) scan(scanner, text string) floor.Reply {
	r.t.Helper()
	return r.do(floor.Scan{ID: r.id(), Scanner: scanner, Text: text})
}

func (r *rig) checkIn(plate string) (visit string) {
	r.t.Helper()
	return r.do(floor.CheckIn{ID: r.id(), Plate: plate}).Visit
}

func (r *rig) sign(visit string, promise time.Duration) {
	r.t.Helper()
	r.do(floor.Sign{ID: r.id(), By: "a1", Visit: visit, Promise: r.clock.Now().Wall.Add(promise),
		Items: []kiosk.Item{{Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
}

// types are the types of the events on disk.
func (r *rig) types(after uint64) (types []kiosk.Type) {
	r.t.Helper()
	for _, e := range r.events() {
		if e.Seq > after {
			types = append(types, e.Type())
		}
	}
	return types
}

func (r *rig) events() (events []kiosk.Event) {
	r.t.Helper()
	if err := r.disk.Replay(0, func(e kiosk.Event) error { events = append(events, e); return nil }); err != nil {
		r.t.Fatal(err)
	}
	return events
}

// picture is what a state shows.
type picture struct {
	Next   uint64
	Bays   []floor.BayView
	Open   []kiosk.Visit
	Events map[string][]string
}

func draw(st *floor.State, now kiosk.Moment) picture {
	p := picture{Next: st.Next(), Bays: st.Bays(now), Events: map[string][]string{}}
	for _, v := range st.Open(now) {
		p.Open = append(p.Open, *v)
		for _, e := range st.Events(v.ID) {
			p.Events[v.ID] = append(p.Events[v.ID], e.ID())
		}
	}
	return p
}

func (r *rig) picture() (p picture) {
	r.t.Helper()
	if err := r.View(r.ctx, func(st *floor.State, now kiosk.Moment) { p = draw(st, now) }); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// sameAsDisk holds what the station shows against a replay of what is on disk.
func (r *rig) sameAsDisk() {
	r.t.Helper()
	st := floor.New(floorConfig(), r.disk.Epoch())
	for _, e := range r.events() {
		st.Replay(e)
	}
	want := draw(st, r.clock.Now())
	if d := cmp.Diff(want, r.picture(), everything); d != "" {
		r.t.Errorf("state is not what is on disk (-disk +station):\n%s", d)
	}
	for _, b := range want.Bays {
		if got := r.tower.of(b.Bay.ID); got != station.LampOf(b) {
			r.t.Errorf("lamp %s shows %v, want %v", b.Bay.ID, got, station.LampOf(b))
		}
	}
}

// pass lets d of the bubble's time pass, and all that it wakes come to rest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

var everything = cmp.Exporter(func(reflect.Type) bool { return true })

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got, everything); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
