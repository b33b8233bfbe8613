package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"baylight/kiosk"
)

// State is the state of a connection.
type State string

// The states of a connection.
const (
	Ready        State = "ready"        // the birth message
	Disconnected State = "disconnected" // left on purpose
	Lost         State = "lost"         // the will, written by the broker
)

// Conn is a board's connection state, retained on Kiosk.Conn.
type Conn struct {
	State   State  `json:"state"`
	Session uint64 `json:"session"` // number of the connection, growing
	Epoch   string `json:"epoch"`   // the epoch the board appends to
	Version string `json:"version"` // of the board's software
}

// Replaces reports whether c is news after prev. A broker may publish the will
// of an old connection after the birth of the next: what is not ready counts
// only if it is of no earlier session. The zero Conn is replaced by anything.
func (c Conn) Replaces(prev Conn) bool { return c.State == Ready || c.Session >= prev.Session }

// Belies reports whether c says that the board is gone while its later connection,
// of the given number, stands: the will or the farewell of an earlier one, come late.
// The board has to say again that it is there.
func (c Conn) Belies(session uint64) bool { return c.State != Ready && c.Session < session }

// Encode makes the payload.
func (c Conn) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("encode conn: %w", err)
	}
	return encode("conn", c, MaxStateBytes)
}

// DecodeConn reads a board's connection state.
func DecodeConn(b []byte) (c Conn, err error) {
	if err = decode(b, MaxStateBytes, &c); err == nil {
		err = c.check()
	}
	if err != nil {
		return Conn{}, fmt.Errorf("decode conn: %w", err)
	}
	return c, nil
}

func (c Conn) check() error {
	switch c.State {
	case Ready, Disconnected, Lost:
	default:
		return fmt.Errorf("state %q is not ready, disconnected or lost", clip(string(c.State), 40))
	}
	if err := checkID("epoch", c.Epoch); err != nil {
		return err
	}
	if len(c.Version) > 64 {
		return fmt.Errorf("version %q is longer than 64 characters", clip(c.Version, 64))
	}
	return nil
}

// Office is the office's connection state, retained on Store.Office.
type Office struct {
	State   State  `json:"state"` // Ready or Lost
	Session uint64 `json:"session"`
	Ledger  string `json:"ledger"`
}

// Replaces reports whether o is news after prev, as Conn.Replaces does. Ledgers count
// their sessions apart: a restored one may begin below what the one before it had.
func (o Office) Replaces(prev Office) bool {
	return o.State == Ready || o.Session >= prev.Session && (o.Ledger == prev.Ledger || prev.Ledger == "")
}

// Belies reports whether o says that the office is gone while a later connection of it
// stands, which said ready: as Conn.Belies does.
func (o Office) Belies(ready Office) bool {
	return o.State != Ready && (o.Session < ready.Session || o.Ledger != ready.Ledger)
}

// Encode makes the payload.
func (o Office) Encode() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("encode office: %w", err)
	}
	return encode("office", o, MaxStateBytes)
}

// DecodeOffice reads the office's connection state.
func DecodeOffice(b []byte) (o Office, err error) {
	if err = decode(b, MaxStateBytes, &o); err == nil {
		err = o.check()
	}
	if err != nil {
		return Office{}, fmt.Errorf("decode office: %w", err)
	}
	return o, nil
}

func (o Office) check() error {
	if o.State != Ready && o.State != Lost {
		return fmt.Errorf("state %q is not ready or lost", clip(string(o.State), 40))
	}
	return checkID("ledger", o.Ledger)
}

// PersonPart carries the person part of one event.
type PersonPart struct {
	ID     string // of the event, "<epoch>-<sequence>"
	Person []byte // its bytes as the event's digest covers them; nil once erased
}

// Encode makes the payload. The person part's bytes stay as they are.
func (p PersonPart) Encode() ([]byte, error) {
	if _, _, err := kiosk.ParseEventID(p.ID); err != nil {
		return nil, fmt.Errorf("encode person part: %w", err)
	}
	person := p.Person
	if person == nil {
		person = []byte("null")
	} else if err := checkObject(person); err != nil {
		return nil, fmt.Errorf("encode person part of %s: %w", p.ID, err)
	}
	id, err := json.Marshal(p.ID)
	if err != nil {
		return nil, fmt.Errorf("encode person part: %w", err)
	}
	b := make([]byte, 0, len(person)+len(id)+20)
	b = append(append(b, `{"id":`...), id...)
	b = append(append(b, `,"person":`...), person...)
	b = append(b, '}')
	if len(b) > MaxPersonBytes {
		return nil, fmt.Errorf("encode person part of %s: %d bytes, at most %d are allowed", p.ID, len(b), MaxPersonBytes)
	}
	return b, nil
}

// checkObject accepts one JSON object without white space around it, so that
// its bytes survive inside another object.
func checkObject(b []byte) error {
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' || !json.Valid(b) {
		return fmt.Errorf("person part is not one bare JSON object")
	}
	return nil
}

// DecodePersonPart reads a person part.
func DecodePersonPart(b []byte) (PersonPart, error) {
	var j struct {
		ID     string          `json:"id"`
		Person json.RawMessage `json:"person"`
	}
	if err := decode(b, MaxPersonBytes, &j); err != nil {
		return PersonPart{}, fmt.Errorf("decode person part: %w", err)
	}
	if _, _, err := kiosk.ParseEventID(j.ID); err != nil {
		return PersonPart{}, fmt.Errorf("decode person part: %w", err)
	}
	if len(j.Person) == 0 {
		return PersonPart{}, fmt.Errorf("decode person part of %s: person is missing", clip(j.ID, 80))
	}
	if bytes.Equal(j.Person, []byte("null")) {
		return PersonPart{ID: j.ID}, nil
	}
	if err := checkObject(j.Person); err != nil {
		return PersonPart{}, fmt.Errorf("decode person part of %s: %w", clip(j.ID, 80), err)
	}
	return PersonPart{ID: j.ID, Person: j.Person}, nil
}

// Health is how a board is, retained on Kiosk.Health.
type Health struct {
	At       string            `json:"at"` // RFC 3339, by the board's clock
	Outbox   Outbox            `json:"outbox"`
	Clock    kiosk.Quality     `json:"clock"` // synced, holdover or unset
	Devices  []Device          `json:"devices,omitempty"`
	DiskFree uint64            `json:"disk_free_bytes"`
	Versions map[string]string `json:"versions,omitempty"` // part → version
	Alarms   []string          `json:"alarms,omitempty"`   // what a person must look at
	Command  *Answer           `json:"command,omitempty"`  // what became of the last command
	Level    string            `json:"level,omitempty"`    // ok, degraded or losing (data); boards before 2026-11 do not say
	Reasons  []string          `json:"reasons,omitempty"`  // codes of what is not as it should be, e.g. "printer.paper", the worst first
	Erased   int               `json:"erased,omitempty"`   // erasures of the store that this board has applied
}

// Outbox is what a board has not yet had receipted.
type Outbox struct {
	Epoch    string `json:"epoch"`
	Head     uint64 `json:"head"`      // last sequence appended
	Through  uint64 `json:"through"`   // last sequence receipted
	Depth    uint64 `json:"depth"`     // events without receipt
	OldestMs int64  `json:"oldest_ms"` // how long the oldest of them has waited, as far as this run of the board knows
}

// Device is one device at a board.
type Device struct {
	Name  string `json:"name"`
	State string `json:"state"` // "up" or "down"
	Text  string `json:"text,omitempty"`
}

// Encode makes the payload.
func (h Health) Encode() ([]byte, error) { return encode("health", h, MaxHealthBytes) }

// DecodeHealth reads a board's health.
func DecodeHealth(b []byte) (h Health, err error) {
	if err = decode(b, MaxHealthBytes, &h); err != nil {
		return Health{}, fmt.Errorf("decode health: %w", err)
	}
	if len(h.Devices) > 256 || len(h.Versions) > 64 || len(h.Alarms) > 64 || len(h.Reasons) > 512 {
		return Health{}, fmt.Errorf("decode health: %d devices, %d versions, %d alarms, %d reasons are more than 256, 64, 64, 512",
			len(h.Devices), len(h.Versions), len(h.Alarms), len(h.Reasons))
	}
	return h, nil
}
