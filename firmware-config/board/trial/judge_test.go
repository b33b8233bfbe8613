package trial

import (
	"testing"

	"baylight/device/lamp"
	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
)

// history has every pin of the bench go through the same steps: 'f' not driven,
// 'd' driven dark, 'l' lit; those of the lamp named go through their own.
func history(steps string, tower string, c lamp.Colour, own string) (h emulator.History) {
	for i := range max(len(steps), len(own)) {
		var p emulator.Pins
		for _, t := range towers() {
			for colour, pin := range t.numbers {
				s := steps
				if t.Name == tower && colour == c {
					s = own
				}
				switch s[min(i, len(s)-1)] {
				case 'd':
					p[pin] = level(t.ActiveLow)
				case 'l':
					p[pin] = level(!t.ActiveLow)
				}
			}
		}
		h = append(h, emulator.Change{Pins: p})
	}
	return h
}

func level(high bool) emulator.Level {
	if high {
		return emulator.High
	}
	return emulator.Low
}

// The judge itself: what it lets pass and what it does not.
func TestSteadyStart(t *testing.T) {
	for _, c := range []struct {
		name, steps, own string
		good             bool
	}{
		{"dark at once", "fd", "fd", true},
		{"lit at once", "fd", "fl", true},
		{"past dark", "fd", "fdl", true},
		{"a pulse in the dark", "fd", "fdld", false},
		{"lit and dark", "fd", "fld", false},
		{"lit, dark, lit", "fd", "fldl", false},
		{"never driven", "fd", "f", false},
		{"driven from the beginning", "fd", "d", false},
	} {
		for _, tower := range []string{"b1", "b2"} { // active low and active high
			if err := steadyStart(history(c.steps, tower, lamp.Green, c.own)); (err == nil) != c.good {
				t.Errorf("%s on %s: %v, want good=%v", c.name, tower, err, c.good)
			}
		}
	}
}

func TestDarkened(t *testing.T) {
	for _, c := range []struct {
		name, own string
		good      bool
	}{
		{"dark already", "df", true},
		{"lit, made dark", "ldf", true},
		{"let go while lit", "lf", false},
		{"lit on the way", "dldf", false},
		{"held", "d", false},
	} {
		if err := darkened(history("df", "b1", lamp.Blue, c.own)); (err == nil) != c.good {
			t.Errorf("%s: %v, want good=%v", c.name, err, c.good)
		}
	}
	if err := released(history("df", "b1", lamp.Blue, "d").Last()); err == nil {
		t.Error("a pin that is held counts as given back")
	}
}

func TestShows(t *testing.T) {
	p := history("d", "b1", lamp.Green, "l").Last()
	for want, good := range map[lamp.Colour]bool{lamp.Green: true, lamp.White: false, lamp.Dark: false} {
		if shows(p, map[string]lamp.Colour{"b1": want}) != good {
			t.Errorf("b1 shows %s: want %v", want, good)
		}
	}
	if !shows(emulator.Pins{}, map[string]lamp.Colour{"b1": lamp.Dark, "b2": lamp.Dark, "b3": lamp.Dark}) {
		t.Error("towers that nobody drives are not dark")
	}
}

func TestPlaced(t *testing.T) {
	u := &usb{used: 3, heard: []heard{{card(1), "b1"}}, torn: []string{card(2)}}
	for _, c := range []struct {
		name   string
		events []agent.Event
		good   bool
	}{
		{"in its place", []agent.Event{{Scan: card(1), Bay: "b1"}}, true},
		{"sent and not heard", []agent.Event{{Scan: card(1), Bay: "b1"}, {Scan: card(3), Bay: "b1"}}, true},
		{"lost", nil, false},
		{"at another bay", []agent.Event{{Scan: card(1), Bay: "b2"}}, false},
		{"torn", []agent.Event{{Scan: card(1), Bay: "b1"}, {Scan: card(2), Bay: "b1"}}, false},
		{"made up", []agent.Event{{Scan: card(1), Bay: "b1"}, {Scan: card(4), Bay: "b1"}}, false},
	} {
		if err := u.placed(c.events); (err == nil) != c.good {
			t.Errorf("%s: %v, want good=%v", c.name, err, c.good)
		}
	}
}

func TestResident(t *testing.T) {
	m, err := resident("Name:\tkioskd\nVmRSS:\t   18752 kB\nRssAnon:\t    8504 kB\nRssFile:\t   4 kB\nRssShmem:\t   10244 kB\nThreads:\t9\n")
	if want := (memory{18752, 8504, 10248}); err != nil || m != want {
		t.Errorf("%+v, %v; want %+v", m, err, want)
	}
	for _, bad := range []string{"", "VmRSS: 1 kB\n", "VmRSS: x kB\nRssAnon: 1 kB\nRssFile: 1 kB\nRssShmem: 1 kB\n"} {
		if _, err := resident(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
