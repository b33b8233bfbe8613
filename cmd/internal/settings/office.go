package settings

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/wire"
)

// Office is the checked configuration of a back office.
type Office struct {
	Stores []Store
	Data   string // folder of the ledger
	HTTP   HTTP
	MQTT   MQTT
	Token  string // bearer token of the read API; "" leaves it open, on loopback only
	Staff  []staff.Person
	Ledger Ledger
	// Identity is how boards get certificates; nil: they do not from this office.
	Identity *Identity
}

// privacy is the [privacy] table.
type privacy struct {
	PersonDays int `toml:"person_days"`
}

// Identity is the authority of an office and where boards enrol.
type Identity struct {
	Dir       string   // of its key and register
	BrokerDir string   // of the files that the broker reads; "": none
	Listen    string   // host:port
	Address   string   // host:port as boards reach it
	Broker    string   // mqtts://host:port as boards reach it
	Names     []string // that stand in the broker's certificate, for others than boards
}

// Ledger is where the ledger is; the zero Ledger: a file in Data.
type Ledger struct {
	Postgres     string // how to connect; others may share it
	PasswordFile string // of a secret, or of a credential; read again for every connection; "": none
	Name         string // of this office, as others see it; "": the machine's
	Partitions   int    // of the events, when the ledger is created
}

type officeFile struct {
	Schema    int       `toml:"schema"`
	HTTP      httpTable `toml:"http"`
	MQTT      mqttTable `toml:"mqtt"`
	StaffFile string    `toml:"staff_file"`
	Privacy   privacy   `toml:"privacy"`
	Ledger    struct {
		Postgres     string `toml:"postgres"`
		PasswordFile string `toml:"password_file"`
		Name         string `toml:"name"`
		Partitions   int    `toml:"partitions"`
	} `toml:"ledger"`
	Identity *struct {
		Dir       string   `toml:"dir"`
		BrokerDir *string  `toml:"broker_dir"`
		Listen    string   `toml:"listen"`
		Address   string   `toml:"address"`
		Broker    string   `toml:"broker"`
		Names     []string `toml:"names"`
	} `toml:"identity"`
	Office struct {
		Data      string `toml:"data"`
		TokenFile string `toml:"token_file"`
	} `toml:"office"`
	Store []struct {
		store
		Hours     hours            `toml:"hours"`
		Menu      []menuItem       `toml:"menu"`
		Bay       []bay            `toml:"bay"`
		Targets   map[string]int64 `toml:"targets"`
		Appraisal []criterion      `toml:"appraisal"`
		Bands     []int64          `toml:"rework_bands"`
		Days      *int             `toml:"person_days"`
	} `toml:"store"`
}

// LoadOffice reads and checks the configuration of a back office. The error
// names every problem, one a line.
func LoadOffice(path string) (*Office, error) { return OfficeFor(Daemon, path) }

// OfficeFor is LoadOffice for the daemon or for a command beside it.
func OfficeFor(use Use, path string) (*Office, error) {
	return loadOffice(path, vaultOf(use, "backofficed.service"))
}

func loadOffice(path string, v vault) (*Office, error) {
	var f officeFile
	if err := load(path, &f); err != nil {
		return nil, err
	}
	p := &problems{path: path, vault: v}
	p.schema(f.Schema)
	o := &Office{
		Data: beside(path, cmp.Or(f.Office.Data, "/var/lib/baylight")),
		HTTP: p.http(f.HTTP, "127.0.0.1:8090"), MQTT: p.mqtt(path, f.MQTT, OfficePassword),
	}
	o.Token, _ = p.secret("office.token_file", beside(path, f.Office.TokenFile), OfficeToken)
	o.Ledger = Ledger{Postgres: f.Ledger.Postgres, PasswordFile: beside(path, f.Ledger.PasswordFile), Name: f.Ledger.Name, Partitions: f.Ledger.Partitions}
	p.ledger(&o.Ledger)
	p.identity(path, f, o)
	if f.MQTT.Identity != "" {
		p.add("mqtt.identity: %q is for boards; take it out here, the office signs its own certificates ([identity])", f.MQTT.Identity)
	}
	if f.MQTT.Delivery != "" {
		p.add("mqtt.delivery: %q is for boards; take it out here, the office writes the receipts", f.MQTT.Delivery)
	}
	if o.HTTP.InsecureLAN && o.Token == "" && !p.bare {
		p.add("office.token_file: beyond loopback the figures need a token; name the file that holds one, or pass the credential %s", OfficeToken)
	}
	p.personDays("privacy.person_days", f.Privacy.PersonDays)
	if len(f.Store) == 0 {
		p.add("store: name at least one [[store]]")
	}
	seen := map[string]bool{}
	for _, s := range f.Store {
		if seen[s.Name] {
			p.add("store %q stands here twice", s.Name)
		}
		seen[s.Name] = true
		one := p.store(path, s.store, s.Hours)
		one.PersonDays = f.Privacy.PersonDays
		if s.Days != nil {
			one.PersonDays = *s.Days
			p.personDays(fmt.Sprintf("store %q person_days", s.Name), *s.Days)
		}
		one.Menu, one.Targets, one.Bands = p.menu(s.Menu), s.Targets, s.Bands
		for i, b := range s.Bay {
			one.Bays = append(one.Bays, p.bay(fmt.Sprintf("store %q bay %d (%s)", s.Name, i+1, visible(b.ID)), b))
		}
		p.aims(&one, s.Appraisal)
		p.told(one)
		o.Stores = append(o.Stores, one)
	}
	if f.StaffFile != "" {
		var err error
		if o.Staff, err = Staff(beside(path, f.StaffFile)); err != nil {
			p.list = append(p.list, err.Error())
		}
	}
	return o, p.err()
}

func (p *problems) personDays(key string, days int) {
	if days < 0 || days > kiosk.MaxPersonDays {
		p.add("%s: %d is not 0 (keep them) to %d", key, days, kiosk.MaxPersonDays)
	}
}

// BrokerDir is where the broker reads its files, unless it is told otherwise.
const BrokerDir = "/var/lib/baylight-broker"

// identity checks the [identity] table.
func (p *problems) identity(path string, f officeFile, o *Office) {
	t := f.Identity
	if t == nil {
		return
	}
	id := &Identity{Dir: beside(path, cmp.Or(t.Dir, filepath.Join(o.Data, "identity"))), BrokerDir: BrokerDir, Listen: cmp.Or(t.Listen, "0.0.0.0:8892"),
		Address: t.Address, Broker: cmp.Or(t.Broker, f.MQTT.URL), Names: t.Names}
	if t.BrokerDir != nil {
		id.BrokerDir = beside(path, *t.BrokerDir)
	}
	_, _, err := net.SplitHostPort(id.Listen)
	p.need("identity.listen", id.Listen, err == nil, `host:port, e.g. "0.0.0.0:8892"`)
	host, _, err := net.SplitHostPort(id.Address)
	p.need("identity.address", id.Address, err == nil && host != "", `host:port as boards reach this machine, e.g. "192.0.2.10:8892"`)
	u, err := url.Parse(id.Broker)
	p.need("identity.broker", id.Broker, err == nil && u.Scheme == "mqtts" && u.Hostname() != "", `mqtts://host:port as boards reach the broker, e.g. "mqtts://192.0.2.10:8883"`)
	for _, n := range t.Names {
		p.need("identity.names", n, hostName.MatchString(n) || net.ParseIP(n) != nil, "a host name or an address")
	}
	o.Identity = id
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// ledger checks the [ledger] table. A password has no place in the address.
func (p *problems) ledger(l *Ledger) {
	switch {
	case l.Postgres == "" && *l != (Ledger{}):
		p.add("ledger.postgres: say how to connect, e.g. \"postgres://baylight@db:5432/baylight\", or take [ledger] out")
	case passwordIn.MatchString(l.Postgres):
		p.add("ledger.postgres: a password stands in it; name a file with ledger.password_file instead")
	case l.Partitions < 0 || l.Partitions > 1024:
		p.add("ledger.partitions: %d is not 0 to 1024", l.Partitions)
	}
	if l.Postgres != "" {
		_, from := p.secret("ledger.password_file", l.PasswordFile, LedgerPassword)
		l.PasswordFile = cmp.Or(from, l.PasswordFile)
	}
}

var passwordIn = regexp.MustCompile(`(?i)password\s*=|://[^/@]*:[^/@]*@`)

// criterion is one of [[store.appraisal]].
type criterion struct {
	For    kpi.By   `toml:"for"`
	Figure string   `toml:"figure"`
	Kind   kpi.Kind `toml:"kind"`
	Plan   int64    `toml:"plan"`
	Weight int64    `toml:"weight"`
	Cap    int64    `toml:"cap"`
}

// aims checks a store's targets and what its appraisal is made of.
func (p *problems) aims(s *Store, appraisal []criterion) {
	for _, name := range slices.Sorted(maps.Keys(s.Targets)) {
		if err := kpi.CheckTarget(name, s.Targets[name]); err != nil {
			p.add("store %q targets: %v", s.Name, err)
		}
	}
	for _, c := range appraisal {
		s.Plans = append(s.Plans, kpi.Plan{By: c.For, Measure: c.Figure, Kind: c.Kind, Plan: c.Plan, Weight: c.Weight, Cap: c.Cap})
	}
	if err := kpi.CheckPlans(s.Plans); err != nil {
		p.add("store %q appraisal: %v", s.Name, err)
	}
}

// told checks what boards are told as they will check it.
func (p *problems) told(s Store) {
	if s.Calendar.Zone == nil || p.err() != nil {
		return // said already
	}
	if err := SetupOf(s).Check(); err != nil {
		p.add("store %q: %v", s.Name, err)
	}
}

// SetupOf is what a store's configuration says of it, as boards are told.
func SetupOf(s Store) wire.Setup {
	out := wire.Setup{Calendar: wire.CalendarOf(s.Calendar), Targets: s.Targets, ReworkBands: s.Bands}
	for _, m := range s.Menu {
		out.Menu = append(out.Menu, wire.SetupItem{Code: m.Code, Text: m.Text, Category: m.Category, Payer: m.Payer, Minutes: m.StandardMinutes})
	}
	for _, c := range s.Plans {
		out.Appraisal = append(out.Appraisal, wire.SetupCriterion{For: string(c.By), Figure: c.Measure, Kind: string(c.Kind), Plan: c.Plan, Weight: c.Weight, Cap: c.Cap})
	}
	for _, b := range s.Bays {
		out.Bays = append(out.Bays, wire.SetupBay{ID: b.ID, Name: b.Name, Wash: b.Wash})
	}
	return out
}
