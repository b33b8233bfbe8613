package staff

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"baylight/kiosk"
)

// ErrRefused says that badge and PIN do not belong together. It does not say
// which of them is wrong.
var ErrRefused = errors.New("badge or PIN is wrong")

// LockedError says that too many attempts failed.
type LockedError struct{ Wait time.Duration }

// Error states how long to wait.
func (e *LockedError) Error() string {
	return fmt.Sprintf("too many failed attempts: wait %s", e.Wait.Round(time.Second))
}

// What all failures from one address come to, whoever is named: a counter is
// shared, so it takes more of them and locks for less long than for one person.
const (
	AddressFailures = 20
	AddressLock     = 5 * time.Minute
)

// Door is where staff sign in.
type Door struct {
	people    func() *Directory
	pepper    []byte
	sessions  *Sessions
	limits    *Limits
	strangers *Limits // of names that nobody has; apart, so that inventing names drops no count of a person's
	usual     *places
	dummy     string        // a verifier for people who do not exist
	desks     chan struct{} // argon2 takes 19 MiB each: two at a time
}

// NewDoor makes a door. people gives the directory in force, pepper is the
// store's key, now is real time.
func NewDoor(people func() *Directory, pepper []byte, now func() time.Time) *Door {
	return &Door{people: people, pepper: pepper, sessions: NewSessions(now), limits: NewLimits(now),
		strangers: NewLimits(now), usual: newPlaces(now), dummy: nobody(), desks: make(chan struct{}, 2)}
}

// SignIn checks who (a badge's code, or a staff id) and PIN, as tried from an
// address, and begins a session. Errors: ErrRefused, *LockedError, ctx's.
//
// Failures are counted for the person at this address, for the person anywhere
// and for the address. Where a person signed in well before, only the first of
// these counts: what others do at the same counter, or elsewhere under this name,
// keeps nobody from their usual place.
func (d *Door) SignIn(ctx context.Context, who, pin, address string) (token string, s Session, err error) {
	p, known := d.find(who)
	badge, from := "who "+p.ID, "from "+Network(address)
	here := badge + " " + from
	usual := known && d.usual.knows(here)
	if wait := d.count(known, usual, who, badge, here, from); wait > 0 {
		return "", s, &LockedError{Wait: wait}
	}
	verifier := p.PIN
	if !known || verifier == "" {
		known, verifier = false, d.dummy // takes as long as a real one
	}
	select {
	case d.desks <- struct{}{}:
		defer func() { <-d.desks }()
	case <-ctx.Done():
		return "", s, fmt.Errorf("sign in: %w", ctx.Err())
	}
	ok, err := CheckPIN(d.pepper, verifier, pin)
	if err != nil {
		return "", s, fmt.Errorf("sign in %s: %w", p.ID, err)
	}
	if !ok || !known {
		return "", s, ErrRefused
	}
	d.limits.Forgive(here)
	if !usual {
		// Only this attempt: that the person came in says nothing of earlier guesses from elsewhere.
		d.limits.Return(badge)
		d.limits.Return(from)
	}
	d.usual.remember(here)
	token, s = d.sessions.Start(p.ID)
	return token, s, nil
}

// count takes an attempt before it is judged. A name that nobody has is counted
// as a person's is, so that a lock does not tell who exists.
func (d *Door) count(known, usual bool, who, badge, here, from string) (wait time.Duration) {
	all := Bound{Key: from, Free: AddressFailures, Longest: AddressLock}
	switch {
	case usual:
		return d.limits.Take(here)
	case known:
		return d.limits.TakeWithin(Bound{Key: here}, Bound{Key: badge}, all)
	}
	name := strings.ToLower(strings.TrimSpace(who))
	name = "who " + name[:min(len(name), 64)]
	if wait = d.strangers.Take(name, name+" "+from); wait > 0 {
		return wait
	}
	return d.limits.TakeWithin(all)
}

// find is the person of a badge's code or of an id.
func (d *Door) find(who string) (Person, bool) {
	who = strings.TrimSpace(who)
	if len(who) > 64 {
		return Person{}, false
	}
	if c, err := kiosk.ParseCode(who); err == nil && c.Kind == kiosk.KindBadge {
		return d.people().Badge(c.ID)
	}
	return d.people().Person(strings.ToLower(who))
}

// Who is the person signed in with a token, as the directory has them now. A
// person who left it is signed out.
func (d *Door) Who(token string) (Person, Session, bool) {
	s, ok := d.sessions.Get(token)
	if !ok {
		return Person{}, s, false
	}
	p, ok := d.people().Person(s.Person)
	if !ok {
		d.sessions.End(token)
	}
	return p, s, ok
}

// SignOut ends the session of a token.
func (d *Door) SignOut(token string) { d.sessions.End(token) }

// SignOutPerson ends every session of a person.
func (d *Door) SignOutPerson(id string) { d.sessions.EndAll(id) }
