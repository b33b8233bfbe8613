package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// lookEvery is how often a Roster looks whether the connection is another one.
const lookEvery = 2 * time.Second

// Link is the connection to a store's broker; *link.Link is one.
type Link interface {
	Status() link.Status
	Publish(topic string, qos byte, retain bool, payload []byte) *link.Token
}

// Papers is where the roster is kept; a backoffice.Ledger is one.
type Papers interface {
	Papers(ctx context.Context, store, kind string) ([]backoffice.Paper, uint64, error)
	KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error)
}

// Config is what a Roster is made of.
type Config struct {
	Store  string
	Tag    string         // of the store, in badges
	Key    []byte         // the store's key
	Ledger string         // id of the office's ledger
	Papers Papers         // where changes are kept
	Seed   []staff.Person // the staff file
	Setup  wire.Setup     // calendar, menu, bays and targets; staff is filled in
	// Office names this office among those that share the ledger; "": it is alone,
	// and Seed and Setup are in force as they are.
	Office string
	// Mine says whether the store is this office's; nil: always.
	Mine func() bool
	// People is kept at who works here; the office's pages read it.
	People *staff.Directory
	// Keep records a setup in the ledger (backoffice.Office.KeepSetup).
	Keep func(ctx context.Context, s wire.Setup, by, why string) error
	// SignOut ends the sessions of a person whose PIN was changed; nil: there are none.
	SignOut func(id string)
	Random  func() uint32 // draws badges
	Now     func() time.Time
	Link    Link
	Log     *slog.Logger // nil discards
}

// Roster is who works in one store. It is a task: Run it once.
type Roster struct {
	Config
	topics wire.Store
	wake   chan struct{}
	ready  chan struct{}
	digest string     // of Seed and Setup
	keep   sync.Mutex // one who keeps at a time

	settling sync.Mutex // one who settles at a time
	settled  uint64     // what is owed up to here was recorded

	mu     sync.Mutex
	now    state
	warned bool // that the configuration is not in force
}

// entry is a person as changed here.
type entry struct {
	ID      string       `json:"id"`
	Name    string       `json:"name,omitempty"`
	Badge   string       `json:"badge,omitempty"`
	Roles   []staff.Role `json:"roles,omitempty"`
	Team    string       `json:"team,omitempty"`
	PIN     string       `json:"pin,omitempty"` // verifier
	Removed bool         `json:"removed,omitempty"`
	At      time.Time    `json:"at,omitzero"`
	By      string       `json:"by,omitempty"`
}

func (e entry) person() staff.Person {
	return staff.Person{ID: e.ID, Name: e.Name, Badge: e.Badge, Roles: e.Roles, Team: e.Team, PIN: e.PIN}
}

// Open reads what was changed and fills the directory.
func Open(ctx context.Context, c Config) (*Roster, error) {
	topics, err := wire.NewStore(c.Store)
	if err != nil {
		return nil, fmt.Errorf("open roster: %w", err)
	}
	if c.People == nil || c.Keep == nil || c.Now == nil || c.Random == nil || c.Papers == nil {
		return nil, errors.New("open roster: a directory, a ledger for setups and papers, a clock and a source of badges are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Mine == nil {
		c.Mine = func() bool { return true }
	}
	r := &Roster{Config: c, topics: topics, wake: make(chan struct{}, 1), ready: make(chan struct{}), digest: digest(c.Seed, c.Setup)}
	r.now.changed, r.now.targets = map[string]entry{}, map[string]Target{}
	if err := r.Refresh(ctx); err != nil { // without it a removed person would be back
		return nil, fmt.Errorf("open roster of %s: %w", c.Store, err)
	}
	r.People.Replace(r.now.people(r))
	return r, nil
}

// setupOf is what figures depend on, with who works there.
func setupOf(s wire.Setup, people []staff.Person) wire.Setup {
	s.Staff = nil
	for _, p := range people {
		m := wire.SetupStaff{ID: p.ID, Roles: roles(p), Team: p.Team}
		s.Staff = append(s.Staff, m)
	}
	return s
}

func roles(p staff.Person) []string {
	out := make([]string, 0, len(p.Roles))
	for _, x := range p.Roles {
		out = append(out, string(x))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// String names the task.
func (r *Roster) String() string { return "roster of " + r.Store }

// Ready is closed once Run has begun.
func (r *Roster) Ready() <-chan struct{} { return r.ready }

// Run states the configuration and records the setup if they are others than the
// ledger has, and keeps the broker at what the roster says, until ctx ends.
func (r *Roster) Run(ctx context.Context) error {
	close(r.ready)
	published := map[string]string{}
	session, recorded := uint64(0), false
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		st := r.Link.Status()
		if st.Up && st.Session != session { // the store may have been another office's meanwhile
			session, recorded = st.Session, false
			clear(published)
		}
		if r.Mine() && (!recorded || r.owes()) {
			if err := r.record(ctx); err == nil {
				recorded = true
			} else if ctx.Err() == nil && !errors.Is(err, backoffice.ErrNotHeld) { // else it is tried until the store is ours
				r.Log.Error("the setup could not be recorded, it is tried again", "store", r.Store, "err", err)
			}
		}
		if st.Up {
			r.publish(ctx, published)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// record states the configuration and records what is owed and the setup in force.
func (r *Roster) record(ctx context.Context) error {
	if err := r.state(ctx); err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	return r.Keep(ctx, r.inForce(), "", "")
}

// inForce is the setup in force, with who works there.
func (r *Roster) inForce() wire.Setup {
	r.mu.Lock()
	defer r.mu.Unlock()
	return setupOf(r.now.setup(r), r.now.people(r))
}

// publish sends what the broker does not have.
func (r *Roster) publish(ctx context.Context, published map[string]string) {
	r.mu.Lock()
	people, silent := r.now.people(r), r.now.silent(r)
	setup, err := setupOf(r.now.setup(r), people).Encode()
	r.mu.Unlock()
	out := map[string][]byte{r.topics.Setup(): setup}
	if err == nil && !silent {
		out[r.topics.Staff()], err = staffOf(r.Ledger, people, r.Key).Encode()
	}
	if err != nil { // what came by configuration or API was checked
		r.Log.Error("setup and staff cannot be told to the boards", "store", r.Store, "err", err)
		return
	}
	for topic, payload := range out {
		if last, ok := published[topic]; ok && last == string(payload) {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := r.Link.Publish(topic, wire.QoS, true, payload).Wait(wait)
		cancel()
		if err != nil {
			return // the next look tries again
		}
		published[topic] = string(payload)
	}
}

// staffOf is a store's people as they travel, badges hashed with the store's key.
func staffOf(ledger string, people []staff.Person, key []byte) wire.Staff {
	out := wire.Staff{Ledger: ledger, People: make([]wire.Member, 0, len(people))}
	for _, p := range people {
		m := wire.Member{ID: p.ID, Name: p.Name, Roles: roles(p), Team: p.Team, PIN: p.PIN}
		if p.Badge != "" {
			m.BadgeKey = staff.BadgeKey(key, p.Badge)
		}
		out.People = append(out.People, m)
	}
	return out
}
