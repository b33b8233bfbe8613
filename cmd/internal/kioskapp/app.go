package kioskapp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/support"
	"baylight/cmd/internal/task"
	"baylight/device/lamp"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/journal"
	"baylight/kiosk/screen"
	"baylight/kiosk/staff"
	"baylight/kiosk/station"
	"baylight/kiosk/ticket"
	"baylight/sync/identity"
	"baylight/sync/link"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// Options are what differs between the daemon and the demo.
type Options struct {
	Settings *settings.Kiosk
	Version  string
	Log      *slog.Logger
	Clock    clock.Clock
	Pins     lamp.Opener // nil: the pins of this machine, if it has any
	NewID    func(in floor.Input, now kiosk.Moment) string
	Ready    func()               // called once when everything runs
	Burst    func() (over func()) // see station.Config

	ReconnectMin, ReconnectMax time.Duration // 0: those of a store
}

// RandomID is an id for an input that came without one.
func RandomID(floor.Input, kiosk.Moment) string { return rand.Text() }

// app is a kiosk while it is put together and runs.
type app struct {
	o        Options
	set      *settings.Kiosk
	log      *slog.Logger
	topics   wire.Kiosk
	journal  *journal.Journal
	lost     []health.Lost // what was destroyed of it, as this start found it
	source   source
	station  *station.Station
	keeper   *station.Keeper
	link     *link.Link
	board    *identity.Board // nil: the broker is not reached over TLS
	earliest time.Time       // before when it cannot be
	uplink   *uplink.Uplink
	times    *clock.Keeper
	ask      asking
	devices  *devices
	notices  notices
	commands commands
	view     *view
	bookings *bookings
	told     *told
	erasures *erasures
	paper    station.Printer // nil: none
	lights   *lamps
	tasks    []task.Task
	listener net.Listener
	net      *support.Net // what must not leave the shop
	lately   *support.Log // the last lines of the log
	began    time.Time
	meters   *meters
	point    chan struct{} // that everything may show where this board is
}

// Run puts the kiosk together and runs it until ctx ends. A *RecordsError says that
// it was not begun, since nothing could be recorded.
func Run(ctx context.Context, o Options) (err error) {
	a := &app{o: o, set: o.Settings, began: time.Now(), meters: newMeters(), point: make(chan struct{}, 1)}
	a.keepLog()
	if a.listener, err = net.Listen("tcp", a.set.HTTP.Listen); err != nil {
		return fmt.Errorf("open %s for pages: %w", a.set.HTTP.Listen, err)
	}
	defer a.listener.Close()
	if a.journal, err = a.openRecords(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.journal.Close()) }()
	if err := a.keepTime(); err != nil {
		return err
	}
	appended, stop := a.journal.Watch()
	defer stop()
	a.source = source{a.journal, appended, a.renew,
		func(ctx context.Context, in floor.Input) (floor.Reply, error) { return a.station.Do(ctx, in) },
		func() { a.meters.receipt.Store(int64(time.Since(a.began))) }}
	for _, part := range []func() error{a.network, a.obey, a.expect, a.learn, a.forget, a.shop, a.forgetFirst, a.pages, a.socket} {
		if err := part(); err != nil {
			return err
		}
	}
	if dog, ok := task.Watchdog(a.log, a.progress()); ok {
		a.tasks = append(a.tasks, dog)
	}
	return task.Run(ctx, a.log, o.Ready, a.tasks...)
}

// FloorConfig is what the rules of the shop depend on.
func FloorConfig(s *settings.Kiosk) floor.Config {
	c := floor.Config{
		Store: s.Store.Name, Board: s.Name, StoreTag: s.Store.Tag, Letter: s.Letter, Key: s.Store.Key,
		Calendar: s.Store.Calendar, Scanners: map[string]string{}, Staff: staff.NewDirectory(s.Staff),
	}
	for _, b := range s.Bays {
		c.Bays = append(c.Bays, b.Bay)
	}
	for _, sc := range s.Scanners {
		c.Scanners[sc.Name] = sc.Place
	}
	return c
}

// keyID names the store's key in the tickets' QR codes without telling it.
func (a *app) keyID() string { return ticket.KeyID(a.set.Store.Key) }

// key is the store's key by its name in a QR code.
func (a *app) key(id string) []byte {
	if id == a.keyID() {
		return a.set.Store.Key
	}
	return nil
}

// shop makes the station and the devices around it.
func (a *app) shop() error {
	a.devices = newDevices(a.log)
	a.devices.count = a.countScan
	cfg := station.Config{
		Floor: FloorConfig(a.set), Version: a.o.Version, Title: a.set.Store.Title, KeyID: a.keyID(),
		Journal: timed{a.journal, a.meters}, Snapshots: a.journal, Clock: a.o.Clock, NewID: a.o.NewID, Log: a.log, Beep: a.devices.beep,
		Burst: a.o.Burst,
	}
	cfg.Floor.Staff = a.told.people
	cfg.Floor.Calendar, _ = a.told.now()
	var err error
	if cfg.Known, err = a.neighbours(); err != nil {
		return err
	}
	if a.lights, err = a.lamps(); err != nil {
		return err
	}
	cfg.Lamps = a.lights
	if p := a.set.Printer; p != nil {
		a.paper = a.printer(p)
		cfg.Printer, cfg.Name = a.paper, p.Name
	}
	a.station = station.New(cfg)
	a.devices.station = a.station
	a.view = newView(a)
	a.keeper = a.newKeeper(cfg.Floor)
	a.tasks = append(a.tasks, a.station, a.keeper)
	for _, s := range a.set.Scanners {
		a.scanner(s)
	}
	a.tasks = append(a.tasks, a.times, task.Func("clock state", a.watchClock))
	a.tasks = append(a.tasks, task.Func("bay topics", a.publishBays), task.Func("device reports", a.devices.report), task.Func("identify", a.identifyAll))
	return nil
}

// network makes link and uplink.
func (a *app) network() (err error) {
	if a.topics, err = wire.NewKiosk(a.set.Store.Name, a.set.Name); err != nil {
		return err
	}
	conn := func(state wire.State) func(uint64) []byte {
		return func(session uint64) []byte {
			b, err := wire.Conn{State: state, Session: session, Epoch: a.journal.Epoch(), Version: a.o.Version}.Encode()
			if err != nil {
				a.log.Error("connection state", "error", err)
			}
			return b
		}
	}
	a.meters.first = uint64(time.Now().UnixMilli())
	cfg := link.Config{
		Broker: a.set.MQTT.URL, ClientID: a.topics.ClientID(), TLS: a.identity(),
		Credentials:  func() (string, string, error) { return a.set.MQTT.User, a.set.MQTT.Password, nil },
		Presence:     &link.Presence{Topic: a.topics.Conn(), Birth: conn(wire.Ready), Lost: conn(wire.Lost), Bye: conn(wire.Disconnected)},
		FirstSession: a.meters.first,
		Min:          a.o.ReconnectMin, Max: a.o.ReconnectMax,
	}
	a.set.MQTT.Tune(&cfg)
	if a.link, err = link.New(cfg, a.log); err != nil {
		return err
	}
	a.uplink, err = uplink.New(uplink.Config{Kiosk: a.topics, Lost: a.source.lost, Health: a.health, HealthEvery: 10 * time.Second,
		Broker: a.set.MQTT.Broker, Alarm: a.notices.add}, a.source, a.link, a.log)
	if err != nil {
		return err
	}
	a.tasks = append(a.tasks, a.link, a.uplink)
	return a.hearTime()
}

// pages makes the screens.
func (a *app) pages() error {
	people := func() *staff.Directory { return a.told.people }
	setup := func() screen.Setup {
		cal, menu := a.told.now()
		s := screen.Setup{Store: a.set.Store.Title, Calendar: cal, Staff: a.told.people}
		for _, m := range menu {
			s.Menu = append(s.Menu, screen.MenuItem{Code: m.Code, Text: m.Text, Category: m.Category, Payer: m.Payer, Minutes: m.StandardMinutes})
		}
		return s
	}
	h := screen.New(screen.Config{
		Hosts: a.set.HTTP.Hosts, InsecureLAN: a.set.HTTP.InsecureLAN, Log: a.log,
		Setup: setup,
		Door:  staff.NewDoor(people, a.set.Store.Key, time.Now),
		Keys:  a.key,
		Test:  a.try, Identify: a.identify, Lines: a.lately.Lines, Support: a.support, Metrics: a.metrics,
	}, a.view)
	a.tasks = append(a.tasks, &task.Web{Name: "pages", Listener: a.listener, Log: a.log,
		Handler: func(ctx context.Context) *http.Server { return screen.NewServer(ctx, h) }})
	return nil
}
