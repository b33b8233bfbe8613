package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxOutput is how much of a program's output an answer holds.
const MaxOutput = 256 << 10

// mark begins an answer.
const mark = "@@"

// What can be asked.
const (
	Write    = "write"    // Path, Text: make a file and the folders above it
	Read     = "read"     // Path: Out is what the file holds
	Run      = "run"      // Args, User, Within: run a program to its end as that user; Out, Code
	Start    = "start"    // Args: start the daemon under test, one at a time; Code is its process id
	Signal   = "signal"   // Signal, Within: send it to the daemon and wait for its end; Code (-n: by signal n), Took
	Get      = "get"      // URL: Out is the body, Code the status
	Journal  = "journal"  // Path, Source: Events in the closed journal there
	Check    = "check"    // Path: Events in the journal there, which a daemon may have open; every hash, link and page was checked
	Rows     = "rows"     // Path: Out is the bytes of the events in the journal there, one a line; a daemon may have it open
	Size     = "size"     // Path: Out is how many events the journal there has, and how many bytes they are; a daemon may have it open
	Clock    = "clock"    // Text: set the clock to this time (RFC 3339) and let the kernel say that it is synchronised, as a time daemon does; Out is what it showed before. No Text: show it
	Mount    = "mount"    // Path, Text: mount the ext4 file system of this device at that folder, as the image does
	Hold     = "hold"     // Path: hold the pin of that name, driven low
	Release  = "release"  // give it back
	Links    = "links"    // Out: stable names of serial lines, and when each was made or removed
	Log      = "log"      // Out: what the daemon wrote, and the kernel
	PowerOff = "poweroff" // no answer
)

// Request is one thing to do. Fields that Do does not name are empty.
type Request struct {
	N      uint64   `json:"n"`
	Do     string   `json:"do"`
	Path   string   `json:"path,omitempty"`
	Text   string   `json:"text,omitempty"`
	Args   []string `json:"args,omitempty"`
	URL    string   `json:"url,omitempty"`
	Source string   `json:"source,omitempty"`
	User   uint32   `json:"user,omitempty"`
	Signal int      `json:"signal,omitempty"`
	Within int      `json:"within_ms,omitempty"`
}

// Event is what a judge needs of an event in the journal.
type Event struct {
	Type   string `json:"type"`
	Bay    string `json:"bay,omitempty"`
	Visit  string `json:"visit,omitempty"`
	Device string `json:"device,omitempty"`
	Reason string `json:"reason,omitempty"`
	Scan   string `json:"scan,omitempty"` // the code as scanned, if it is one of the store
}

// Response answers the request of the same N.
type Response struct {
	N      uint64  `json:"n"`
	Err    string  `json:"err,omitempty"`
	Out    string  `json:"out,omitempty"`
	Code   int     `json:"code,omitempty"`
	Took   int     `json:"took_ms,omitempty"`
	Events []Event `json:"events,omitempty"`
}

// Serve says hello with an answer to request 0, which nobody asked, and then
// answers requests from rw with handle until rw ends; it returns why.
func Serve(rw io.ReadWriter, hello string, handle func(Request) Response) error {
	if err := answer(rw, Response{Out: hello}); err != nil {
		return err
	}
	in := bufio.NewScanner(rw)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var q Request
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			continue // not for us; the other side will notice that nothing answers
		}
		a := handle(q)
		a.N = q.N
		if err := answer(rw, a); err != nil {
			return err
		}
	}
	return in.Err()
}

func answer(w io.Writer, a Response) error {
	b, err := json.Marshal(a)
	if err == nil {
		// The line begins anew whatever the kernel has just written.
		_, err = w.Write([]byte("\n" + mark + string(b) + "\n"))
	}
	if err != nil {
		return fmt.Errorf("answer request %d: %w", a.N, err)
	}
	return nil
}

// Client is the outside. Do may be called from several goroutines; they take turns.
type Client struct {
	conn    io.ReadWriteCloser
	answers chan Response
	noise   func(line string)
	ended   chan struct{}

	mu sync.Mutex
	n  uint64
}

// NewClient talks over conn and owns it. noise gets every line that is no
// answer, from the client's goroutine; it may be nil.
func NewClient(conn io.ReadWriteCloser, noise func(line string)) *Client {
	if noise == nil {
		noise = func(string) {}
	}
	c := &Client{conn: conn, answers: make(chan Response, 16), noise: noise, ended: make(chan struct{})}
	go c.read()
	return c
}

func (c *Client) read() {
	defer close(c.ended)
	in := bufio.NewReaderSize(c.conn, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		text, found := bytes.CutPrefix(bytes.TrimSpace(line), []byte(mark))
		var a Response
		if !found || json.Unmarshal(text, &a) != nil {
			c.noise(string(bytes.TrimSpace(line)))
			continue
		}
		select {
		case c.answers <- a:
		default: // nobody asked that much
		}
	}
}

// Close ends the connection and waits for the goroutine.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.ended
	return err
}

// ErrGone says that the guest's line has ended.
var ErrGone = errors.New("the guest is gone")

// Do asks and waits for the answer, at most until ctx ends. What the guest
// reports as its own failure is an error too; the answer is then valid as well.
func (c *Client) Do(ctx context.Context, q Request) (Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	q.N = c.n
	b, err := json.Marshal(q)
	if err != nil {
		return Response{}, fmt.Errorf("ask guest to %s: %w", q.Do, err)
	}
	if _, err := c.conn.Write(append(b, '\n')); err != nil {
		return Response{}, fmt.Errorf("ask guest to %s: %w", q.Do, err)
	}
	a, err := c.answer(ctx, c.n)
	if err != nil {
		return a, fmt.Errorf("ask guest to %s: %w", q.Do, err)
	}
	if a.Err != "" {
		return a, fmt.Errorf("%s in the guest: %s", q.Do, a.Err)
	}
	return a, nil
}

// answer waits for the answer to request n; those to requests that were given
// up are passed over.
func (c *Client) answer(ctx context.Context, n uint64) (Response, error) {
	for {
		select {
		case a := <-c.answers:
			if a.N == n {
				return a, nil
			}
		case <-c.ended:
			return Response{}, ErrGone
		case <-ctx.Done():
			return Response{}, ctx.Err()
		}
	}
}

// Await waits until the guest says hello, before anything is asked: a UART that
// nobody has opened yet loses what is sent to it. It gives what the guest is.
func (c *Client) Await(ctx context.Context) (hello string, err error) {
	a, err := c.answer(ctx, 0)
	if err != nil {
		return "", fmt.Errorf("wait for the guest: %w", err)
	}
	return a.Out, nil
}
