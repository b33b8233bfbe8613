package line

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Flow is how the receiving side of a line says "wait".
type Flow uint8

// The kinds of flow control. Linux has none over DTR/DSR: a device that uses
// DTR is wired DTR to CTS and configured as FlowRTSCTS.
const (
	FlowNone    Flow = iota // nothing: scanners, and printers with a large buffer
	FlowRTSCTS              // hardware, by the RTS and CTS wires
	FlowXONXOFF             // software: the device sends XOFF (13) and XON (11), which do not reach onData
)

var flowNames = []string{FlowNone: "none", FlowRTSCTS: "rtscts", FlowXONXOFF: "xonxoff"}

// String gives the name used in configuration files.
func (f Flow) String() string {
	if int(f) < len(flowNames) {
		return flowNames[f]
	}
	return fmt.Sprintf("flow(%d)", uint8(f))
}

// MarshalText gives the name used in configuration files.
func (f Flow) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads none, rtscts or xonxoff; the empty text is none.
func (f *Flow) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*f = FlowNone
		return nil
	}
	i := slices.Index(flowNames, string(text))
	if i < 0 {
		return fmt.Errorf("flow %q: want none, rtscts or xonxoff", text)
	}
	*f = Flow(i)
	return nil
}

// Config describes one line. Only Device has no default.
type Config struct {
	// Device is an absolute path, best a stable name: an own udev symlink or one
	// below /dev/serial/by-id or /dev/serial/by-path; or "usb:" and the serial
	// number of a USB adapter, with ":" and the interface ("01") if it has
	// several ports. It is looked up anew at each opening.
	Device string
	// Baud is the rate in both directions; 0 means 9600.
	Baud int
	// Flow is the flow control; the zero value is none.
	Flow Flow
	// WriteTimeout bounds one Write beyond twice the time its bytes take on the
	// wire; 0 means 2 s.
	WriteTimeout time.Duration
	// ReadTimeout is the length of silence after which OnIdle is called, and
	// bounds shutdown. The driver counts in steps of 100 ms; 0 means 200 ms.
	ReadTimeout time.Duration
	// OnIdle, if set, is called on the line's goroutine each time the wire has
	// been silent for ReadTimeout while the line is up.
	OnIdle func()
}

// Baud rates that tarm/serial knows on Linux and that make sense for a device.
var bauds = []int{300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000}

const (
	defaultBaud         = 9600
	defaultWriteTimeout = 2 * time.Second
	defaultReadTimeout  = 200 * time.Millisecond
	readStep            = 100 * time.Millisecond
	maxReadTimeout      = time.Second
)

// Validate says which value is wrong and what would be right. It does not look
// at the machine: see Check for that.
func (c Config) Validate() error {
	switch {
	case c.Device == "":
		return fmt.Errorf("device is empty: want a path such as /dev/serial/by-id/…")
	case strings.HasPrefix(c.Device, usbPrefix):
		if serial := c.Device[len(usbPrefix):]; serial == "" || len(serial) > maxSerial || strings.ContainsFunc(serial, unicode.IsControl) {
			return fmt.Errorf("device %.40q: want usb: and the serial number of the adapter", c.Device)
		}
		return c.validateSettings()
	case !filepath.IsAbs(c.Device):
		return fmt.Errorf("device %q: want an absolute path such as /dev/serial/by-id/…, or usb: and a serial number", c.Device)
	}
	return c.validateSettings()
}

func (c Config) validateSettings() error {
	switch {
	case c.Baud != 0 && !slices.Contains(bauds, c.Baud):
		return fmt.Errorf("baud %d: want one of %v", c.Baud, bauds)
	case int(c.Flow) >= len(flowNames):
		return fmt.Errorf("flow %d: want none, rtscts or xonxoff", c.Flow)
	case c.WriteTimeout < 0:
		return fmt.Errorf("write timeout %v: want a positive duration", c.WriteTimeout)
	case c.ReadTimeout < 0 || c.ReadTimeout > maxReadTimeout || c.ReadTimeout%readStep != 0:
		return fmt.Errorf("read timeout %v: want a multiple of %v up to %v", c.ReadTimeout, readStep, maxReadTimeout)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Baud == 0 {
		c.Baud = defaultBaud
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = defaultWriteTimeout
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = defaultReadTimeout
	}
	return c
}

// writeBudget is how long n bytes may take: twice their time on the wire (10
// bits a byte) and WriteTimeout on top.
func (c Config) writeBudget(n int) time.Duration {
	return c.WriteTimeout + 2*time.Duration(n)*10*time.Second/time.Duration(c.Baud)
}
