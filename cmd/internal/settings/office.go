package settings

import (
	"cmp"

	"baylight/kiosk/staff"
)

// Office is the checked configuration of a back office.
type Office struct {
	Stores []Store
	Data   string // folder of the ledger
	HTTP   HTTP
	MQTT   MQTT
	Token  string // bearer token of the read API; "" leaves it open, on loopback only
	Staff  []staff.Person
}

type officeFile struct {
	Schema    int       `toml:"schema"`
	HTTP      httpTable `toml:"http"`
	MQTT      mqttTable `toml:"mqtt"`
	StaffFile string    `toml:"staff_file"`
	Office    struct {
		Data      string `toml:"data"`
		TokenFile string `toml:"token_file"`
	} `toml:"office"`
	Store []struct {
		store
		Hours hours `toml:"hours"`
	} `toml:"store"`
}

// LoadOffice reads and checks the configuration of a back office. The error
// names every problem, one a line.
func LoadOffice(path string) (*Office, error) {
	var f officeFile
	if err := load(path, &f); err != nil {
		return nil, err
	}
	p := &problems{path: path}
	p.schema(f.Schema)
	o := &Office{
		Data: beside(path, cmp.Or(f.Office.Data, "/var/lib/baylight")),
		HTTP: p.http(f.HTTP, "127.0.0.1:8090"), MQTT: p.mqtt(path, f.MQTT),
		Token: p.secret("office.token_file", beside(path, f.Office.TokenFile)),
	}
	if f.MQTT.Delivery != "" {
		p.add("mqtt.delivery: %q is for boards; take it out here, the office writes the receipts", f.MQTT.Delivery)
	}
	if o.HTTP.InsecureLAN && o.Token == "" {
		p.add("office.token_file: beyond loopback the figures need a token; name the file that holds one")
	}
	if len(f.Store) == 0 {
		p.add("store: name at least one [[store]]")
	}
	seen := map[string]bool{}
	for _, s := range f.Store {
		if seen[s.Name] {
			p.add("store %q stands here twice", s.Name)
		}
		seen[s.Name] = true
		o.Stores = append(o.Stores, p.store(path, s.store, s.Hours))
	}
	if f.StaffFile != "" {
		var err error
		if o.Staff, err = Staff(beside(path, f.StaffFile)); err != nil {
			p.list = append(p.list, err.Error())
		}
	}
	return o, p.err()
}
