package lamp

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"periph.io/x/conn/v3/gpio"
)

// chips of boards: lines are named "" unless given.
func board(name, label string, n int, named map[int]string) chip {
	c := chip{name: name, label: label, lines: make([]string, n)}
	for i, l := range named {
		c.lines[i] = l
	}
	return c
}

func gpioNames(n int) map[int]string {
	m := map[int]string{}
	for i := range n {
		m[i] = "GPIO" + strconv.Itoa(i)
	}
	return m
}

func TestFind(t *testing.T) {
	pi4 := []chip{board("gpiochip0", "pinctrl-bcm2711", 58, gpioNames(46)), board("gpiochip1", "raspberrypi-exp-gpio", 8, map[int]string{0: "BT_ON", 1: "WL_ON"})}
	mainline := []chip{board("gpiochip0", "pinctrl-bcm2835", 54, map[int]string{2: "SDA1", 3: "SCL1", 17: "GPIO17"})}
	pi5 := []chip{board("gpiochip10", "gpio-brcmstb@107d508500", 32, map[int]string{0: "2712_WAKE", 17: "GPIO17"}),
		board("gpiochip11", "gpio-brcmstb@107d517c00", 32, map[int]string{0: "2712_WAKE"}),
		board("gpiochip0", "pinctrl-rp1", 54, gpioNames(28))}
	pc := []chip{board("gpiochip0", "INT344B:00", 300, nil), board("gpiochip1", "pcf8574", 8, nil)}
	for _, c := range []struct {
		name  string
		chips []chip
		pin   string
		want  string
	}{
		{"by name", pi4, "GPIO17", "gpiochip0:17"},
		{"by header", pi4, "P1_11", "gpiochip0:17"},
		{"by header, the last", pi4, "P1_40", "gpiochip0:21"},
		{"by another chip's name", pi4, "BT_ON", "gpiochip1:0"},
		{"mainline names GPIO2 otherwise", mainline, "GPIO2", "gpiochip0:2"},
		{"mainline by header", mainline, "P1_5", "gpiochip0:3"},
		{"mainline by its own name", mainline, "SDA1", "gpiochip0:2"},
		{"Pi 5: the processor's chip first", pi5, "GPIO17", "gpiochip0:17"},
		{"Pi 5 by header", pi5, "P1_13", "gpiochip0:27"},
		{"by chip and offset", pc, "gpiochip1:7", "gpiochip1:7"},
		{"by label and offset", pc, "pcf8574:0", "gpiochip1:0"},
		{"on two chips", pi5, "2712_WAKE", "several lines have the name, write one of [gpiochip10:0 gpiochip11:0]"},
		{"no such name", pi4, "GPIO99", "pin GPIO99: no such pin"},
		{"a name of the Pi on no Pi", pc, "GPIO17", "no such pin"},
		{"not on the header", mainline, "GPIO40", "no such pin"},
		{"not quite a name", pi4, "GPIO017", "no such pin"},
		{"negative", mainline, "GPIO-2", "no such pin"},
		{"ground", pi4, "P1_6", "without power and ground"},
		{"no such offset", pc, "gpiochip1:8", "gpiochip1 has lines 0 to 7"},
		{"offset that is no number", pc, "gpiochip1:x", "gpiochip1 has lines 0 to 7"},
		{"no such chip", pc, "gpiochip7:1", "no chip gpiochip7"},
		{"unnamed lines are not found by no name", pc, "", "no such pin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := find(c.chips, c.pin)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrNoPin) {
					t.Errorf("find(%s): %v, want %s", c.pin, err, c.want)
				}
				return
			}
			if at.String() != c.want {
				t.Errorf("find(%s) = %s, want %s", c.pin, at, c.want)
			}
		})
	}
}

func TestHeaderIsThatOfTheBoard(t *testing.T) {
	h, seen := header(), map[string]string{}
	for name, p := range h {
		if want := "GPIO" + strconv.Itoa(p.Number()); p.Name() != want || p.Number() > 27 {
			t.Errorf("%s is %s, number %d", name, p.Name(), p.Number())
		}
		if other := seen[p.Name()]; other != "" {
			t.Errorf("%s and %s are both %s", name, other, p.Name())
		}
		seen[p.Name()] = name
	}
	if len(h) != 28 {
		t.Errorf("%d pins, the header has 28", len(h))
	}
}

// fakeLines record requests and levels like the kernel would be asked for them.
type fakeLines struct {
	asked  []string
	err    error
	setErr error
}

func (f *fakeLines) request(chip string, offset int, activeLow bool, initial int) (line, error) {
	f.asked = append(f.asked, fmt.Sprintf("request %s:%d low=%v first=%d", chip, offset, activeLow, initial))
	if f.err != nil {
		return nil, f.err
	}
	return fakeLine{f}, nil
}

type fakeLine struct{ *fakeLines }

func (f fakeLine) SetValue(v int) error {
	f.asked = append(f.asked, fmt.Sprintf("set %d", v))
	return f.setErr
}

func (f fakeLine) Close() error {
	f.asked = append(f.asked, "close")
	return nil
}

func (f *fakeLines) log() string {
	s := strings.Join(f.asked, ", ")
	f.asked = nil
	return s
}

func fakeHost(f *fakeLines) *host {
	return &host{chips: []chip{board("gpiochip0", "pinctrl-bcm2711", 58, gpioNames(46))}, request: f.request,
		holder: func(string, int) (string, bool) { return "w1-gpio", f.err != nil }, i2c: newExpanders(nil), taken: map[place]string{}}
}

func out(t *testing.T, p gpio.PinOut, l gpio.Level) {
	t.Helper()
	if err := p.Out(l); err != nil {
		t.Fatal(err)
	}
}

func TestTheFirstLevelIsInTheRequest(t *testing.T) {
	for _, activeLow := range []bool{false, true} {
		f := &fakeLines{}
		p, err := fakeHost(f).open("GPIO17", activeLow)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.log(); got != "" {
			t.Errorf("opening did %s", got)
		}
		out(t, p, gpio.High)
		if got, want := f.log(), fmt.Sprintf("request gpiochip0:17 low=%v first=1", activeLow); got != want {
			t.Errorf("first Out did %s, want %s", got, want)
		}
		out(t, p, gpio.Low)
		if got := f.log(); got != "set 0" {
			t.Errorf("second Out did %s", got)
		}
	}
}

func TestReadingBackDoesNotDisturb(t *testing.T) {
	f := &fakeLines{}
	p, err := fakeHost(f).open("P1_11", false)
	if err != nil {
		t.Fatal(err)
	}
	out(t, p, gpio.High)
	f.log()
	if got := fmt.Sprintf("%s %d %s %s", p.Name(), p.Number(), p, p.(*hostPin).Function()); got != "P1_11 17 P1_11(gpiochip0:17) Out/High" {
		t.Errorf("the pin says %s", got)
	}
	if got := f.log(); got != "" {
		t.Errorf("asking the pin did %s", got)
	}
	if _, ok := p.(gpio.PinIn); ok {
		t.Error("the pin can be read, which would have to be safe")
	}
}

func TestABusyPinNamesItsHolderAndRecovers(t *testing.T) {
	f := &fakeLines{err: syscall.EBUSY}
	p, err := fakeHost(f).open("GPIO17", false)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err = p.Out(gpio.High)
		if !errors.Is(err, ErrBusy) || err.Error() != "pin GPIO17: busy, held by w1-gpio" {
			t.Errorf("Out of a busy pin: %v", err)
		}
	}
	f.err = nil
	f.log()
	out(t, p, gpio.High)
	if got := f.log(); got != "request gpiochip0:17 low=false first=1" {
		t.Errorf("Out of a pin that became free did %s", got)
	}
}

func TestALineThatFailsIsAskedForAgain(t *testing.T) {
	f := &fakeLines{}
	p, err := fakeHost(f).open("GPIO17", true)
	if err != nil {
		t.Fatal(err)
	}
	out(t, p, gpio.Low)
	f.setErr = syscall.ENODEV
	if err := p.Out(gpio.High); !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "GPIO17") {
		t.Errorf("Out on a chip that is gone: %v", err)
	}
	f.setErr = nil
	out(t, p, gpio.High)
	if got := f.log(); got != "request gpiochip0:17 low=true first=0, set 1, close, request gpiochip0:17 low=true first=1" {
		t.Errorf("did %s", got)
	}
}

func TestHaltGivesTheLineBack(t *testing.T) {
	f := &fakeLines{}
	h := fakeHost(f)
	p, err := h.open("GPIO17", false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.open("P1_11", false)
	if !errors.Is(err, ErrTwice) || !strings.Contains(err.Error(), "pin GPIO17 of this program, which is gpiochip0:17 too") {
		t.Errorf("two names of one line: %v", err)
	}
	out(t, p, gpio.Low)
	f.log()
	for range 2 {
		if err := p.Halt(); err != nil {
			t.Error(err)
		}
	}
	if got := f.log(); got != "close" {
		t.Errorf("Halt did %s", got)
	}
	if _, err := h.open("P1_11", false); err != nil {
		t.Errorf("after Halt: %v", err)
	}
}

func TestOpenHostWithoutGPIO(t *testing.T) {
	if found, err := filepath.Glob("/dev/gpiochip*"); err != nil || len(found) > 0 || hasBus() {
		t.Skip("this machine has GPIO: see the conformance run on the board")
	}
	open, err := OpenHost()
	if open != nil || !errors.Is(err, ErrNoGPIO) {
		t.Errorf("OpenHost: %v", err)
	}
}

// host.Init closes descriptor 0, maps guessed memory as root, and calls a machine
// without pins a success; its registered drivers run only through it.
func TestPeriphIsNeverInitialised(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range parsed.Imports {
			switch imp.Path.Value {
			case `"periph.io/x/host/v3"`, `"periph.io/x/conn/v3/driver/driverreg"`:
				t.Errorf("%s imports %s", file, imp.Path.Value)
			}
		}
	}
}
