package settings

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a board may have no zone files

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/calendar"
)

// name is what store, kiosk and person ids look like in topics and events.
var name = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// reserved are the names a kiosk cannot have: they are topics of the store.
var reserved = []string{"backoffice", "office", "visits", "bookings", "staff", "setup", "erasures"}

// hours is the [hours] table: the opening hours of the week, "08:30-18:00" or
// "closed", and exceptions by date.
type hours struct {
	Mon  string            `toml:"mon"`
	Tue  string            `toml:"tue"`
	Wed  string            `toml:"wed"`
	Thu  string            `toml:"thu"`
	Fri  string            `toml:"fri"`
	Sat  string            `toml:"sat"`
	Sun  string            `toml:"sun"`
	Days map[string]string `toml:"days"`
}

// holidays adds the public holidays that a store keeps.
func (p *problems) holidays(name string, c kiosk.Calendar) kiosk.Calendar {
	if name == "" {
		return c
	}
	with, err := calendar.With(c, name)
	if err != nil {
		p.add("store.calendar: %q is not known; it is one of %s, or left out", name, strings.Join(calendar.Names(), ", "))
		return c
	}
	return with
}

func (p *problems) calendar(zone string, h hours) kiosk.Calendar {
	if zone == "" {
		zone = "Asia/Shanghai"
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		p.add("store.zone: %q is no time zone, e.g. \"Asia/Shanghai\"", zone)
		loc = time.UTC
	}
	c := kiosk.ShanghaiWeek(loc)
	for i, s := range []string{h.Sun, h.Mon, h.Tue, h.Wed, h.Thu, h.Fri, h.Sat} {
		if s != "" {
			c.Week[i] = p.open("hours."+strings.ToLower(time.Weekday(i).String()[:3]), s)
		}
	}
	c.Days = map[string]kiosk.Hours{}
	for day, s := range h.Days {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			p.add("hours.days: %q is no date, e.g. \"2026-10-01\"", day)
		}
		c.Days[day] = p.open("hours.days."+day, s)
	}
	return c
}

func (p *problems) open(key, s string) (h kiosk.Hours) {
	if s == "closed" {
		return h
	}
	from, to, ok := strings.Cut(s, "-")
	a, errA := time.Parse("15:04", from)
	b, errB := time.Parse("15:04", to)
	if !ok || errA != nil || errB != nil || !a.Before(b) {
		p.add("%s: %q is not \"08:30-18:00\" or \"closed\"", key, s)
		return h
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	return kiosk.Hours{Open: a.Sub(midnight), Close: b.Sub(midnight)}
}

func (p *problems) need(key, value string, ok bool, want string) {
	if !ok {
		p.add("%s: %q is not valid: %s", key, value, want)
	}
}

// key reads the store's key: at least 32 characters, in a credential or in a file of
// its own. store is its name, "" if it is not known.
func (p *problems) key(what, path, store string) []byte {
	ids := []string{StoreKey}
	if name.MatchString(store) {
		ids = []string{StoreKey + "." + store, StoreKey}
	}
	found := len(p.list)
	k, from := p.secret(what, path, ids...)
	switch {
	case len(k) >= minKey:
		return []byte(k)
	case p.bare, len(p.list) > found:
	case from == "":
		p.add("%s: name the file that holds the store's key (%d or more random characters); %s", what, minKey, p.nowhere(ids))
	default:
		p.add("%s: %s holds %d characters, at least %d are needed", what, from, len(k), minKey)
	}
	return nil
}

// minKey is how long a store's key is at least, in characters.
const minKey = 32

// Key reads a store's key file.
func Key(path string) ([]byte, error) {
	p := &problems{path: path}
	k := p.key("key", path, "")
	return k, p.err()
}

// beside makes a path relative to the folder of the configuration file.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// staffFile is the file of people, apart from the configuration because it
// holds PIN verifiers.
type staffFile struct {
	Schema int `toml:"schema"`
	Person []struct {
		ID    string   `toml:"id"`
		Name  string   `toml:"name"`
		Badge string   `toml:"badge"`
		Roles []string `toml:"roles"`
		Team  string   `toml:"team"`
		PIN   string   `toml:"pin"`
	} `toml:"person"`
}

var roles = []staff.Role{staff.Viewer, staff.Adviser, staff.Technician, staff.Inspector, staff.Supervisor, staff.Manager}

// Staff reads a staff file.
func Staff(path string) ([]staff.Person, error) {
	var f staffFile
	if err := load(path, &f); err != nil {
		return nil, err
	}
	p := problems{path: path}
	p.schema(f.Schema)
	people := make([]staff.Person, 0, len(f.Person))
	seen := map[string]bool{}
	for i, x := range f.Person {
		key := fmt.Sprintf("person %d (%s)", i+1, visible(x.ID))
		p.need(key+" id", x.ID, name.MatchString(x.ID), "a to z, 0 to 9 and -, at most 32")
		if seen[x.ID] || x.Badge != "" && seen["badge "+x.Badge] {
			p.add("%s: id or badge is used twice", key)
		}
		seen[x.ID], seen["badge "+x.Badge] = true, true
		if x.Badge != "" {
			_, err := kiosk.ParseCode(kiosk.MakeCode(kiosk.KindBadge, x.Badge))
			p.need(key+" badge", x.Badge, len(x.Badge) == 10 && err == nil, "the ten middle characters of the badge's code")
		}
		who := staff.Person{ID: x.ID, Name: x.Name, Badge: x.Badge, Team: x.Team, PIN: x.PIN}
		for _, r := range x.Roles {
			p.need(key+" roles", r, slices.Contains(roles, staff.Role(r)), fmt.Sprint("one of ", roles))
			who.Roles = append(who.Roles, staff.Role(r))
		}
		people = append(people, who)
	}
	return people, p.err()
}

func (p *problems) schema(n int) {
	if n != Schema {
		p.add("schema = %d, this program reads schema = %d; it must be the first line", n, Schema)
	}
}
