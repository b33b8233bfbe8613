package settings

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"baylight/device/line"
	"baylight/device/scanner"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/link"
)

// DefaultSocket is where the people's tool finds a kiosk that was told nothing else.
const DefaultSocket = "/run/baylight/kiosk.sock"

// IdentityFile is the file of a board's key and certificate, in its data folder.
const IdentityFile = "identity.pem"

// Kiosk is the checked configuration of one board.
type Kiosk struct {
	Store    Store
	Name     string // of the board, in topics and sources
	Letter   byte   // of the board, in codes and ticket numbers
	Data     string // folder of the journal
	Socket   string // where the people's tool reaches the daemon
	HTTP     HTTP
	MQTT     MQTT
	Scanners []Scanner
	Bays     []Bay
	Printer  *Printer // nil: no printer
	Menu     []kiosk.Item
	Staff    []staff.Person
}

// Store is what a store's daemons share.
type Store struct {
	Name     string // in topics and sources
	Title    string // as people read it
	Tag      string // three characters in codes
	Key      []byte
	Calendar kiosk.Calendar
	// PersonDays is how long person parts are kept after their visit ended; 0: at the
	// back office for ever, at a board as long as their events.
	PersonDays int

	// At the back office only; boards are told.
	Menu    []kiosk.Item
	Bays    []floor.Bay
	Targets map[string]int64 // by the names of kpi.Measures
	Plans   []kpi.Plan       // what 绩效得分 is made of
	Bands   []int64          // of a rework rate, per cent, rising
}

// HTTP is where pages are served.
type HTTP struct {
	Listen      string   // host:port
	Hosts       []string // further names by which browsers may ask for it
	InsecureLAN bool     // listen beyond loopback without TLS; each page says so
}

// MQTT is where the broker is.
type MQTT struct {
	URL, User, Password string
	Identity            string // file of the board's own key and certificate (boards only)
	Broker              bool   // delivery = "broker": the broker's acknowledgement is enough (boards only)
	NATS                bool   // brokers = "nats": a cluster of them
}

// Tune makes the link's settings those for the broker. See CLUSTER.md of the back
// office: a subscription at QoS 1 is a replicated log of its own in NATS, which a lost
// node stops for seconds; and while its nodes find a new leader, they acknowledge what
// is to be retained and do not retain it.
func (m MQTT) Tune(c *link.Config) {
	if m.NATS {
		c.QoS0, c.Renew = true, 30*time.Minute
	}
}

// Scanner is a scanner and the place where it is fixed.
type Scanner struct {
	scanner.Config
	Place string
}

// Bay is a bay and the pins of its lamp by colour; no pins: drawn on screens only.
type Bay struct {
	floor.Bay
	Pins      map[string]string
	ActiveLow bool
}

// Printer is the ticket printer on one of three transports.
type Printer struct {
	Name  string
	Line  line.Config // serial, if Device is set
	USB   string      // e.g. /dev/usb/lp0
	TCP   string      // host:port, e.g. 192.0.2.7:9100
	Width int         // 58 or 80
}

type store struct {
	Name     string `toml:"name"`
	Title    string `toml:"title"`
	Tag      string `toml:"tag"`
	Zone     string `toml:"zone"`
	Calendar string `toml:"calendar"` // whose public holidays it keeps; "" nobody's
	KeyFile  string `toml:"key_file"`
}

type httpTable struct {
	Listen      string   `toml:"listen"`
	Hosts       []string `toml:"hosts"`
	InsecureLAN bool     `toml:"insecure_lan"`
}

type mqttTable struct {
	URL          string `toml:"url"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	Identity     string `toml:"identity"`
	InsecureLAN  bool   `toml:"insecure_lan"`
	Delivery     string `toml:"delivery"`
	Brokers      string `toml:"brokers"`
}

type kioskFile struct {
	Schema    int       `toml:"schema"`
	Store     store     `toml:"store"`
	Hours     hours     `toml:"hours"`
	HTTP      httpTable `toml:"http"`
	MQTT      mqttTable `toml:"mqtt"`
	StaffFile string    `toml:"staff_file"`
	Privacy   privacy   `toml:"privacy"`
	Kiosk     struct {
		Name   string `toml:"name"`
		Letter string `toml:"letter"`
		Data   string `toml:"data"`
		Socket string `toml:"socket"`
	} `toml:"kiosk"`
	Scanner []struct {
		Name       string             `toml:"name"`
		Place      string             `toml:"place"`
		Device     string             `toml:"device"`
		Baud       int                `toml:"baud"`
		Flow       line.Flow          `toml:"flow"`
		Terminator scanner.Terminator `toml:"terminator"`
		Beep       scanner.Beep       `toml:"beep"`
		Limit      int                `toml:"limit"`
	} `toml:"scanner"`
	Bay []struct {
		bay
		Lamp      map[string]string `toml:"lamp"`
		ActiveLow bool              `toml:"active_low"`
	} `toml:"bay"`
	Printer *struct {
		Name   string    `toml:"name"`
		Device string    `toml:"device"`
		Baud   int       `toml:"baud"`
		Flow   line.Flow `toml:"flow"`
		USB    string    `toml:"usb"`
		TCP    string    `toml:"tcp"`
		Width  int       `toml:"width"`
	} `toml:"printer"`
	Menu []menuItem `toml:"menu"`
}

type bay struct {
	ID   string `toml:"id"`
	Name string `toml:"name"`
	Kind string `toml:"kind"`
}

type menuItem struct {
	Code     string `toml:"code"`
	Text     string `toml:"text"`
	Category string `toml:"category"`
	Payer    string `toml:"payer"`
	Minutes  int    `toml:"minutes"`
}

// LoadKiosk reads and checks the configuration of a board. The error names
// every problem, one a line.
func LoadKiosk(path string) (*Kiosk, error) { return KioskFor(Daemon, path) }

// KioskFor is LoadKiosk for the daemon or for a command beside it.
func KioskFor(use Use, path string) (*Kiosk, error) {
	return loadKiosk(path, vaultOf(use, "kioskd.service"))
}

func loadKiosk(path string, v vault) (*Kiosk, error) {
	var f kioskFile
	if err := load(path, &f); err != nil {
		return nil, err
	}
	p := &problems{path: path, vault: v}
	p.schema(f.Schema)
	k := &Kiosk{
		Store: p.store(path, f.Store, f.Hours),
		Name:  f.Kiosk.Name, Data: beside(path, cmp.Or(f.Kiosk.Data, "/var/lib/baylight")),
		Socket: beside(path, cmp.Or(f.Kiosk.Socket, DefaultSocket)),
		HTTP:   p.http(f.HTTP, "127.0.0.1:8080"), MQTT: p.mqtt(path, f.MQTT, KioskPassword),
	}
	k.Store.PersonDays = f.Privacy.PersonDays
	p.personDays("privacy.person_days", f.Privacy.PersonDays)
	k.MQTT.Identity = filepath.Join(k.Data, IdentityFile)
	if f.MQTT.Identity != "" {
		k.MQTT.Identity = beside(path, f.MQTT.Identity)
	}
	p.need("kiosk.name", k.Name, name.MatchString(k.Name) && !slices.Contains(reserved, k.Name),
		"a to z, 0 to 9 and -, at most 32, and none of "+strings.Join(reserved, ", "))
	if len(f.Kiosk.Letter) == 1 && kiosk.ValidBoard(f.Kiosk.Letter[0]) {
		k.Letter = f.Kiosk.Letter[0]
	} else {
		p.add("kiosk.letter: %q is not one of the letters A to Z without I, L, O, U", f.Kiosk.Letter)
	}
	p.bays(f, k)
	p.scanners(f, k)
	p.printer(f, k)
	k.Menu = p.menu(f.Menu)
	if f.StaffFile != "" {
		var err error
		if k.Staff, err = Staff(beside(path, f.StaffFile)); err != nil {
			p.list = append(p.list, err.Error())
		}
	}
	return k, p.err()
}

func (p *problems) store(path string, s store, h hours) Store {
	p.need("store.name", s.Name, name.MatchString(s.Name), "a to z, 0 to 9 and -, at most 32")
	p.need("store.tag", s.Tag, kiosk.ValidTag(s.Tag), "three of 0 to 9, A to Z without I, L, O, U")
	return Store{Name: s.Name, Title: cmp.Or(s.Title, s.Name), Tag: s.Tag,
		Key: p.key("store.key_file", beside(path, s.KeyFile), s.Name), Calendar: p.holidays(s.Calendar, p.calendar(s.Zone, h))}
}

func (p *problems) http(h httpTable, def string) HTTP {
	h.Listen = cmp.Or(h.Listen, def)
	host, _, err := net.SplitHostPort(h.Listen)
	p.need("http.listen", h.Listen, err == nil, `host:port, e.g. "127.0.0.1:8080"`)
	if err == nil && !h.InsecureLAN && !Loopback(host) {
		p.add("http.listen: %q is reachable from outside without TLS; listen on 127.0.0.1, or say insecure_lan = true if this network is yours alone", h.Listen)
	}
	return HTTP(h)
}

// Loopback says whether a host is this machine and nothing else.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *problems) mqtt(path string, m mqttTable, credential string) MQTT {
	u, err := url.Parse(m.URL)
	ok := err == nil && (u.Scheme == "mqtt" || u.Scheme == "mqtts")
	p.need("mqtt.url", m.URL, ok, `mqtt://host:port or mqtts://host:port`)
	if ok && u.Scheme == "mqtt" && !m.InsecureLAN && !Loopback(u.Hostname()) {
		p.add("mqtt.url: %q is another machine, and anybody on the way reads and changes what goes there; use mqtts:// and enrol (baylight enroll), or say insecure_lan = true here if this network is yours alone", m.URL)
	}
	p.need("mqtt.delivery", m.Delivery, m.Delivery == "" || m.Delivery == "receipts" || m.Delivery == "broker", `"receipts" or "broker"`)
	p.need("mqtt.brokers", m.Brokers, m.Brokers == "" || m.Brokers == "nats", `"nats" for a cluster of NATS servers; leave it out for any other`)
	password, _ := p.secret("mqtt.password_file", beside(path, m.PasswordFile), credential)
	return MQTT{URL: m.URL, Broker: m.Delivery == "broker", NATS: m.Brokers == "nats", User: m.User, Password: password}
}

func (p *problems) bays(f kioskFile, k *Kiosk) {
	pins := map[string]string{}
	for i, b := range f.Bay {
		key := fmt.Sprintf("bay %d (%s)", i+1, visible(b.ID))
		bay := p.bay(key, b.bay)
		if slices.ContainsFunc(k.Bays, func(o Bay) bool { return o.ID == b.ID }) {
			p.add("%s: the id is used twice", key)
		}
		for colour, pin := range b.Lamp {
			p.need(key+" lamp", colour, slices.Contains([]string{"white", "green", "amber", "red", "blue"}, colour), "one of white, green, amber, red, blue")
			if other, used := pins[pin]; used {
				p.add("%s: pin %s is used by %s too", key, visible(pin), other)
			}
			pins[pin] = b.ID + "." + colour
		}
		k.Bays = append(k.Bays, Bay{Bay: bay, Pins: b.Lamp, ActiveLow: b.ActiveLow})
	}
}

func (p *problems) bay(key string, b bay) floor.Bay {
	p.need(key+" id", b.ID, name.MatchString(b.ID) && b.ID != floor.Reception && b.ID != floor.Desk, "a to z, 0 to 9 and -, at most 32, not reception or desk")
	p.need(key+" kind", b.Kind, b.Kind == "" || b.Kind == "work" || b.Kind == "wash", `"work" or "wash"`)
	return floor.Bay{ID: b.ID, Name: cmp.Or(b.Name, b.ID), Wash: b.Kind == "wash"}
}

func (p *problems) scanners(f kioskFile, k *Kiosk) {
	for i, s := range f.Scanner {
		key := fmt.Sprintf("scanner %d (%s)", i+1, visible(s.Name))
		c := Scanner{Place: s.Place, Config: scanner.Config{Name: s.Name, Terminator: s.Terminator, Beep: s.Beep, Limit: s.Limit,
			Line: line.Config{Device: s.Device, Baud: s.Baud, Flow: s.Flow}}}
		if err := c.Config.Validate(); err != nil {
			p.add("%s: %v", key, err)
		}
		p.need(key+" name", s.Name, name.MatchString(s.Name), "a to z, 0 to 9 and -, at most 32")
		known := s.Place == floor.Reception || s.Place == floor.Desk || slices.ContainsFunc(k.Bays, func(b Bay) bool { return b.ID == s.Place })
		p.need(key+" place", s.Place, known, `"reception", "desk" or the id of a bay`)
		for _, o := range k.Scanners {
			if o.Name == s.Name || o.Line.Device == s.Device {
				p.add("%s: name or device is used twice", key)
			}
		}
		k.Scanners = append(k.Scanners, c)
	}
}

func (p *problems) printer(f kioskFile, k *Kiosk) {
	t := f.Printer
	if t == nil {
		return
	}
	ways := 0
	for _, s := range []string{t.Device, t.USB, t.TCP} {
		if s != "" {
			ways++
		}
	}
	if ways != 1 {
		p.add("printer: name exactly one of device (serial), usb, tcp")
	}
	if t.Width == 0 {
		t.Width = 80
	}
	if t.Width != 58 && t.Width != 80 {
		p.add("printer.width: %d is not 58 or 80 (mm)", t.Width)
	}
	k.Printer = &Printer{Name: cmp.Or(t.Name, "printer"), USB: t.USB, TCP: t.TCP, Width: t.Width, Line: line.Config{Device: t.Device, Baud: t.Baud, Flow: t.Flow}}
	if t.Device != "" {
		if err := k.Printer.Line.Validate(); err != nil {
			p.add("printer: %v", err)
		}
	}
	if t.USB != "" && !filepath.IsAbs(t.USB) {
		p.add("printer.usb: %q is no absolute path, e.g. /dev/usb/lp0", t.USB)
	}
}

func (p *problems) menu(items []menuItem) (menu []kiosk.Item) {
	for i, m := range items {
		key := fmt.Sprintf("menu %d (%s)", i+1, visible(m.Code))
		p.need(key+" code", m.Code, m.Code != "" && len(m.Code) <= 32, "1 to 32 characters")
		p.need(key+" category", m.Category, slices.Contains(kiosk.Categories(), kiosk.Category(m.Category)), fmt.Sprint("one of ", kiosk.Categories()))
		payer := cmp.Or(m.Payer, "customer")
		p.need(key+" payer", payer, slices.Contains(kiosk.Payers(), payer), fmt.Sprint("one of ", kiosk.Payers()))
		if m.Minutes < 0 || m.Minutes > 6000 {
			p.add("%s minutes: %d is not between 0 and 6000", key, m.Minutes)
		}
		menu = append(menu, kiosk.Item{Code: m.Code, Text: m.Text, Category: kiosk.Category(m.Category), Payer: payer, StandardMinutes: m.Minutes})
	}
	return menu
}
