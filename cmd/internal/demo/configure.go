package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"baylight/cmd/internal/demo/script"
	"baylight/device/lamp"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/staff"
)

// The store of the demo.
const (
	Store    = "demo"
	StoreTag = "0A7"
	Board    = "k1"
	PIN      = "2468" // of everybody who may sign in
)

// places are where scanners are fixed.
func places() []string {
	ps := []string{floor.Reception, floor.Desk}
	for n := 1; n <= script.WorkBays+1; n++ {
		ps = append(ps, script.BayID(n))
	}
	return ps
}

// badgeOf is the id of a person's badge.
func badgeOf(n int) string { return fmt.Sprintf("%s000%04d", StoreTag, n) }

// towers are the lamps and their pins: five colours each, on relays that switch
// on at low level.
func towers() (ts []lamp.Tower) {
	pin := 0
	for n := 1; n <= script.WorkBays+1; n++ {
		t := lamp.Tower{Name: script.BayID(n), Pins: map[lamp.Colour]string{}, ActiveLow: true}
		for _, c := range []lamp.Colour{lamp.White, lamp.Green, lamp.Amber, lamp.Red, lamp.Blue} {
			t.Pins[c] = fmt.Sprintf("PIN%d", pin)
			pin++
		}
		ts = append(ts, t)
	}
	return ts
}

type person struct {
	id, name, team string
	roles          []string
	signsIn        bool
}

func people() (ps []person) {
	for i, id := range script.Advisers() {
		ps = append(ps, person{id: id, name: []string{"王顾问", "周顾问", "吴顾问"}[i], roles: []string{"adviser"}, signsIn: true})
	}
	names := []string{"李师傅", "张师傅", "刘师傅", "陈师傅", "杨师傅", "黄师傅", "孙师傅", "马师傅", "朱师傅", "胡师傅"}
	for i, id := range script.Technicians() {
		ps = append(ps, person{id: id, name: names[i], team: []string{"一组", "二组"}[i%2], roles: []string{"technician"}})
	}
	return append(ps,
		person{id: script.Washer, name: "何师傅", roles: []string{"technician"}},
		person{id: "q01", name: "赵质检", roles: []string{"inspector"}},
		person{id: script.Dual, name: "钱质检", roles: []string{"inspector", "technician"}},
		person{id: script.Supervisor, name: "郑主管", roles: []string{"supervisor"}, signsIn: true},
		person{id: script.Manager, name: "冯经理", roles: []string{"manager", "adviser"}, signsIn: true},
	)
}

// configure writes the files that a store's IT person would write.
func (s *Shop) configure() error {
	sum := sha256.Sum256(fmt.Appendf(nil, "store key %d", s.seed))
	key := hex.EncodeToString(sum[:])
	s.key = []byte(key)
	st, err := staffFile(s.key)
	if err != nil {
		return err
	}
	store := fmt.Sprintf("name = %q\ntitle = %q\ntag = %q\nzone = \"Asia/Shanghai\"\nkey_file = \"store.key\"\n", Store, "百利服务中心（演示）", StoreTag)
	for name, text := range map[string]string{
		"store.key":       key,
		"staff.toml":      st,
		"kiosk.toml":      s.kioskFile(store),
		"backoffice.toml": fmt.Sprintf("schema = 1\nstaff_file = \"staff.toml\"\n[office]\ndata = \"office\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[[store]]\n%s%s", s.Office, s.BrokerURL(), store, aims),
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}

// aims are what the demo's store wants to reach, and what its people are appraised by.
const aims = `[store.targets]
on_time_percent = 90
rework_percent = 3
rework_charged_percent = 3
receptions_per_adviser_day = 8
turnaround_minutes = 150
efficiency_percent = 100
bay_utilisation_running_percent = 60
data_quality_percent = 98
[[store.appraisal]]
for = "adviser"
figure = "on_time_percent"
kind = "growth"
plan = 90
weight = 50
cap = 110
[[store.appraisal]]
for = "adviser"
figure = "category_counts"
kind = "growth"
plan = 15
weight = 30
cap = 120
[[store.appraisal]]
for = "adviser"
figure = "response_accepted_minutes"
kind = "control"
plan = 6
weight = 20
[[store.appraisal]]
for = "technician"
figure = "efficiency_percent"
kind = "growth"
plan = 100
weight = 60
cap = 120
[[store.appraisal]]
for = "technician"
figure = "rework_charged_percent"
kind = "control"
plan = 3
weight = 40
`

func staffFile(key []byte) (string, error) {
	verifier, err := staff.HashPIN(key, PIN)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("schema = 1\n")
	for i, p := range people() {
		fmt.Fprintf(&b, "[[person]]\nid = %q\nname = %q\nteam = %q\nbadge = %q\nroles = [%s]\n", p.id, p.name, p.team, badgeOf(i+1), `"`+strings.Join(p.roles, `", "`)+`"`)
		if p.signsIn {
			fmt.Fprintf(&b, "pin = %q\n", verifier)
		}
	}
	return b.String(), nil
}

func (s *Shop) kioskFile(store string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "schema = 1\nstaff_file = \"staff.toml\"\n[store]\n%s[kiosk]\nname = %q\nletter = \"A\"\ndata = \"kiosk\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n", store, Board, s.Kiosk, s.BrokerURL())
	for _, p := range places() {
		// The hands scan as fast as they are answered, which no person can.
		fmt.Fprintf(&b, "[[scanner]]\nname = %q\nplace = %q\ndevice = %q\nbeep = \"honeywell\"\nbaud = 115200\nlimit = 1000000\n", scannerAt(p), p, s.scanners[p].Path())
	}
	for i, t := range towers() {
		kind, name := "work", fmt.Sprintf("%d号工位", i+1)
		if t.Name == script.WashBay {
			kind, name = "wash", "洗车位"
		}
		fmt.Fprintf(&b, "[[bay]]\nid = %q\nname = %q\nkind = %q\nactive_low = true\nlamp = { ", t.Name, name, kind)
		for c, pin := range t.Pins {
			fmt.Fprintf(&b, "%s = %q, ", c, pin)
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "[printer]\ndevice = %q\nbaud = 3000000\nwidth = 80\n", s.printer.Path())
	for _, m := range script.Menu() {
		fmt.Fprintf(&b, "[[menu]]\ncode = %q\ntext = %q\ncategory = %q\npayer = %q\nminutes = %d\n", m.Code, m.Text, m.Category, m.Payer, m.Minutes)
	}
	return strings.ReplaceAll(b.String(), ", }", " }")
}

// scannerAt is the name of the scanner at a place.
func scannerAt(place string) string {
	if place == floor.Reception {
		return "front"
	}
	return "scan-" + place
}

// badgeCode is the code on a person's badge.
func badgeCode(id string) string {
	for i, p := range people() {
		if p.id == id {
			return kiosk.MakeCode(kiosk.KindBadge, badgeOf(i+1))
		}
	}
	return ""
}
