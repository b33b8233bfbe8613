package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/link"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// Alarms about what the back office says of staff and setup.
const (
	staffRefused uplink.Kind = "staff_refused" // it cannot be right; what was known stays
	setupRefused uplink.Kind = "setup_refused"
	staffLocal   uplink.Kind = "staff_local" // somebody stands in this board's file only
)

// told is what the back office says of people, opening hours and service menu.
// Each is a file beside the journal, written before it is used, so that a board
// that starts without network knows what it knew.
//
// What wins: the board's own files count until the back office has been heard
// once; from then on what it says counts, whole, also without network and after a
// restart. Whoever stands in the board's own file only cannot sign in then, and an
// alarm names them. The time zone, and which bays, scanners and lamps there are,
// is the board's own always: it knows its wires. An office that names nobody
// publishes no staff; an emptied topic changes nothing.
//
// People and menu are used at once, also by the rules of the shop: a badge that
// was held at a bay is held on. Opening hours are used at once on the screens, and
// by the rules of the shop (shift end, unclosed jobs) from the next start on.
type told struct {
	dir    string
	local  []staff.Person
	people *staff.Directory
	alarm  func(uplink.Alarm)
	clear  func(uplink.Kind)
	log    *slog.Logger

	mu       sync.Mutex
	calendar kiosk.Calendar
	menu     []kiosk.Item
}

// learn makes the room and subscribes.
func (a *app) learn() error {
	t := &told{dir: filepath.Join(a.set.Data, "office"), local: a.set.Staff, people: staff.NewKeyed(a.set.Staff, a.set.Store.Key), log: a.log,
		alarm: a.notices.add, clear: a.notices.clear, calendar: a.set.Store.Calendar, menu: a.set.Menu}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return fmt.Errorf("make folder for what the back office says: %w", err)
	}
	for _, name := range []string{staffFile, setupFile} {
		raw, err := os.ReadFile(filepath.Join(t.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read what the back office said: %w", err)
		}
		if err := t.take(name, raw); err != nil {
			a.log.Warn("what the back office said is not readable, it says it again", "file", name, "error", err)
		}
	}
	a.told = t
	store := a.topics.Store()
	a.link.Handle(store.Staff(), wire.QoS, func(_ context.Context, m link.Message) { t.heard(staffFile, staffRefused, m.Payload) })
	a.link.Handle(store.Setup(), wire.QoS, func(_ context.Context, m link.Message) { t.heard(setupFile, setupRefused, m.Payload) })
	return nil
}

// The files.
const (
	staffFile = "staff.json"
	setupFile = "setup.json"
)

// heard takes what the back office says. Whatever cannot be right changes
// nothing and is an alarm until something right comes.
func (t *told) heard(name string, kind uplink.Kind, payload []byte) {
	if len(payload) == 0 {
		return
	}
	err := t.check(name, payload)
	if err == nil {
		err = keepFile(filepath.Join(t.dir, name), payload)
	}
	if err == nil {
		err = t.take(name, payload)
	}
	if err != nil {
		t.log.Warn("refused what the back office says", "of", name, "error", err)
		t.alarm(uplink.Alarm{Kind: kind, Text: err.Error()})
		return
	}
	t.clear(kind)
}

// check says why a payload cannot be right. It changes nothing.
func (t *told) check(name string, payload []byte) error {
	if name == staffFile {
		_, err := wire.DecodeStaff(payload)
		return err
	}
	s, err := wire.DecodeSetup(payload)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if zone := t.calendar.Zone; zone != nil && s.Calendar.Zone != zone.String() {
		return fmt.Errorf("setup is of zone %q, this board keeps %s", s.Calendar.Zone, zone)
	}
	return nil
}

// take uses a payload.
func (t *told) take(name string, payload []byte) error {
	if err := t.check(name, payload); err != nil {
		return err
	}
	if name == staffFile {
		s, err := wire.DecodeStaff(payload)
		if err == nil {
			t.employ(s)
		}
		return err
	}
	s, err := wire.DecodeSetup(payload)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	cal, err := s.Calendar.Calendar(t.calendar.Zone)
	if err != nil {
		return err
	}
	t.calendar = cal
	if len(s.Menu) > 0 { // an office without a menu leaves the board its own
		t.menu = nil
		for _, m := range s.Menu {
			t.menu = append(t.menu, kiosk.Item{Code: m.Code, Text: m.Text, Category: m.Category, Payer: m.Payer, StandardMinutes: m.Minutes})
		}
	}
	return nil
}

// employ makes the people those of the office.
func (t *told) employ(s wire.Staff) {
	people := make([]staff.Person, 0, len(s.People))
	known := map[string]bool{}
	for _, m := range s.People {
		p := staff.Person{ID: m.ID, Name: m.Name, BadgeKey: m.BadgeKey, Team: m.Team, PIN: m.PIN}
		for _, r := range m.Roles {
			p.Roles = append(p.Roles, staff.Role(r))
		}
		people, known[m.ID] = append(people, p), true
	}
	t.people.Replace(people)
	var alone []string
	for _, p := range t.local {
		if !known[p.ID] {
			alone = append(alone, p.ID)
		}
	}
	if len(alone) == 0 {
		t.clear(staffLocal)
		return
	}
	slices.Sort(alone)
	t.alarm(uplink.Alarm{Kind: staffLocal, Text: fmt.Sprintf("the back office does not name %s, who stand in this board's staff file: they cannot sign in; add them at the back office, or take them out of the file",
		strings.Join(alone[:min(len(alone), 10)], ", "))})
}

// now is what is known of hours and menu.
func (t *told) now() (kiosk.Calendar, []kiosk.Item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calendar, t.menu
}

// keepFile writes a file so that a power cut leaves the old one or the new one.
func keepFile(path string, payload []byte) error {
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
		var d *os.File
		if d, err = os.Open(filepath.Dir(path)); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", filepath.Base(path), err)
	}
	return nil
}
