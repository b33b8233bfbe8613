package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/device/bench"
	"baylight/device/line"
)

// socket is how a command reaches a running kiosk.
type socket struct {
	Socket string `help:"The running kiosk's socket." default:"${socket}" type:"path"`
	JSON   bool   `help:"Print the answer as JSON." name:"json"`

	within time.Duration // how long to wait for the answer; 0: 40 s
}

const defaultSocket = settings.DefaultSocket

// errRefused is an answer that was not good; it has been printed.
var errRefused = errors.New("nothing was done")

// ask sends one request to the kiosk; form nil is a GET.
func (s socket) ask(path string, form url.Values, into any) error {
	client := &http.Client{Timeout: cmp.Or(s.within, 40*time.Second), Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.Socket)
		}}}
	res, err := client.Get("http://kiosk" + path)
	if form != nil {
		res, err = client.PostForm("http://kiosk"+path, form)
	}
	if err != nil {
		return fmt.Errorf("reach the kiosk at %s: %w; is kioskd running, and may you open its socket?", s.Socket, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("read the kiosk's answer: %w", err)
	}
	if s.JSON {
		fmt.Fprintln(task.Out(), strings.TrimSpace(string(b)))
	}
	return json.Unmarshal(b, into)
}

// do asks for something to be done and prints what came of it.
func (s socket) do(path string, form url.Values) error {
	var a kioskapp.Answer
	if err := s.ask(path, form, &a); err != nil {
		return err
	}
	if !s.JSON {
		fmt.Fprintln(task.Out(), a.Message)
	}
	if !a.Good {
		return errRefused
	}
	return nil
}

type devicesGroup struct {
	List   devicesCmd `cmd:"" default:"withargs" help:"List the devices of a running kiosk."`
	Record recordCmd  `cmd:"" help:"Write down what comes over a serial line, for a report to the maker or a test. Stop the daemon first."`
}

type recordCmd struct {
	File   string    `arg:"" help:"File to write; it must not exist yet." type:"path"`
	Device string    `required:"" help:"Serial device, e.g. /dev/serial/by-id/…" type:"path"`
	Baud   int       `help:"Rate." default:"9600"`
	Flow   line.Flow `help:"Flow control: none, rtscts or xonxoff." default:"none"`
}

// Run records until Ctrl-C.
func (c *recordCmd) Run() error {
	cfg := line.Config{Device: c.Device, Baud: c.Baud, Flow: c.Flow}
	if err := errors.Join(cfg.Validate(), line.Check(c.Device)); err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the recording: %w", err)
	}
	ctx, stop := task.Signals()
	defer stop()
	fmt.Fprintln(os.Stderr, "recording; Ctrl-C ends it. The file may hold personal data (VINs, plates).")
	return errors.Join(bench.Record(ctx, cfg, f), f.Close())
}

type devicesCmd struct{ socket }

// Run lists the devices of a running kiosk.
func (c *devicesCmd) Run() error {
	var list []struct {
		Name, Kind, Reason, Last string
		Up                       bool
		Reconnects               int
	}
	if err := c.ask("/devices", nil, &list); err != nil || c.JSON {
		return err
	}
	w := tabwriter.NewWriter(task.Out(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tKIND\tSTATE\tRECONNECTS\tLAST")
	for _, d := range list {
		state := "up"
		if !d.Up {
			state = "down: " + d.Reason
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", d.Name, d.Kind, state, d.Reconnects, d.Last)
	}
	return w.Flush()
}

type outboxCmd struct{ socket }

// Run says what the back office has not yet receipted.
func (c *outboxCmd) Run() error {
	var st struct {
		Connected, Office, Stopped bool
		Head, Through, Depth       uint64
		Oldest                     time.Duration
	}
	if err := c.ask("/outbox", nil, &st); err != nil || c.JSON {
		return err
	}
	fmt.Printf("broker connected: %v\nback office ready: %v\nevents recorded: %d\nreceipted: %d\nwaiting: %d, the oldest for %s\n",
		st.Connected, st.Office, st.Head, st.Through, st.Depth, st.Oldest.Round(time.Second))
	if st.Stopped {
		fmt.Println("receipts do not fit this journal: it was restored or cloned; see the log")
	}
	return nil
}

type scanCmd struct {
	socket
	Text string `arg:"" help:"What the scanner would read."`
	At   string `help:"Name of the scanner; the first one if left out."`
}

// Run scans by hand.
func (c *scanCmd) Run() error {
	return c.do("/scan", url.Values{"text": {c.Text}, "scanner": {c.At}})
}

type resendCmd struct {
	socket
	From uint64 `required:"" help:"First sequence."`
	To   uint64 `required:"" help:"Last sequence."`
}

// Run sends a range of events once more.
func (c *resendCmd) Run() error {
	return c.do("/resend", url.Values{"from": {strconv.FormatUint(c.From, 10)}, "to": {strconv.FormatUint(c.To, 10)}})
}

type printCmd struct {
	Test printTestCmd `cmd:"" help:"Print a test page."`
}

type printTestCmd struct{ socket }

// Run prints the test page.
func (c *printTestCmd) Run() error { return c.do("/print/test", url.Values{}) }

type lampCmd struct {
	Test lampTestCmd `cmd:"" help:"Show each colour on each lamp, then follow the bays again."`
}

type lampTestCmd struct {
	socket
	Bay string `help:"Only this bay."`
}

// Run tests the lamps.
func (c *lampTestCmd) Run() error { return c.do("/lamp/test", url.Values{"bay": {c.Bay}}) }
