package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
	"baylight/kiosk/vin"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// maxBookedDays bounds how many days are kept; those farthest ahead go first.
const maxBookedDays = 32

// bookings is what the store expects, as the back office last said. Each day is a
// file beside the journal, written before it is used, so that a booking is found
// without network and after a restart. It holds no name, number, VIN or plate in
// clear, and what is over is deleted.
type bookings struct {
	dir   string
	key   []byte
	keys  func(id string) []byte
	today func() (day string, known bool) // store-local; known: the clock can be trusted
	log   *slog.Logger

	mu   sync.Mutex
	days map[string]wire.Bookings
	tidy string // the day on which what is over was last deleted
}

// expect makes the room for bookings and subscribes to them.
func (a *app) expect() error {
	zone := a.set.Store.Calendar.Zone
	if zone == nil {
		zone = time.UTC
	}
	b := &bookings{dir: filepath.Join(a.set.Data, "bookings"), key: a.set.Store.Key, keys: a.key, log: a.log, days: map[string]wire.Bookings{},
		today: func() (string, bool) {
			now := a.o.Clock.Now()
			return now.Wall.In(zone).Format(time.DateOnly), now.Clock != kiosk.Unset
		}}
	if err := b.load(); err != nil {
		return err
	}
	a.bookings = b
	a.link.Handle(a.topics.Store().AllBookings(), wire.QoS, func(_ context.Context, m link.Message) { b.heard(m) })
	return nil
}

// load reads what was kept. A file that cannot be read is set aside with a word:
// the broker has the day still.
func (b *bookings) load() error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return fmt.Errorf("make folder for bookings: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(b.dir, "*.json"))
	if err != nil {
		return fmt.Errorf("list bookings: %w", err)
	}
	for _, name := range files[max(0, len(files)-maxBookedDays):] {
		raw, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read bookings: %w", err)
		}
		day, err := wire.DecodeBookings(raw)
		if err != nil || day.Day+".json" != filepath.Base(name) {
			b.log.Warn("bookings kept on disk are not readable, the back office sends them again", "file", name, "error", err)
			continue
		}
		b.days[day.Day] = day
	}
	b.clean()
	return nil
}

// heard takes a day's bookings from the back office. Whatever cannot be right
// changes nothing.
func (b *bookings) heard(m link.Message) {
	if err := b.take(m.Topic, m.Payload); err != nil {
		b.log.Warn("bookings refused", "topic", m.Topic, "error", err)
	}
}

func (b *bookings) take(topic string, payload []byte) error {
	t, err := wire.ParseTopic(topic)
	if err != nil || t.Kind != wire.KindBookings {
		return errors.Join(err, errors.New("no topic of bookings"))
	}
	if _, err := time.Parse(time.DateOnly, t.Name); err != nil {
		return fmt.Errorf("day %q of the topic: %w", t.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(payload) == 0 {
		delete(b.days, t.Name)
		return b.remove(t.Name)
	}
	day, err := wire.DecodeBookings(payload)
	if err != nil {
		return err
	}
	if day.Day != t.Name {
		return fmt.Errorf("bookings of %s came as those of %s", day.Day, t.Name)
	}
	if today, known := b.today(); known && day.Day < today {
		return nil // over
	}
	if err := b.keep(day.Day, payload); err != nil {
		return err
	}
	b.days[day.Day] = day
	b.clean()
	return nil
}

// keep writes a day's file so that a power cut leaves the old one or the new one.
func (b *bookings) keep(day string, payload []byte) error {
	path := b.path(day)
	err := func() error {
		f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(payload)
		return errors.Join(err, f.Sync(), f.Close())
	}()
	if err == nil {
		err = os.Rename(path+".part", path)
	}
	if err == nil {
		err = b.settle()
	}
	if err != nil {
		return fmt.Errorf("keep bookings of %s: %w", day, err)
	}
	return nil
}

// settle makes the folder's own entries durable.
func (b *bookings) settle() error {
	d, err := os.Open(b.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (b *bookings) path(day string) string { return filepath.Join(b.dir, day+".json") }

func (b *bookings) remove(day string) error {
	if err := os.Remove(b.path(day)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete bookings of %s: %w", day, err)
	}
	return nil
}

// clean deletes what is over and, beyond the bound, what is farthest ahead. The
// caller holds the lock, or is alone.
func (b *bookings) clean() {
	today, known := b.today()
	if known {
		b.tidy = today
	}
	days := slices.Sorted(maps.Keys(b.days))
	for i, day := range days {
		if known && day < today || i >= maxBookedDays {
			delete(b.days, day)
			if err := b.remove(day); err != nil {
				b.log.Warn("old bookings", "error", err)
			}
		}
	}
}

// scanned is the booking that a code read at reception means, or what is wrong
// with it (floor.Refusals); neither if it means none.
func (b *bookings) scanned(text string) (*floor.Booking, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	today := b.begin()
	if kiosk.IsBookingPass(text) {
		return b.pass(today, text)
	}
	code := kiosk.BookedCode(b.key, text)
	if one := b.find(today, func(o wire.Booking) bool { return o.CodeKey == code }); one != nil {
		return one, ""
	}
	for day := range b.days {
		if day != today && b.find(day, func(o wire.Booking) bool { return o.CodeKey == code }) != nil {
			return nil, floor.RefusedBookingDay
		}
	}
	return b.car(today, text), ""
}

// pass is the booking of a signed code.
func (b *bookings) pass(today, text string) (*floor.Booking, string) {
	p, err := kiosk.ReadBookingPass(text, b.keys)
	switch {
	case errors.Is(err, kiosk.ErrPassKey):
		return nil, floor.RefusedBookingForeign
	case err != nil:
		return nil, floor.RefusedBookingForged
	case p.Day != strings.ReplaceAll(today, "-", ""):
		return nil, floor.RefusedBookingDay
	}
	if one := b.find(today, func(o wire.Booking) bool { return o.ID == p.Booking }); one != nil {
		return one, ""
	}
	return nil, floor.RefusedBookingUnknown
}

// car is today's booking of a VIN or a plate, nil if there is none.
func (b *bookings) car(today, text string) *floor.Booking {
	if v, _, err := vin.Parse(text); err == nil {
		text = string(v)
	} else if found := vin.Candidates(text); len(found) == 1 {
		text = string(found[0])
	} else if p, _, err := vin.ParsePlate(text); err == nil {
		key := kiosk.BookedPlate(b.key, string(p))
		return b.find(today, func(o wire.Booking) bool { return o.PlateKey == key })
	}
	vehicle := kiosk.Keyed(b.key, text)
	return b.find(today, func(o wire.Booking) bool { return o.Vehicle == vehicle })
}

// expected is today's booking of a plate or VIN that somebody typed.
func (b *bookings) expected(text string) *floor.Booking {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.car(b.begin(), text)
}

// begin is today; on a new day what is over is deleted first.
func (b *bookings) begin() string {
	today, known := b.today()
	if known && today != b.tidy {
		b.clean()
	}
	return today
}

func (b *bookings) find(day string, is func(wire.Booking) bool) *floor.Booking {
	for _, o := range b.days[day].Bookings {
		if is(o) {
			return &floor.Booking{ID: o.ID, At: o.At, Plate: o.Plate, Vehicle: o.Vehicle, Purpose: o.Purpose}
		}
	}
	return nil
}

// ours is the visit's code if text is the signed QR code of one of our tickets;
// else text as it is, with what is wrong with it if it claims to be one.
func (a *app) ours(text string) (code, refused string) {
	t, err := ticket.VerifyToken(text, a.key)
	switch {
	case err == nil:
		return t.Code(), ""
	case !ticket.IsToken(text):
		return text, ""
	case errors.Is(err, ticket.ErrTokenKey):
		return text, floor.RefusedTicketForeign
	}
	return text, floor.RefusedTicketForged
}
