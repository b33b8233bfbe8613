package wire

import (
	"fmt"
	"slices"
	"strings"
)

// Prefix begins every topic of version 1.
const Prefix = "baylight/v1/"

// QoS is the quality of service of every message: at least once.
const QoS byte = 1

// Backoffice stands where a kiosk's name stands, for events that people record
// at the back office.
const Backoffice = "backoffice"

// Kind says what a topic carries.
type Kind string

// The kinds of topic.
const (
	KindEvent    Kind = "event"    // Name: event type; Kiosk is Backoffice for those of the office
	KindPerson   Kind = "person"   // the person part of one event
	KindConn     Kind = "conn"     // a board's connection state
	KindBay      Kind = "bay"      // Name: bay
	KindHealth   Kind = "health"   // a board's health
	KindReceipt  Kind = "receipt"  // what the office has of a board's events
	KindCmd      Kind = "cmd"      // Name: verb
	KindTime     Kind = "time"     // a board asks for the time
	KindOffice   Kind = "office"   // the office's connection state
	KindVisits   Kind = "visits"   // Name: visit id, or empty for the list of open visits
	KindSetup    Kind = "setup"    // calendar, hours, menu, bays
	KindStaff    Kind = "staff"    // badges, names, roles
	KindBookings Kind = "bookings" // Name: day, yyyy-mm-dd
	KindErasures Kind = "erasures" // erasures to apply
)

// Verbs are the commands an office may give to a board.
func Verbs() []string { return []string{"call", "announce", "print", "identify", "time"} }

// Reserved are the names that no kiosk may have, because topics use them.
func Reserved() []string {
	return []string{Backoffice, "office", "visits", "bookings", "staff", "setup", "erasures"}
}

// CheckName reports why s cannot be the name of a store, kiosk or bay: one to
// 32 of a-z, 0-9 and the hyphen.
func CheckName(s string) error {
	if len(s) == 0 || len(s) > 32 {
		return fmt.Errorf("name %q has %d characters instead of 1 to 32", clip(s, 40), len(s))
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return fmt.Errorf("name %q has %q, only a-z, 0-9 and - are allowed", s, c)
		}
	}
	return nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// Store builds the topics of one store.
type Store struct{ name string }

// NewStore checks the name of a store.
func NewStore(name string) (Store, error) {
	if err := CheckName(name); err != nil {
		return Store{}, fmt.Errorf("name a store: %w", err)
	}
	return Store{name}, nil
}

// Name is the store's name.
func (s Store) Name() string { return s.name }

// ClientID names the store's office to a broker. No board of any store has the
// same one; and there is nothing in it that brokers refuse: NATS takes no dot.
func (s Store) ClientID() string { return s.name + "_" + Backoffice }

func (s Store) topic(rest string) string { return Prefix + s.name + "/" + rest }

// Office is where the office's connection state stands.
func (s Store) Office() string { return s.topic("office") }

// Visits is where the list of open visits stands.
func (s Store) Visits() string { return s.topic("visits") }

// Setup is where calendar, hours, menu and bays stand.
func (s Store) Setup() string { return s.topic("setup") }

// Staff is where badges, names and roles stand.
func (s Store) Staff() string { return s.topic("staff") }

// Erasures is where the erasures to apply stand.
func (s Store) Erasures() string { return s.topic("erasures") }

// Visit is where the state of one visit stands.
func (s Store) Visit(id string) (string, error) {
	return s.named(KindVisits, "visits/", id)
}

// Bookings is where the bookings of one day (yyyy-mm-dd) stand.
func (s Store) Bookings(day string) (string, error) {
	return s.named(KindBookings, "bookings/", day)
}

// AllBookings is a filter for the bookings of every day.
func (s Store) AllBookings() string { return s.topic("bookings/+") }

// Event is the topic of an event of the given type recorded at the back office.
func (s Store) Event(eventType string) (string, error) {
	return s.named(KindEvent, Backoffice+"/event/", eventType)
}

func (s Store) named(k Kind, rest, name string) (string, error) {
	if err := checkPart(k, name); err != nil {
		return "", fmt.Errorf("build topic: %w", err)
	}
	return s.topic(rest + name), nil
}

// AllEvents is a filter for the events of every kiosk and of the back office.
func (s Store) AllEvents() string { return s.topic("+/event/+") }

// AllPersons is a filter for the person parts of every kiosk.
func (s Store) AllPersons() string { return s.topic("+/person") }

// AllConns is a filter for the connection states of every kiosk.
func (s Store) AllConns() string { return s.topic("+/conn") }

// AllHealth is a filter for the health of every kiosk.
func (s Store) AllHealth() string { return s.topic("+/health") }

// AllReceipts is a filter for the receipts of every kiosk.
func (s Store) AllReceipts() string { return s.topic("+/receipt") }

// AllVisits is a filter for the state of every open visit.
func (s Store) AllVisits() string { return s.topic("visits/+") }

// AllTimes is a filter for every kiosk's questions for the time.
func (s Store) AllTimes() string { return s.topic("+/time") }

// Kiosk builds the topics of one board.
type Kiosk struct {
	store Store
	name  string
}

// Kiosk checks the name of a kiosk of the store.
func (s Store) Kiosk(name string) (Kiosk, error) {
	if err := checkKiosk(name); err != nil {
		return Kiosk{}, fmt.Errorf("name a kiosk: %w", err)
	}
	return Kiosk{s, name}, nil
}

// NewKiosk checks the names of a store and of one of its kiosks.
func NewKiosk(store, kiosk string) (Kiosk, error) {
	s, err := NewStore(store)
	if err != nil {
		return Kiosk{}, err
	}
	return s.Kiosk(kiosk)
}

func checkKiosk(name string) error {
	if slices.Contains(Reserved(), name) {
		return fmt.Errorf("name %q is reserved", name)
	}
	return CheckName(name)
}

// Name is the kiosk's name.
func (k Kiosk) Name() string { return k.name }

// Store is the store the kiosk belongs to.
func (k Kiosk) Store() Store { return k.store }

// ClientID names the board to a broker, as Store.ClientID does the office.
func (k Kiosk) ClientID() string { return k.store.name + "_" + k.name }

func (k Kiosk) topic(rest string) string { return k.store.topic(k.name + "/" + rest) }

// Event is the topic of an event of the given type, e.g. "job.started".
func (k Kiosk) Event(eventType string) (string, error) {
	return k.store.named(KindEvent, k.name+"/event/", eventType)
}

// Bay is where the present state of a bay stands.
func (k Kiosk) Bay(bay string) (string, error) {
	return k.store.named(KindBay, k.name+"/bay/", bay)
}

// Cmd is the topic of a command; verb is one of Verbs.
func (k Kiosk) Cmd(verb string) (string, error) {
	return k.store.named(KindCmd, k.name+"/cmd/", verb)
}

// Person is the topic of the board's person parts.
func (k Kiosk) Person() string { return k.topic("person") }

// Conn is where the board's connection state stands, its birth and its will.
func (k Kiosk) Conn() string { return k.topic("conn") }

// Health is where the board's health stands.
func (k Kiosk) Health() string { return k.topic("health") }

// Receipt is where the office's receipt for the board stands.
func (k Kiosk) Receipt() string { return k.topic("receipt") }

// Time is the topic on which the board asks for the time.
func (k Kiosk) Time() string { return k.topic("time") }

// AllCmds is a filter for every command to the board.
func (k Kiosk) AllCmds() string { return k.topic("cmd/+") }

// checkPart checks the named last part of a topic.
func checkPart(k Kind, s string) error {
	switch k {
	case KindEvent:
		return checkType(s)
	case KindVisits:
		return checkVisit(s)
	case KindBookings:
		return checkDay(s)
	case KindCmd:
		if !slices.Contains(Verbs(), s) {
			return fmt.Errorf("verb %q is not one of %s", clip(s, 40), strings.Join(Verbs(), ", "))
		}
		return nil
	}
	return CheckName(s)
}

// checkType accepts words of a-z, 0-9 and _ joined by single dots, e.g. kiosk.clock_set.
func checkType(s string) error {
	ok := len(s) > 0 && len(s) <= 64
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		dot := c == '.' && i > 0 && i < len(s)-1 && s[i-1] != '.'
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || dot
	}
	if !ok {
		return fmt.Errorf("event type %q is not words of a-z, 0-9 and _ joined by dots, at most 64 characters", clip(s, 40))
	}
	return nil
}

// CheckVisit reports why s cannot be the id of a visit.
func CheckVisit(s string) error { return checkVisit(s) }

// checkVisit accepts the ten characters of Crockford's base 32 that are a visit's id.
func checkVisit(s string) error {
	ok := len(s) == 10
	for i := 0; ok && i < len(s); i++ {
		ok = strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", s[i]) >= 0
	}
	if !ok {
		return fmt.Errorf("visit %q is not 10 characters of Crockford's base 32", clip(s, 40))
	}
	return nil
}

func checkDay(s string) error {
	ok := len(s) == 10
	for i := 0; ok && i < len(s); i++ {
		if i == 4 || i == 7 {
			ok = s[i] == '-'
		} else {
			ok = s[i] >= '0' && s[i] <= '9'
		}
	}
	if !ok {
		return fmt.Errorf("day %q is not yyyy-mm-dd", clip(s, 40))
	}
	return nil
}

// Topic is a topic taken apart.
type Topic struct {
	Store string
	Kiosk string // empty for topics of the whole store
	Kind  Kind
	Name  string // event type, bay, verb, visit or day; else empty
}

// ParseTopic takes a topic apart. Anything but a topic of version 1 is an error.
func ParseTopic(topic string) (Topic, error) {
	t, err := parseTopic(topic)
	if err != nil {
		return Topic{}, fmt.Errorf("read topic %q: %w", clip(topic, 120), err)
	}
	return t, nil
}

func parseTopic(topic string) (Topic, error) {
	rest, ok := strings.CutPrefix(topic, Prefix)
	if !ok {
		return Topic{}, fmt.Errorf("does not begin with %s", Prefix)
	}
	if len(rest) > 200 {
		return Topic{}, fmt.Errorf("is %d bytes long", len(topic))
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 2 {
		return Topic{}, fmt.Errorf("ends after the store")
	}
	t := Topic{Store: parts[0]}
	if err := CheckName(t.Store); err != nil {
		return Topic{}, fmt.Errorf("store: %w", err)
	}
	switch first, rest := parts[1], parts[2:]; {
	case first == Backoffice:
		t.Kiosk = first
		return t.finish(rest, KindEvent)
	case slices.Contains(Reserved(), first):
		return t.finish(parts[1:], Kind(first))
	default:
		if err := CheckName(first); err != nil {
			return Topic{}, fmt.Errorf("kiosk: %w", err)
		}
		t.Kiosk = first
		return t.finish(rest, KindEvent, KindPerson, KindConn, KindBay, KindHealth, KindReceipt, KindCmd, KindTime)
	}
}

// finish reads kind and name from what is left of a topic.
func (t Topic) finish(parts []string, allowed ...Kind) (Topic, error) {
	if len(parts) == 0 {
		return Topic{}, fmt.Errorf("ends after %s", t.Kiosk)
	}
	t.Kind = Kind(parts[0])
	if !slices.Contains(allowed, t.Kind) {
		return Topic{}, fmt.Errorf("%q is nothing of version 1", clip(parts[0], 40))
	}
	switch len(parts) {
	case 1:
		if t.Kind == KindEvent || t.Kind == KindBay || t.Kind == KindCmd || t.Kind == KindBookings {
			return Topic{}, fmt.Errorf("lacks a name after %s", t.Kind)
		}
		return t, nil
	case 2:
		switch t.Kind {
		case KindEvent, KindBay, KindCmd, KindBookings, KindVisits:
			t.Name = parts[1]
			return t, checkPart(t.Kind, t.Name)
		}
	}
	return Topic{}, fmt.Errorf("has parts after %s", t.Kind)
}
