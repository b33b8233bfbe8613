package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// NewBadge asks for a badge that nobody has had.
const NewBadge = "new"

// officeLetter stands in badges where the letter of a board stands in tickets.
const officeLetter = 'Z'

// Change is what is asked to be changed of one person; nil leaves as it is.
type Change struct {
	ID     string        `json:"id"`
	Name   *string       `json:"name"`
	Badge  *string       `json:"badge"` // the ten middle characters of its code, NewBadge, or "" for none
	Roles  *[]staff.Role `json:"roles"`
	Team   *string       `json:"team"`
	PIN    *string       `json:"pin"` // digits; "" for none
	Remove bool          `json:"remove"`
	By     string        `json:"by"` // who says so, with the token only
}

// Wrong is a change that cannot be; Field says of what.
type Wrong struct {
	Field, Detail string
	Conflict      bool // it could be if others were not as they are
}

func (w *Wrong) Error() string { return w.Field + ": " + w.Detail }

func wrong(field, format string, args ...any) *Wrong {
	return &Wrong{Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Change changes a person, as by says. It returns once the change is durable, and
// goes on if whoever asked has left. With ErrNotHeld of the back office nothing was
// changed: another office has the store.
func (r *Roster) Change(ctx context.Context, by string, c Change) (Person, error) {
	next, err := r.next(by, c)
	if err != nil {
		return Person{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patient)
	defer cancel()
	var e entry
	if err := r.revise(ctx, func(s *state) (bool, error) {
		people := s.people(r)
		before, there := find(people, c.ID)
		e = next(before)
		if err := fits(people, len(s.changed), before, there, e); err != nil {
			return false, err
		}
		s.changed[e.ID] = e
		return true, s.owe(by, "staff "+c.ID+": "+c.what())
	}); err != nil {
		return Person{}, err
	}
	r.Log.Info("staff changed", "store", r.Store, "who", c.ID, "by", by, "what", c.what())
	// The change stands. That it is not recorded is said, and made up for by Run,
	// here or at the office that has taken the store just now.
	if err := r.settle(ctx); err != nil && !errors.Is(err, backoffice.ErrNotHeld) {
		return Person{}, fmt.Errorf("record change of %s: it is in force, but not in the ledger yet: %w", c.ID, err)
	}
	return r.shown(e), nil
}

// what names what a change changes, without telling it.
func (c Change) what() string {
	if c.Remove {
		return "removed"
	}
	var out []string
	for name, asked := range map[string]bool{"name": c.Name != nil, "badge": c.Badge != nil, "roles": c.Roles != nil, "team": c.Team != nil, "pin": c.PIN != nil} {
		if asked {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// next checks a change by itself, and is what it makes of a person. It hashes
// the PIN, which takes a while: the caller does not hold the lock.
func (r *Roster) next(by string, c Change) (func(staff.Person) entry, error) {
	if wire.CheckName(c.ID) != nil {
		return nil, wrong("id", "id %.40q is not 1 to 32 of a-z, 0-9 and -", c.ID)
	}
	if c.what() == "" {
		return nil, wrong("id", "nothing of %s is to be changed", c.ID)
	}
	if c.Roles != nil {
		for _, x := range *c.Roles {
			if !slices.Contains(staff.Roles(), x) {
				return nil, wrong("roles", "role %.40q is not one of %v", x, staff.Roles())
			}
		}
	}
	badge := c.Badge
	if badge != nil && *badge == NewBadge {
		id := kiosk.MakeID(r.Tag, officeLetter, r.Now(), r.Random())
		badge = &id
	} else if badge != nil && *badge != "" {
		code, err := kiosk.ParseCode(kiosk.MakeCode(kiosk.KindBadge, *badge))
		if err != nil || len(*badge) != 10 || code.ID != *badge {
			return nil, wrong("badge", "badge %.40q is not the ten middle characters of a badge's code, or %q", *badge, NewBadge)
		}
	}
	pin := ""
	if c.PIN != nil && *c.PIN != "" {
		var err error
		if pin, err = staff.HashPIN(r.Key, *c.PIN); err != nil {
			return nil, wrong("pin", "%v", err)
		}
	}
	e := entry{At: r.Now(), By: by}
	return func(p staff.Person) entry {
		e.ID, e.Name, e.Badge, e.Roles, e.Team, e.PIN = c.ID, p.Name, p.Badge, p.Roles, p.Team, p.PIN
		if c.Remove {
			e.Removed, e.Name, e.Badge, e.PIN = true, "", "", "" // what is not needed is not kept
			return e
		}
		set(&e.Name, c.Name)
		set(&e.Badge, badge)
		set(&e.Team, c.Team)
		set(&e.Roles, c.Roles)
		if c.PIN != nil {
			e.PIN = pin
		}
		return e
	}, nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func find(people []staff.Person, id string) (staff.Person, bool) {
	i := slices.IndexFunc(people, func(p staff.Person) bool { return p.ID == id })
	if i < 0 {
		return staff.Person{ID: id}, false
	}
	return people[i], true
}

// fits checks what a change makes of a person against everybody else, of whom so
// many were changed here.
func fits(people []staff.Person, changed int, before staff.Person, there bool, e entry) error {
	if e.Removed && !there {
		return &Wrong{"id", fmt.Sprintf("nobody here is %s", e.ID), true}
	}
	if !there && e.Name == "" {
		return wrong("name", "a new person needs a name")
	}
	if err := (wire.Staff{People: []wire.Member{{ID: e.ID, Name: e.Name, Team: e.Team}}}).Check(); err != nil {
		return wrong("name", "%v", err)
	}
	if !there && len(people) >= wire.MaxPeople || changed >= 4*wire.MaxPeople {
		return &Wrong{"id", fmt.Sprintf("%d people work here; there is room for no more", len(people)), true}
	}
	for _, p := range people {
		if e.Badge != "" && p.Badge == e.Badge && p.ID != e.ID {
			return &Wrong{"badge", "the badge is " + p.ID + "'s", true}
		}
	}
	manages := func(p staff.Person) bool { return p.Has(staff.Manager) && p.PIN != "" }
	last := manages(before) && !slices.ContainsFunc(people, func(p staff.Person) bool { return p.ID != e.ID && manages(p) })
	if last && (e.Removed || !manages(e.person())) {
		return &Wrong{"id", e.ID + " is the last manager who can sign in", true}
	}
	return nil
}
