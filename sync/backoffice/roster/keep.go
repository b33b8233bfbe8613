package roster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// Kind is what the paper of a roster is called, Paper is its name.
const (
	Kind  = "staff"
	Paper = "roster"
)

// kept is what the paper says, and said the file of earlier programs.
type kept struct {
	Schema int     `json:"schema"`
	People []entry `json:"people"`
	// Of offices that share a ledger: the configuration in force, and which one
	// each office last brought, the latest last.
	Seed  []entry     `json:"seed,omitempty"`
	Setup *wire.Setup `json:"setup,omitempty"`
	Said  []said      `json:"said,omitempty"`
	// Targets that were changed here.
	Targets []Target `json:"targets,omitempty"`
	// Changes that are in force and not in the ledger's events yet, oldest first.
	Owed []owed `json:"owed,omitempty"`
}

// owed is a change that has still to be recorded: who made it, and what it was.
type owed struct {
	N   uint64 `json:"n"` // the revision that it changed
	By  string `json:"by"`
	Why string `json:"why"`
}

// said is a configuration that an office brought.
type said struct {
	Office string `json:"office"`
	Digest string `json:"digest"`
}

// schema is the form of the paper that this program writes; maxSaid and maxOwed
// bound Said and Owed.
const (
	schema  = 1
	maxSaid = 64
	maxOwed = 256
)

// state is what is kept, as of a revision.
type state struct {
	changed  map[string]entry  // by id
	targets  map[string]Target // by name
	seed     []staff.Person
	conf     *wire.Setup // nil: none is kept
	said     []said
	owed     []owed
	revision uint64
}

func parse(b []byte) (s state, err error) {
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return s, err
	}
	if k.Schema != schema {
		return s, fmt.Errorf("schema %d, this program reads %d", k.Schema, schema)
	}
	s = state{changed: map[string]entry{}, targets: map[string]Target{}, conf: k.Setup, said: k.Said, owed: k.Owed}
	for _, e := range k.People {
		s.changed[e.ID] = e
	}
	for _, t := range k.Targets {
		s.targets[t.Name] = t
	}
	for _, e := range k.Seed {
		s.seed = append(s.seed, e.person())
	}
	return s, nil
}

func (s state) bytes() ([]byte, error) {
	k := kept{Schema: schema, Setup: s.conf, Said: s.said, Owed: s.owed, Targets: s.listed(),
		People: slices.SortedFunc(maps.Values(s.changed), func(a, b entry) int { return cmp.Compare(a.ID, b.ID) })}
	for _, p := range s.seed {
		k.Seed = append(k.Seed, entry{ID: p.ID, Name: p.Name, Badge: p.Badge, Roles: p.Roles, Team: p.Team, PIN: p.PIN})
	}
	return json.Marshal(k)
}

// clone is a copy to be changed.
func (s state) clone() state {
	s.changed, s.said, s.owed, s.targets = maps.Clone(s.changed), slices.Clone(s.said), slices.Clone(s.owed), maps.Clone(s.targets)
	return s
}

// owe adds a change that has still to be recorded. Error: too many wait already;
// nobody's name and reason is given up for another's.
func (s *state) owe(by, why string) error {
	if len(s.owed) >= maxOwed {
		return fmt.Errorf("%d changes wait to be recorded: see why the ledger takes no events, then change again", len(s.owed))
	}
	s.owed = append(s.owed, owed{s.revision + 1, by, why})
	return nil
}

// people is everybody who works here, by id.
func (s state) people(r *Roster) (out []staff.Person) {
	for _, p := range s.named(r) {
		if _, here := s.changed[p.ID]; !here {
			out = append(out, p)
		}
	}
	for _, e := range s.changed {
		if !e.Removed {
			out = append(out, e.person())
		}
	}
	slices.SortFunc(out, func(a, b staff.Person) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// named are the people of the staff file in force, setup is the setup in force.
func (s state) named(r *Roster) []staff.Person {
	if r.Office == "" || s.conf == nil {
		return r.Seed
	}
	return s.seed
}

// setup is the setup in force, but for staff.
func (s state) setup(r *Roster) wire.Setup {
	out := r.Setup
	if r.Office != "" && s.conf != nil {
		out = *s.conf
	}
	out.Targets = s.aimed(out.Targets)
	return out
}

// silent says whether nobody was ever named here: then boards keep their own.
func (s state) silent(r *Roster) bool { return len(s.named(r)) == 0 && len(s.changed) == 0 }

// digest names a configuration.
func digest(seed []staff.Person, setup wire.Setup) string {
	b, _ := json.Marshal(struct {
		Seed  []staff.Person
		Setup wire.Setup
	}{seed, setup}) // plain data
	return fmt.Sprintf("%x", sha256.Sum256(b))[:24]
}

// brings says whether the configuration of the office is to be stated, and whether
// it is one that somebody has just written: another one than the office brought
// last, or, of an office that never had the store, than anybody brought. So a store
// that moves to an office with an older configuration keeps what it has.
func (s state) brings(office, digest string) (states, fresh bool) {
	i := slices.IndexFunc(s.said, func(x said) bool { return x.Office == office })
	if i >= 0 {
		return s.said[i].Digest != digest, s.said[i].Digest != digest
	}
	return true, !slices.ContainsFunc(s.said, func(x said) bool { return x.Digest == digest })
}

// state keeps what the configuration says, if offices share the ledger and this
// one has not said so yet.
func (r *Roster) state(ctx context.Context) error {
	if r.Office == "" {
		return nil
	}
	return r.revise(ctx, func(s *state) (bool, error) {
		states, fresh := s.brings(r.Office, r.digest)
		if !states {
			return false, nil
		}
		s.said = slices.DeleteFunc(s.said, func(x said) bool { return x.Office == r.Office })
		s.said = append(s.said, said{r.Office, r.digest})
		s.said = s.said[max(0, len(s.said)-maxSaid):]
		if fresh {
			setup := r.Setup
			s.seed, s.conf = r.Seed, &setup
		}
		return true, nil
	})
}

// revise has f change what is kept, and keeps it; nothing if f says so or fails.
// It returns once the change is durable and in force. f may be asked again, about
// what another office kept.
func (r *Roster) revise(ctx context.Context, f func(*state) (bool, error)) error {
	r.keep.Lock()
	defer r.keep.Unlock()
	for ctx.Err() == nil {
		r.mu.Lock()
		next := r.now.clone()
		r.mu.Unlock()
		was := next.revision
		if ok, err := f(&next); !ok || err != nil {
			return err
		}
		b, err := next.bytes()
		if err != nil {
			return fmt.Errorf("keep roster of %s: %w", r.Store, err)
		}
		next.revision, err = r.Papers.KeepPapers(ctx, r.Store, Kind, was, []backoffice.Paper{{Name: Paper, At: r.Now(), Bytes: b}})
		if errors.Is(err, backoffice.ErrPapers) {
			err = r.Refresh(ctx)
		} else if err == nil {
			r.apply(next)
			return nil
		}
		if err != nil {
			return fmt.Errorf("keep roster of %s: %w", r.Store, err)
		}
	}
	return ctx.Err()
}

// settle records the changes that are owed, each with who made it and why, by
// whichever office has the store, and crosses them off. A kill in between records
// one twice; none is lost.
func (r *Roster) settle(ctx context.Context) error {
	r.settling.Lock()
	defer r.settling.Unlock()
	r.mu.Lock()
	list := slices.Clone(r.now.owed)
	r.mu.Unlock()
	for _, o := range list {
		if o.N <= r.settled {
			continue // crossing it off failed
		}
		if err := r.Keep(ctx, r.inForce(), o.By, o.Why); err != nil {
			return err
		}
		r.settled = o.N
	}
	if len(list) == 0 {
		return nil
	}
	return r.revise(ctx, func(s *state) (bool, error) {
		before := len(s.owed)
		s.owed = slices.DeleteFunc(s.owed, func(o owed) bool { return o.N <= r.settled })
		return len(s.owed) < before, nil
	})
}

// owes says whether a change has still to be recorded.
func (r *Roster) owes() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.now.owed) > 0
}

// Refresh reads again what is kept, also by another office.
func (r *Roster) Refresh(ctx context.Context) error {
	papers, revision, err := r.Papers.Papers(ctx, r.Store, Kind)
	if err != nil {
		return err
	}
	next := state{changed: map[string]entry{}, targets: map[string]Target{}}
	if i := slices.IndexFunc(papers, func(p backoffice.Paper) bool { return p.Name == Paper }); i >= 0 {
		if next, err = parse(papers[i].Bytes); err != nil {
			return fmt.Errorf("read roster of %s: %w", r.Store, err)
		}
	}
	next.revision = revision
	r.apply(next)
	return nil
}

// apply makes a state the present one, unless a later one is, and ends the
// sessions of whoever has got another PIN or has left.
func (r *Roster) apply(next state) {
	r.mu.Lock()
	if next.revision <= r.now.revision {
		r.mu.Unlock()
		return
	}
	before := r.now.people(r)
	r.now = next
	people := next.people(r)
	r.People.Replace(people)
	if _, fresh := next.brings(r.Office, r.digest); r.Office != "" && !fresh && next.conf != nil && !r.warned && digest(next.seed, *next.conf) != r.digest {
		r.warned = true
		r.Log.Warn("the staff file or the store's settings here are not what is in force: another office brought later ones", "store", r.Store)
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	for _, p := range before {
		if now, there := find(people, p.ID); r.SignOut != nil && (!there || now.PIN != p.PIN) {
			r.SignOut(p.ID)
		}
	}
}

// Merge is a paper of what another one says and what a file of an earlier program
// said, which had no place for it in the ledger: each person as changed last. paper
// is nil if there is none. changed is whether that is another one.
func Merge(paper, file []byte) (merged []byte, changed bool, err error) {
	old, err := parse(file)
	if err != nil {
		return nil, false, fmt.Errorf("read file of staff: %w", err)
	}
	now := state{changed: map[string]entry{}, targets: map[string]Target{}}
	if paper != nil {
		if now, err = parse(paper); err != nil {
			return nil, false, fmt.Errorf("read roster: %w", err)
		}
	}
	for id, e := range old.changed {
		if is, there := now.changed[id]; !there || e.At.After(is.At) {
			now.changed[id], changed = e, true
		}
	}
	merged, err = now.bytes()
	return merged, changed, err
}

// patient is how long somebody waits for a change to be kept.
const patient = 30 * time.Second
