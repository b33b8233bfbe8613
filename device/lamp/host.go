package lamp

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/warthog618/go-gpiocdev"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/rpi"
)

// consumer is what gpioinfo and other programs' errors call us.
const consumer = "baylight"

// chip is a GPIO chip as far as finding pins needs it.
type chip struct {
	name  string // "gpiochip0"
	label string // "pinctrl-bcm2711"
	lines []string
}

// piChips are the labels of the chips behind the 40-pin header of a Raspberry
// Pi; their offsets are the numbers of the GPIO names (0 to 27 on the header).
var piChips = []string{"pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"}

// host opens lines of the machine's chips.
type host struct {
	chips   []chip
	request func(chip string, offset int, activeLow bool, initial int) (line, error)
	holder  func(chip string, offset int) (who string, used bool)
	i2c     *expanders

	mu    sync.Mutex
	taken map[place]string // by the name it was opened with
}

// place is a line's chip and offset.
type place struct {
	chip   string
	offset int
}

func (p place) String() string { return p.chip + ":" + strconv.Itoa(p.offset) }

// OpenHost looks for the GPIO chips of this machine and gives the opener of
// their pins and of those of I²C expanders (see [OpenExpanders]). It fails with
// [ErrNoGPIO] if there are neither chips nor buses, and says which group to join
// if chips may not be opened. Opening a pin does not touch it.
func OpenHost() (Opener, error) {
	var chips []chip
	var denied, odd error
	for _, name := range gpiocdev.Chips() {
		c, err := readChip(name)
		switch {
		case err == nil:
			chips = append(chips, c)
		case errors.Is(err, fs.ErrPermission):
			denied = fmt.Errorf("%w: %s", err, groupToJoin("/dev/"+name))
		case !errors.Is(err, gpiocdev.ErrNotCharacterDevice): // a link to another chip is no chip
			odd = err
		}
	}
	switch {
	case len(chips) > 0 || denied == nil && hasBus():
		h := &host{chips: chips, request: requestLine, holder: lineHolder, i2c: newExpanders(openHostBus), taken: map[place]string{}}
		return h.open, nil
	case denied != nil:
		return nil, fmt.Errorf("open GPIO: %w", denied)
	case odd != nil:
		return nil, fmt.Errorf("open GPIO: %w: %w", ErrNoGPIO, odd)
	}
	return nil, fmt.Errorf("open GPIO: %w", ErrNoGPIO)
}

// hasBus tells whether there is an I²C bus, and so perhaps an expander.
func hasBus() bool {
	buses, _ := filepath.Glob("/dev/i2c-*") // the pattern is well formed
	return len(buses) > 0
}

func readChip(name string) (chip, error) {
	c, err := gpiocdev.NewChip(name)
	if err != nil {
		return chip{}, err
	}
	defer c.Close()
	out := chip{name: c.Name, label: c.Label, lines: make([]string, c.Lines())}
	for i := range out.lines {
		info, err := c.LineInfo(i)
		if err != nil {
			return chip{}, fmt.Errorf("read line %d of %s: %w", i, name, err)
		}
		out.lines[i] = info.Name
	}
	return out, nil
}

func requestLine(chip string, offset int, activeLow bool, initial int) (line, error) {
	opts := []gpiocdev.LineReqOption{gpiocdev.AsOutput(initial), gpiocdev.WithConsumer(consumer)}
	if activeLow {
		opts = append(opts, gpiocdev.AsActiveLow)
	}
	l, err := gpiocdev.RequestLine(chip, offset, opts...)
	if err != nil {
		return nil, err // not l: a nil *Line is no nil line
	}
	return l, nil
}

// lineHolder is whether a line is held, and the label of who holds it, or "".
func lineHolder(chip string, offset int) (who string, used bool) {
	c, err := gpiocdev.NewChip(chip)
	if err != nil {
		return "", false
	}
	defer c.Close()
	info, err := c.LineInfo(offset)
	if err != nil {
		return "", false
	}
	return info.Consumer, info.Used
}

// open is the host's [Opener].
func (h *host) open(name string, activeLow bool) (gpio.PinOut, error) {
	if h.i2c.names(name) {
		return h.i2c.open(name, activeLow)
	}
	if len(h.chips) == 0 {
		return nil, &PinError{Pin: name, Err: ErrNoGPIO}
	}
	at, err := find(h.chips, name)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if other, ok := h.taken[at]; ok {
		return nil, &PinError{Pin: name, Holder: fmt.Sprintf("pin %s of this program, which is %s too", other, at), Err: ErrTwice}
	}
	h.taken[at] = name
	p := &hostPin{name: name, at: at}
	p.request = func(initial int) (line, error) {
		l, err := h.request(at.chip, at.offset, activeLow, initial)
		if errors.Is(err, syscall.EBUSY) {
			who, _ := h.holder(at.chip, at.offset)
			return nil, &PinError{Pin: name, Holder: who, Err: ErrBusy}
		}
		if err != nil {
			return nil, &PinError{Pin: name, Err: err}
		}
		return l, nil
	}
	p.look = func() error {
		if who, used := h.holder(at.chip, at.offset); used {
			return &PinError{Pin: name, Holder: who, Err: ErrBusy}
		}
		return nil
	}
	p.release = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.taken, at)
	}
	return p, nil
}

// find looks a pin up: as chip:offset, as a name of the header, as the kernel's
// name of a line, and as GPIOn on a Raspberry Pi whose kernel names the line
// otherwise (mainline calls GPIO2 "SDA1").
func find(chips []chip, name string) (place, error) {
	if c, off, ok := strings.Cut(name, ":"); ok {
		return findOffset(chips, name, c, off)
	}
	want := name
	if strings.HasPrefix(name, "P1_") {
		p, ok := header()[name]
		if !ok {
			return place{}, &PinError{Pin: name, Err: fmt.Errorf("%w: the header's GPIO pins are P1_3 to P1_40 without power and ground", ErrNoPin)}
		}
		want = p.Name()
	}
	var named, preferred []place
	for _, c := range chips {
		for i, l := range c.lines {
			if l != want {
				continue
			}
			named = append(named, place{c.name, i})
			if strings.HasPrefix(c.label, "pinctrl-") { // the processor's own pins
				preferred = append(preferred, place{c.name, i})
			}
		}
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(preferred) == 1:
		return preferred[0], nil
	case len(named) > 1:
		return place{}, &PinError{Pin: name, Err: fmt.Errorf("%w: several lines have the name, write one of %v", ErrNoPin, named)}
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(want, "GPIO")); err == nil && "GPIO"+strconv.Itoa(n) == want && n >= 0 && n <= 27 {
		for _, c := range chips {
			if slices.Contains(piChips, c.label) && n < len(c.lines) {
				return place{c.name, n}, nil
			}
		}
	}
	return place{}, &PinError{Pin: name, Err: fmt.Errorf("%w on this board: names are like GPIO17, P1_11 or gpiochip0:17; gpioinfo lists them", ErrNoPin)}
}

func findOffset(chips []chip, name, chipName, offset string) (place, error) {
	for _, c := range chips {
		if c.name != chipName && c.label != chipName {
			continue
		}
		if n, err := strconv.Atoi(offset); err == nil && n >= 0 && n < len(c.lines) {
			return place{c.name, n}, nil
		}
		return place{}, &PinError{Pin: name, Err: fmt.Errorf("%w: %s has lines 0 to %d", ErrNoPin, chipName, len(c.lines)-1)}
	}
	return place{}, &PinError{Pin: name, Err: fmt.Errorf("%w: no chip %s", ErrNoPin, chipName)}
}

// header are the GPIO pins of the Raspberry Pi's 40-pin header, as periph knows
// them without being initialised.
func header() map[string]gpio.PinIO {
	return map[string]gpio.PinIO{
		"P1_3": rpi.P1_3, "P1_5": rpi.P1_5, "P1_7": rpi.P1_7, "P1_8": rpi.P1_8, "P1_10": rpi.P1_10,
		"P1_11": rpi.P1_11, "P1_12": rpi.P1_12, "P1_13": rpi.P1_13, "P1_15": rpi.P1_15, "P1_16": rpi.P1_16,
		"P1_18": rpi.P1_18, "P1_19": rpi.P1_19, "P1_21": rpi.P1_21, "P1_22": rpi.P1_22, "P1_23": rpi.P1_23,
		"P1_24": rpi.P1_24, "P1_26": rpi.P1_26, "P1_27": rpi.P1_27, "P1_28": rpi.P1_28, "P1_29": rpi.P1_29,
		"P1_31": rpi.P1_31, "P1_32": rpi.P1_32, "P1_33": rpi.P1_33, "P1_35": rpi.P1_35, "P1_36": rpi.P1_36,
		"P1_37": rpi.P1_37, "P1_38": rpi.P1_38, "P1_40": rpi.P1_40,
	}
}
