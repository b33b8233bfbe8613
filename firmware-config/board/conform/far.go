package conform

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"baylight/device/bench"
)

// What is asked of the far end, and what it tells.
const (
	Hello   = "hello"   // begin anew: nothing is plugged in
	Plug    = "plug"    // plug in a bare adapter, or with Printer one with a pretend printer; Device is its number from then on
	Unplug  = "unplug"  // pull it out
	Send    = "send"    // no answer: Bytes go on the wire
	Fault   = "fault"   // the printer suffers from Faults
	Lamps   = "lamps"   // Pins, Low: forget what they did until now
	Lit     = "lit"     // Lit of those pins, and Glitches since then
	Got     = "got"     // told: Device got Bytes
	Ticket  = "ticket"  // told: Device cut a ticket of Bytes
	Trouble = "trouble" // told: what was to be done without an answer failed with Err
)

// maxLine bounds a message.
const maxLine = 256 << 10

// Message is a question, an answer or news; fields that Do does not name are empty.
type Message struct {
	N        int                  `json:"n,omitempty"`
	Do       string               `json:"do,omitempty"`
	Device   int                  `json:"device,omitempty"`
	Printer  bool                 `json:"printer,omitempty"`
	Bytes    []byte               `json:"bytes,omitempty"`
	Faults   *bench.PrinterFaults `json:"faults,omitempty"`
	Pins     [3]int               `json:"pins,omitzero"`
	Low      bool                 `json:"low,omitempty"` // lamps are lit by a low level
	Lit      [3]bool              `json:"lit,omitzero"`
	Glitches int                  `json:"glitches,omitempty"`
	Err      string               `json:"err,omitempty"`
}

// Write puts one message on a line.
func Write(w io.Writer, m Message) error {
	b, err := json.Marshal(m)
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("tell the other end %s: %w", m.Do, err)
	}
	return nil
}

// Read gives take every message that comes in until r ends; lines that are none
// are passed over.
func Read(r io.Reader, take func(Message)) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		var m Message
		if json.Unmarshal(in.Bytes(), &m) == nil {
			take(m)
		}
	}
	return in.Err()
}

// Client is the tests' side. One question at a time.
type Client struct {
	line    io.Writer
	answers chan Message

	mu     sync.Mutex
	n      int
	device int
	news   chan []byte // of the device plugged in
	lost   error       // news that could not be delivered, or trouble
}

// answerWithin bounds one question.
const answerWithin = 30 * time.Second

// Open begins to talk over the tty at path.
func Open(path string) (*Client, error) {
	f, err := os.OpenFile(path, unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open the line to the far end: %w", err)
	}
	fd := int(f.Fd())
	t := unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200, Ispeed: unix.B115200, Ospeed: unix.B115200}
	t.Cc[unix.VMIN] = 1
	if err = unix.IoctlSetTermios(fd, unix.TCSETS, &t); err == nil {
		err = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("prepare the line to the far end: %w", err)
	}
	return newClient(f)
}

// newClient talks over a line until that ends.
func newClient(line io.ReadWriter) (*Client, error) {
	c := &Client{line: line, answers: make(chan Message, 16)}
	go func() { c.fail(fmt.Errorf("the line to the far end has ended: %v", Read(line, c.take))) }()
	_, err := c.Do(Message{Do: Hello})
	return c, err
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = err
	}
}

// take sorts what comes in.
func (c *Client) take(m Message) {
	if m.N > 0 {
		select {
		case c.answers <- m:
		default: // nobody asked that much
		}
		return
	}
	if m.Do == Trouble {
		c.fail(fmt.Errorf("far end: %s", m.Err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Device != c.device || c.news == nil {
		return // of one pulled out before
	}
	select {
	case c.news <- m.Bytes:
	default:
		c.lost = fmt.Errorf("%d messages are not taken", cap(c.news))
	}
}

// Tell asks for something that has no answer; if it fails, the next Do does too.
func (c *Client) Tell(m Message) error { return Write(c.line, m) }

// Do asks and waits for the answer.
func (c *Client) Do(m Message) (Message, error) {
	c.mu.Lock()
	c.n++
	m.N = c.n
	if m.Do == Plug {
		c.device, m.Device = m.N, m.N
	}
	lost := c.lost
	c.mu.Unlock()
	if lost != nil {
		return Message{}, lost
	}
	if err := Write(c.line, m); err != nil {
		return Message{}, err
	}
	for limit := time.After(answerWithin); ; {
		select {
		case a := <-c.answers:
			switch {
			case a.N != m.N: // of the program before this one
			case a.Err != "":
				return a, fmt.Errorf("far end: %s: %s", m.Do, a.Err)
			default:
				return a, nil
			}
		case <-limit:
			return Message{}, fmt.Errorf("far end: %s: no answer within %v", m.Do, answerWithin)
		}
	}
}

// Listen gives, from now on, what devices get, or the tickets they cut. Of those
// only the one plugged in last is heard, and only by the last who listens.
func (c *Client) Listen() <-chan []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news = make(chan []byte, 4096)
	return c.news
}
