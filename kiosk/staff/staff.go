package staff

import (
	"cmp"
	"slices"
)

// Role is what a person may do.
type Role string

// The roles of DOMAIN §1; Viewer may only look.
const (
	Viewer     Role = "viewer"
	Adviser    Role = "adviser"
	Technician Role = "technician"
	Inspector  Role = "inspector"
	Supervisor Role = "supervisor"
	Manager    Role = "manager"
)

// Person is a member of staff. One person may have several roles.
type Person struct {
	ID    string // appears in events, e.g. "t07"; [a-z0-9-]{1,32}
	Name  string // shown to staff only
	Badge string // id of the badge: the ten middle characters of its code
	Roles []Role
	Team  string
	PIN   string // verifier, argon2id; "" if the person cannot sign in
}

// Has says whether the person has one of the roles.
func (p Person) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

// Only says whether r is the person's one role at a bay: an inspector-only
// badge is not a technician's.
func (p Person) Only(r Role) bool {
	return p.Has(r) && !slices.ContainsFunc(p.Roles, func(q Role) bool {
		return q != r && (q == Technician || q == Inspector || q == Supervisor)
	})
}

// Directory finds people by id and by badge.
type Directory struct {
	byID, byBadge map[string]Person
}

// NewDirectory makes a directory of people.
func NewDirectory(people []Person) *Directory {
	d := &Directory{byID: map[string]Person{}, byBadge: map[string]Person{}}
	for _, p := range people {
		d.byID[p.ID] = p
		if p.Badge != "" {
			d.byBadge[p.Badge] = p
		}
	}
	return d
}

// Person finds somebody by id.
func (d *Directory) Person(id string) (Person, bool) { p, ok := d.byID[id]; return p, ok }

// Badge finds somebody by the id of their badge.
func (d *Directory) Badge(id string) (Person, bool) { p, ok := d.byBadge[id]; return p, ok }

// All lists everybody, by id.
func (d *Directory) All() []Person {
	ps := make([]Person, 0, len(d.byID))
	for _, p := range d.byID {
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
	return ps
}
