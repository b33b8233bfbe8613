package trial

import (
	"fmt"

	"baylight/device/lamp"
	"baylight/kiosk"
)

// The shop on the bench.
const (
	storeTag = "0A7"
	store    = "sh-bench"
	source   = "/stores/" + store + "/kiosks/k1"
)

// badges of a technician and a supervisor.
var (
	technician = kiosk.MakeCode(kiosk.KindBadge, storeTag+"A000001")
	supervisor = kiosk.MakeCode(kiosk.KindBadge, storeTag+"A000002")
)

// staffFile names them.
const staffFile = `schema = 1
[[person]]
id = "t01"
name = "李师傅"
badge = "0A7A000001"
roles = ["technician"]
[[person]]
id = "s01"
name = "陈主管"
badge = "0A7A000002"
roles = ["supervisor"]
`

const header = `schema = 1
staff_file = "staff.toml"
[store]
name = "sh-bench"
tag = "0A7"
key_file = "store.key"
[kiosk]
name = "k1"
letter = "A"
data = "` + dataPath + `"
[http]
listen = "` + pages + `"
[mqtt]
url = "mqtt://127.0.0.1:1883"
`

// files are the files of a board with what follows the header in its configuration.
func files(rest string) map[string]string {
	return map[string]string{
		configPath:                 header + rest,
		"/etc/baylight/staff.toml": staffFile,
		"/etc/baylight/store.key":  "0123456789abcdef0123456789abcdef",
	}
}

// card is the job card of the n-th car; each is another one.
func card(n int) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	return kiosk.MakeCode(kiosk.KindVisit, fmt.Sprintf("%sA00%c%c%c%c", storeTag, digits[n>>15&31], digits[n>>10&31], digits[n>>5&31], digits[n&31]))
}

func action(a kiosk.Action) string { return kiosk.ActionCode(storeTag, a) }

// tower is a tower of the bench: as configured, and by the number of each pin.
type tower struct {
	lamp.Tower
	numbers map[lamp.Colour]int
}

// towers are wired to pins that are named in every way there is: by the chip's
// name, by the header's, by a number that this kernel calls otherwise (GPIO3 is
// its "SCL1"), and by chip and offset; on relays that switch on at low level and
// on transistors that switch on at high level.
func towers() []tower {
	return []tower{
		{lamp.Tower{Name: "b1", ActiveLow: true, Pins: map[lamp.Colour]string{
			lamp.White: "GPIO5", lamp.Green: "GPIO6", lamp.Amber: "GPIO13", lamp.Red: "GPIO19", lamp.Blue: "GPIO26"}},
			map[lamp.Colour]int{lamp.White: 5, lamp.Green: 6, lamp.Amber: 13, lamp.Red: 19, lamp.Blue: 26}},
		{lamp.Tower{Name: "b2", Pins: map[lamp.Colour]string{lamp.Green: "GPIO16", lamp.Red: "GPIO20"}},
			map[lamp.Colour]int{lamp.Green: 16, lamp.Red: 20}},
		{lamp.Tower{Name: "b3", Pins: map[lamp.Colour]string{lamp.Green: "P1_11", lamp.Amber: "gpiochip0:27", lamp.Red: "GPIO3"}},
			map[lamp.Colour]int{lamp.Green: 17, lamp.Amber: 27, lamp.Red: 3}},
	}
}

// lamps is the configuration of the towers.
func lamps() (toml string) {
	for _, t := range towers() {
		toml += fmt.Sprintf("[[bay]]\nid = %q\nactive_low = %v\n", t.Name, t.ActiveLow)
		for c, pin := range t.Pins {
			toml += fmt.Sprintf("lamp.%s = %q\n", c, pin)
		}
	}
	return toml
}
