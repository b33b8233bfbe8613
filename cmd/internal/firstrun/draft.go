package firstrun

import (
	"cmp"
	"crypto/rand"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/words"
	"baylight/sync/identity"
)

// Bounds on what the pages take.
const (
	maxBays   = 64
	maxPeople = 200
	maxText   = 200
)

// Draft is a configuration on its way.
type Draft struct {
	Store  Store
	Board  Board
	Broker Broker
	Bays   []Bay
	Lines  []Line
	Other  Printer // a printer that is on no serial line
	People []Person
}

// Store is what all boards of a store share.
type Store struct {
	Name, Title, Tag, Zone string
	Week, Sunday           string // opening hours, "08:30-18:00" or "closed"
	Key                    string // "" until known
}

// Board is this one.
type Board struct {
	Name, Letter string
	Listen       string
	LAN          bool   // reachable from other machines, without TLS
	Data, Socket string // "": the usual places
}

// Broker is where the board's events go.
type Broker struct {
	URL, User, Password string
	Plain               bool   // without TLS to another machine
	Office              string // host:port where the board enrols
	Code                string // the one-time code, until it is used
}

// Bay is a place of work and the pins of its lamp.
type Bay struct {
	ID, Name  string
	Wash      bool
	Pins      map[string]string // by colour
	ActiveLow bool
}

// Line is a serial line and what is at its end.
type Line struct {
	Path  string
	What  string // "", "scanner" or "printer"
	Name  string
	Place string
	Baud  int
	End   string // terminator of a scanner
	Beep  string
	Flow  string
	Width int // of a printer
}

// Printer is one on USB or on the network.
type Printer struct {
	USB, TCP string
	Width    int
}

// Person is a member of staff. The PIN is kept until the files are written, and
// never written itself.
type Person struct{ Name, Role, PIN string }

// Colours are the lamps a tower may have, in the order of the pages.
var Colours = []string{"white", "green", "amber", "red", "blue"}

// Roles are those that the first run offers; more are given in the staff file.
var Roles = []string{"technician", "adviser", "inspector", "supervisor", "manager"}

// NewDraft begins with what a store usually has, and the lines that were found.
func NewDraft(m Machine) *Draft {
	d := &Draft{
		Store:  Store{Zone: "Asia/Shanghai", Tag: randomTag(), Week: "08:30-18:00", Sunday: "08:30-18:00"},
		Board:  Board{Name: "k1", Letter: "A", Listen: "127.0.0.1:8080"},
		Broker: Broker{URL: "mqtt://127.0.0.1:1883"},
		People: []Person{{Role: "adviser"}, {Role: "technician"}},
		Other:  Printer{Width: 80},
	}
	for range 2 {
		d.AddBay()
	}
	for _, path := range m.Lines {
		d.Lines = append(d.Lines, Line{Path: path, Baud: 9600, End: "cr", Beep: "none", Flow: "none", Width: 80})
	}
	if len(m.Printers) > 0 {
		d.Other.USB = m.Printers[0]
	}
	return d
}

// AddBay adds one more bay with a usual name.
func (d *Draft) AddBay() {
	n := strconv.Itoa(len(d.Bays) + 1)
	d.Bays = append(d.Bays, Bay{ID: "b" + n, Name: n + "号工位", Pins: map[string]string{}})
}

// randomTag is a store's tag that is hardly anybody else's.
func randomTag() string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := make([]byte, 3)
	rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

var (
	topicName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	pinName   = regexp.MustCompile(`^[A-Za-z0-9_:-]{1,40}$`)
	pinDigits = regexp.MustCompile(`^[0-9]{4,12}$`)
	hoursForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$|^closed$`)
)

// clean is a text of a form: trimmed, bounded, without control characters.
func clean(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s))
	if r := []rune(s); len(r) > maxText {
		s = string(r[:maxText])
	}
	return s
}

// form reads a step's form into the draft and says what is wrong with it.
type form struct {
	url.Values
	wrong []words.Message
}

func (f *form) text(key string) string { return clean(f.Get(key)) }

// need notes a problem with a field that people know as label.
func (f *form) need(ok bool, label, problem words.Key) {
	if !ok {
		f.wrong = append(f.wrong, words.Say(problem, words.Text(words.ZH, label)+" "+words.Text(words.EN, label)))
	}
}

// takeStore reads the step of the store.
func (d *Draft) takeStore(f *form) {
	s := &d.Store
	s.Title, s.Name, s.Tag = f.text("title"), strings.ToLower(f.text("name")), strings.ToUpper(f.text("tag"))
	s.Zone, s.Week, s.Sunday = cmp.Or(f.text("zone"), "Asia/Shanghai"), f.text("week"), f.text("sunday")
	if key := f.text("key"); key != "" {
		s.Key = key
	}
	_, zone := time.LoadLocation(s.Zone)
	f.need(s.Title != "", "setup.title", "setup.bad.empty")
	f.need(topicName.MatchString(s.Name), "setup.name", "setup.bad.name")
	f.need(kiosk.ValidTag(s.Tag), "setup.tag", "setup.bad.tag")
	f.need(zone == nil, "setup.zone", "setup.bad.zone")
	f.need(hoursForm.MatchString(s.Week) && hoursForm.MatchString(s.Sunday), "setup.hours", "setup.bad.hours")
	f.need(s.Key == "" || len(s.Key) >= 32, "setup.key", "setup.bad.key")
}

// takeBoard reads the step of this board and the broker.
func (d *Draft) takeBoard(f *form) {
	b := &d.Board
	b.Name, b.Letter, b.Listen, b.LAN = strings.ToLower(f.text("name")), strings.ToUpper(f.text("letter")), f.text("listen"), f.Get("lan") != ""
	d.Broker.URL, d.Broker.User = f.text("url"), f.text("user")
	if p := f.text("password"); p != "" {
		d.Broker.Password = p
	}
	d.Broker.Plain, d.Broker.Office, d.Broker.Code = f.Get("plain") != "", f.text("office"), f.text("code")
	_, _, err := net.SplitHostPort(b.Listen)
	u, bad := url.Parse(d.Broker.URL)
	f.need(topicName.MatchString(b.Name), "setup.board", "setup.bad.name")
	f.need(len(b.Letter) == 1 && kiosk.ValidBoard(b.Letter[0]), "setup.letter", "setup.bad.letter")
	f.need(err == nil, "setup.listen", "setup.bad.listen")
	f.need(bad == nil && (u.Scheme == "mqtt" || u.Scheme == "mqtts") && u.Host != "", "setup.broker", "setup.bad.broker")
	f.need(bad != nil || u.Scheme != "mqtt" || d.Broker.Plain || d.Broker.Code != "" || settings.Loopback(u.Hostname()), "setup.broker", "setup.bad.plain")
	if d.Broker.Code != "" {
		_, _, err := net.SplitHostPort(d.Broker.Office)
		_, wrong := identity.ParseCode(d.Broker.Code)
		f.need(err == nil, "setup.office", "setup.bad.listen")
		f.need(wrong == nil, "setup.enroll.code", "setup.bad.code")
	}
}

// takeBays reads the step of the bays; a bay without an id is taken away.
func (d *Draft) takeBays(f *form) {
	var bays []Bay
	seen := map[string]bool{}
	for i := range min(len(f.Values["id"]), maxBays) {
		n := strconv.Itoa(i)
		b := Bay{ID: strings.ToLower(clean(f.Values["id"][i])), Name: f.text("name" + n), Wash: f.Get("wash"+n) != "",
			ActiveLow: f.Get("low"+n) != "", Pins: map[string]string{}}
		if b.ID == "" {
			continue
		}
		for _, c := range Colours {
			if pin := f.text(c + n); pin != "" {
				b.Pins[c] = pin
				f.need(pinName.MatchString(pin) && !seen["pin "+pin], "setup.pins", "setup.bad.pin")
				seen["pin "+pin] = true
			}
		}
		f.need(topicName.MatchString(b.ID) && b.ID != floor.Reception && b.ID != floor.Desk && !seen[b.ID], "setup.bay", "setup.bad.bay")
		seen[b.ID] = true
		bays = append(bays, b)
	}
	d.Bays = bays
	f.need(len(bays) > 0, "setup.bay", "setup.bad.empty")
}

// takeLines reads the step of the devices. Lines are the machine's; a form
// cannot name another.
func (d *Draft) takeLines(f *form) {
	names := map[string]bool{}
	printers := 0
	for i := range d.Lines {
		l, n := &d.Lines[i], strconv.Itoa(i)
		l.What = oneOf(f.Get("what"+n), "", "scanner", "printer")
		l.Place, l.End = f.text("place"+n), oneOf(f.Get("end"+n), "cr", "crlf", "lf", "tab", "stx-etx", "none", "ssi")
		l.Beep, l.Flow = oneOf(f.Get("beep"+n), "none", "honeywell", "datalogic", "ssi"), oneOf(f.Get("flow"+n), "none", "rtscts", "xonxoff")
		l.Baud, _ = strconv.Atoi(f.Get("baud" + n))
		l.Width = width(f.Get("width" + n))
		switch l.What {
		case "scanner":
			for k := 1; l.Name == "" || names[l.Name]; k++ {
				l.Name = cmp.Or(l.Place, "s") + strings.TrimPrefix("-"+strconv.Itoa(k), "-1")
			}
			names[l.Name] = true
			known := l.Place == floor.Reception || l.Place == floor.Desk || slices.ContainsFunc(d.Bays, func(b Bay) bool { return b.ID == l.Place })
			f.need(known, "setup.place", "setup.bad.place")
		case "printer":
			printers++
		}
		f.need(l.What == "" || l.Baud >= 300 && l.Baud <= 4_000_000, "setup.baud", "setup.bad.baud")
	}
	d.Other = Printer{USB: f.text("usb"), TCP: f.text("tcp"), Width: width(f.Get("width"))}
	_, _, err := net.SplitHostPort(d.Other.TCP)
	f.need(d.Other.TCP == "" || err == nil, "setup.tcp", "setup.bad.listen")
	for _, set := range []bool{d.Other.USB != "", d.Other.TCP != ""} {
		if set {
			printers++
		}
	}
	f.need(printers <= 1, "setup.printer", "setup.bad.printers")
}

// takePeople reads the step of the staff; who has no name is taken away.
func (d *Draft) takePeople(f *form) {
	var people []Person
	names, roles, pins := f.Values["name"], f.Values["role"], f.Values["pin"]
	for i := range min(len(names), len(roles), len(pins), maxPeople) {
		p := Person{Name: clean(names[i]), Role: oneOf(roles[i], Roles...), PIN: clean(pins[i])}
		if p.Name == "" {
			continue
		}
		if p.PIN == "" && i < len(d.People) && d.People[i].Name == p.Name {
			p.PIN = d.People[i].PIN // a PIN is never shown again
		}
		f.need(p.PIN == "" || pinDigits.MatchString(p.PIN), "setup.pin", "setup.bad.pindigits")
		f.need(p.PIN != "" || p.Role == "technician", "setup.pin", "setup.bad.pinmissing")
		people = append(people, p)
	}
	d.People = people
	f.need(slices.ContainsFunc(people, func(p Person) bool { return p.Role != "technician" && p.Role != "inspector" }), "setup.people", "setup.bad.nobody")
}

func oneOf(s string, known ...string) string {
	if slices.Contains(known, s) {
		return s
	}
	return known[0]
}

func width(s string) int {
	if s == "58" {
		return 58
	}
	return 80
}
