package staff

import (
	"cmp"
	"slices"
	"sync"

	"baylight/kiosk"
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
	// BadgeKey is what a board is told instead of Badge (the function BadgeKey).
	BadgeKey string
	Roles    []Role
	Team     string
	PIN      string // verifier, argon2id; "" if the person cannot sign in
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

// Directory finds people by id and by badge. It may be replaced while others ask:
// each question is answered from one list or from the other.
type Directory struct {
	key []byte

	mu            sync.RWMutex
	byID, byBadge map[string]Person
	byHash        map[string]Person // by BadgeKey, of those whose badge is not told
}

// NewDirectory makes a directory of people.
func NewDirectory(people []Person) *Directory { return NewKeyed(people, nil) }

// NewKeyed makes a directory that also finds people by the keyed hash of their
// badge; key is the store's.
func NewKeyed(people []Person, key []byte) *Directory {
	d := &Directory{key: key}
	d.Replace(people)
	return d
}

// Replace makes the directory one of other people.
func (d *Directory) Replace(people []Person) {
	byID, byBadge, byHash := map[string]Person{}, map[string]Person{}, map[string]Person{}
	for _, p := range people {
		byID[p.ID] = p
		switch {
		case p.Badge != "":
			byBadge[p.Badge] = p
		case p.BadgeKey != "":
			byHash[p.BadgeKey] = p
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID, d.byBadge, d.byHash = byID, byBadge, byHash
}

// Person finds somebody by id.
func (d *Directory) Person(id string) (Person, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, ok := d.byID[id]
	return p, ok
}

// Badge finds somebody by the id of their badge.
func (d *Directory) Badge(id string) (Person, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if p, ok := d.byBadge[id]; ok {
		return p, true
	}
	if len(d.byHash) == 0 || id == "" {
		return Person{}, false
	}
	p, ok := d.byHash[BadgeKey(d.key, id)]
	return p, ok
}

// All lists everybody, by id.
func (d *Directory) All() []Person {
	d.mu.RLock()
	ps := make([]Person, 0, len(d.byID))
	for _, p := range d.byID {
		ps = append(ps, p)
	}
	d.mu.RUnlock()
	slices.SortFunc(ps, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
	return ps
}

// BadgeKey is the keyed hash by which a badge is recognised where it is not told:
// whoever reads it cannot print the badge.
func BadgeKey(key []byte, badge string) string { return kiosk.Keyed(key, "badge "+badge) }

// Roles lists every role.
func Roles() []Role { return []Role{Viewer, Adviser, Technician, Inspector, Supervisor, Manager} }
