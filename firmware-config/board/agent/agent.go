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
	"time"
)

// MaxOutput is how much of a program's output an answer holds.
const MaxOutput = 256 << 10

// mark begins an answer.
const mark = "@@"

// What can be asked.
const (
	Hello    = "hello"    // Out: what the guest is
	Write    = "write"    // Path, Text: make a file and the folders above it
	Read     = "read"     // Path: Out is what the file holds
	Run      = "run"      // Args, User, Within: run a program to its end as that user; Out, Code
	Start    = "start"    // Args: start the daemon under test, one at a time; Code is its process id
	Signal   = "signal"   // Signal, Within: send it to the daemon and wait for its end; Code (-n: by signal n), Took
	Get      = "get"      // URL: Out is the body, Code the status
	Journal  = "journal"  // Path, Source: Events in the closed journal there
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

// Serve answers requests from rw with handle until rw ends; it returns why.
func Serve(rw io.ReadWriter, handle func(Request) Response) error {
	in := bufio.NewScanner(rw)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var q Request
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			continue // not for us; the other side will notice that nothing answers
		}
		a := handle(q)
		a.N = q.N
		b, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("answer request %d: %w", q.N, err)
		}
		// The line begins anew whatever the kernel has just written.
		if _, err := rw.Write([]byte("\n" + mark + string(b) + "\n")); err != nil {
			return fmt.Errorf("answer request %d: %w", q.N, err)
		}
	}
	return in.Err()
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
	for {
		select {
		case a := <-c.answers:
			switch {
			case a.N != q.N:
				continue // of a request that was given up
			case a.Err != "":
				return a, fmt.Errorf("%s in the guest: %s", q.Do, a.Err)
			}
			return a, nil
		case <-c.ended:
			return Response{}, fmt.Errorf("ask guest to %s: %w", q.Do, ErrGone)
		case <-ctx.Done():
			return Response{}, fmt.Errorf("ask guest to %s: %w", q.Do, ctx.Err())
		}
	}
}

// Await asks the guest for a sign of life until it answers or ctx ends: a
// guest that boots reads nothing yet.
func (c *Client) Await(ctx context.Context) (Response, error) {
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		a, err := c.Do(try, Request{Do: Hello})
		cancel()
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrGone) {
			return a, err
		}
	}
}
