package roster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
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

// Config is what a Roster is made of.
type Config struct {
	Store  string
	Tag    string         // of the store, in badges
	Key    []byte         // the store's key
	Ledger string         // id of the office's ledger
	File   string         // where changes are kept; its folder is made
	Seed   []staff.Person // the staff file
	Setup  wire.Setup     // calendar, menu, bays and targets; staff is filled in
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

	mu      sync.Mutex
	changed map[string]entry // by id
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
	At      time.Time    `json:"at"`
	By      string       `json:"by"`
}

func (e entry) person() staff.Person {
	return staff.Person{ID: e.ID, Name: e.Name, Badge: e.Badge, Roles: e.Roles, Team: e.Team, PIN: e.PIN}
}

// file is what is kept.
type file struct {
	Schema int     `json:"schema"`
	People []entry `json:"people"`
}

// fileSchema is the form of the file that this program writes.
const fileSchema = 1

// Open reads what was changed and fills the directory.
func Open(c Config) (*Roster, error) {
	topics, err := wire.NewStore(c.Store)
	if err != nil {
		return nil, fmt.Errorf("open roster: %w", err)
	}
	if c.People == nil || c.Keep == nil || c.Now == nil || c.Random == nil || c.File == "" {
		return nil, errors.New("open roster: a directory, a ledger, a clock, a source of badges and a file are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Roster{Config: c, topics: topics, wake: make(chan struct{}, 1), ready: make(chan struct{}), changed: map[string]entry{}}
	b, err := os.ReadFile(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = []byte(`{"schema":1}`), nil
	}
	var f file
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err == nil && f.Schema != fileSchema {
		err = fmt.Errorf("schema %d, this program reads %d", f.Schema, fileSchema)
	}
	if err != nil { // without it a removed person would be back
		return nil, fmt.Errorf("open roster %s: %w", c.File, err)
	}
	for _, e := range f.People {
		r.changed[e.ID] = e
	}
	c.People.Replace(r.people())
	return r, nil
}

// people is everybody who works here, by id. The caller holds the lock, or is alone.
func (r *Roster) people() []staff.Person { return r.with(r.changed) }

func (r *Roster) with(changed map[string]entry) (out []staff.Person) {
	for _, p := range r.Seed {
		if _, here := changed[p.ID]; !here {
			out = append(out, p)
		}
	}
	for _, e := range changed {
		if !e.Removed {
			out = append(out, e.person())
		}
	}
	slices.SortFunc(out, func(a, b staff.Person) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// silent says whether nobody was ever named here: then boards keep their own.
func (r *Roster) silent() bool { return len(r.Seed) == 0 && len(r.changed) == 0 }

// keep writes the file so that a power cut leaves the old one or the new one.
func (r *Roster) keep(changed map[string]entry) error {
	f := file{Schema: fileSchema, People: slices.SortedFunc(maps.Values(changed), func(a, b entry) int { return cmp.Compare(a.ID, b.ID) })}
	b, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(r.File), 0o700)
	}
	if err == nil {
		err = write(r.File+".part", append(b, '\n'))
	}
	if err == nil {
		err = os.Rename(r.File+".part", r.File)
	}
	if err == nil {
		err = settle(filepath.Dir(r.File))
	}
	if err != nil {
		return fmt.Errorf("keep roster of %s: %w", r.Store, err)
	}
	return nil
}

func write(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// settle makes a folder's own entries durable.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// setup is what figures depend on, as it is now.
func (r *Roster) setup(people []staff.Person) wire.Setup {
	s := r.Setup
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

// Run records the setup if it is another one than the ledger has, and keeps the
// broker at what the roster says, until ctx ends.
func (r *Roster) Run(ctx context.Context) error {
	close(r.ready)
	published := map[string]string{}
	session, recorded := uint64(0), false
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		r.mu.Lock()
		people := r.people()
		r.mu.Unlock()
		if !recorded {
			if err := r.Keep(ctx, r.setup(people), "", ""); err == nil {
				recorded = true
			} else if ctx.Err() == nil && !errors.Is(err, backoffice.ErrNotHeld) { // else it is tried until the store is ours
				r.Log.Error("the setup could not be recorded, it is tried again", "store", r.Store, "err", err)
			}
		}
		if st := r.Link.Status(); st.Up {
			if st.Session != session {
				session = st.Session
				clear(published)
			}
			r.publish(ctx, people, published)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// publish sends what the broker does not have.
func (r *Roster) publish(ctx context.Context, people []staff.Person, published map[string]string) {
	setup, err := r.setup(people).Encode()
	out := map[string][]byte{r.topics.Setup(): setup}
	r.mu.Lock()
	silent := r.silent()
	r.mu.Unlock()
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
