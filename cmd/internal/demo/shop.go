package demo

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/broker"
)

// The hidden subcommands by which the program starts its own children.
const (
	KioskChild  = "demo-kiosk"
	OfficeChild = "demo-office"
)

// Shop is the demo's shop.
type Shop struct {
	Dir    string
	Kiosk  string // base address of the kiosk's pages
	Office string // of the back office's
	Clock  *clock.Lead
	Log    *slog.Logger

	seed     uint64
	random   bool         // ids at random: two runs differ
	key      []byte       // the store's, for what is hashed with it
	rate     atomic.Int32 // of the clock
	addr     string
	broker   *broker.Broker
	scanners map[string]*bench.Scanner // by place
	printer  *bench.Printer

	pulled atomic.Bool // the first bay's scanner
	copied atomic.Bool // the card
	life   sync.Mutex  // one start or end at a time
	mu     sync.Mutex
	kiosk  *child
	office *child
	pins   map[string]bool
}

// Scanner gives the pretend scanner at a place.
func (s *Shop) Scanner(place string) *bench.Scanner { return s.scanners[place] }

// Printer gives the pretend printer.
func (s *Shop) Printer() *bench.Printer { return s.printer }

// Pins are the levels of the lamps' pins, as a voltmeter shows them.
func (s *Shop) Pins() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]bool, len(s.pins))
	for k, v := range s.pins {
		out[k] = v
	}
	return out
}

// Rate lets the shop's clock run at n times real time; 0: it stands.
func (s *Shop) Rate(n int) error {
	s.rate.Store(int32(n))
	return s.Clock.Rate(n)
}

// BrokerURL is where the broker listens.
func (s *Shop) BrokerURL() string { return "mqtt://" + s.addr }

// open makes the shop in a folder: devices, broker, clock, configuration.
func open(dir string, seed uint64, random bool, start time.Time, log *slog.Logger) (_ *Shop, err error) {
	s := &Shop{Dir: dir, Log: log, seed: seed, random: random, scanners: map[string]*bench.Scanner{}, pins: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, place := range places() {
		if s.scanners[place], err = bench.NewScanner(filepath.Join(dir, "tty-"+place)); err != nil {
			return nil, err
		}
	}
	if s.printer, err = bench.NewPrinter(filepath.Join(dir, "tty-printer")); err != nil {
		return nil, err
	}
	if s.broker, err = broker.Start(broker.Config{Addr: "127.0.0.1:0"}); err != nil {
		return nil, err
	}
	s.addr = s.broker.Addr()
	boot := sha256.Sum256(fmt.Appendf(nil, "boot %d", seed))
	if s.Clock, err = clock.NewLead(kiosk.Moment{Wall: start, Boot: hex.EncodeToString(boot[:8]), Up: time.Minute, Clock: kiosk.Synced}, log); err != nil {
		return nil, err
	}
	if s.Kiosk, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.Office, err = freeAddress(); err != nil {
		return nil, err
	}
	return s, s.configure()
}

// folder makes the folder a demo lives in: a temporary one that done removes, or
// a new one that is kept.
func folder(keep string) (dir string, done func() error, err error) {
	if keep != "" {
		if err := os.Mkdir(keep, 0o700); err != nil {
			return "", nil, fmt.Errorf("make the folder to keep: %w; name one that does not exist yet", err)
		}
		return keep, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "baylight-demo-"); err != nil {
		return "", nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// freeAddress is an address of this machine that nobody uses.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// child is a process of ours.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// StartKiosk starts the kiosk and waits until it takes scans from every device.
func (s *Shop) StartKiosk(ctx context.Context) error {
	pins, theirs, err := clock.Pair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	c, err := s.start(KioskChild, "kiosk", theirs)
	if err != nil {
		pins.Close()
		return err
	}
	s.mu.Lock()
	s.kiosk = c
	s.mu.Unlock()
	go s.watch(pins)
	return s.await(ctx, c, func(ctx context.Context) bool {
		h, err := s.Health(ctx)
		return err == nil && h.OK && h.allUp(s.pulled.Load())
	})
}

// StartOffice starts the back office and waits until it answers.
func (s *Shop) StartOffice(ctx context.Context) error {
	c, err := s.start(OfficeChild, "backoffice")
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.office = c
	s.mu.Unlock()
	return s.await(ctx, c, func(ctx context.Context) bool {
		var boards any
		return s.get(ctx, "http://"+s.Office+"/api/v1/kiosks?store="+Store, &boards) == nil
	})
}

// child is the present process of one of the two.
func (s *Shop) child(what string) *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what == KioskChild {
		return s.kiosk
	}
	return s.office
}

// Again ends one of the two with a signal and starts it anew.
func (s *Shop) Again(ctx context.Context, what string, sig syscall.Signal) error {
	s.life.Lock()
	defer s.life.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.child(what).stop(sig)
	if what == KioskChild {
		return s.StartKiosk(ctx)
	}
	return s.StartOffice(ctx)
}

// start runs this program again as a child that follows the shop's clock.
func (s *Shop) start(what, file string, extra ...*os.File) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	conn, theirs, err := clock.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	out, err := os.OpenFile(filepath.Join(s.Dir, file+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer out.Close()
	c := &child{cmd: exec.Command(self, what, "--config", filepath.Join(s.Dir, file+".toml"), "--ids", s.ids()), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, out
	c.cmd.ExtraFiles = append([]*os.File{theirs}, extra...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("start %s: %w", what, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	if err := s.Clock.Add(conn); err != nil {
		return nil, fmt.Errorf("%s does not follow the clock: %w%s", what, err, s.tail(file))
	}
	return c, nil
}

func (s *Shop) ids() string {
	if s.random {
		return "random"
	}
	return fmt.Sprint(s.seed)
}

// tail is the end of a child's log, for an error message.
func (s *Shop) tail(file string) string {
	b, err := os.ReadFile(filepath.Join(s.Dir, file+".log"))
	if err != nil || len(b) == 0 {
		return ""
	}
	return "\n" + string(b[max(0, len(b)-2000):])
}

// await asks until ok, the child has ended, or half a minute has passed.
func (s *Shop) await(ctx context.Context, c *child, ok func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-tick.C:
		case <-c.done:
			return fmt.Errorf("%s has ended: %w%s", c.cmd.Args[1], errors.Join(c.err, io.ErrUnexpectedEOF), s.tail("kiosk")+s.tail("backoffice"))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w%s", c.cmd.Args[1], context.Cause(ctx), s.tail("kiosk")+s.tail("backoffice"))
		}
	}
	return nil
}

// stop ends a child with a signal and waits for it.
func (c *child) stop(sig syscall.Signal) {
	if c == nil {
		return
	}
	_ = c.cmd.Process.Signal(sig) // it may be gone already
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// watch takes the levels of the kiosk's pins.
func (s *Shop) watch(conn io.ReadCloser) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var p pinLevel
		if json.Unmarshal(lines.Bytes(), &p) == nil {
			s.mu.Lock()
			s.pins[p.Pin] = p.High
			s.mu.Unlock()
		}
	}
}

// pinLevel is one change of a pin.
type pinLevel struct {
	Pin  string `json:"pin"`
	High bool   `json:"high"`
}

// BrokerDown ends the broker; it forgets everything.
func (s *Shop) BrokerDown() error {
	if s.broker == nil {
		return nil
	}
	err := s.broker.Close()
	s.broker = nil
	return err
}

// BrokerUp starts it again at the same address.
func (s *Shop) BrokerUp() (err error) {
	if s.broker == nil {
		s.broker, err = broker.Start(broker.Config{Addr: s.addr})
	}
	return err
}

// Close ends the children and the devices.
func (s *Shop) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	s.child(KioskChild).stop(syscall.SIGTERM)
	s.child(OfficeChild).stop(syscall.SIGTERM)
	var errs []error
	if s.Clock != nil {
		errs = append(errs, s.Clock.Close())
	}
	errs = append(errs, s.BrokerDown())
	for _, sc := range s.scanners {
		if sc != nil {
			errs = append(errs, sc.Close())
		}
	}
	if s.printer != nil {
		errs = append(errs, s.printer.Close())
	}
	return errors.Join(errs...)
}

// health is what the demo reads of /healthz.
type health struct {
	OK      bool                              `json:"ok"`
	Head    uint64                            `json:"head"`
	Paper   int                               `json:"paper_pending"`
	Help    []string                          `json:"help"` // places that call
	Outbox  struct{ Depth, Receipted uint64 } `json:"outbox"`
	Devices []struct {
		Name string
		Up   bool
	} `json:"devices"`
}

// drained says whether everything recorded is receipted. The outbox learns of an
// event a moment after it is durable: its depth alone does not tell.
func (h health) drained() bool { return h.Outbox.Depth == 0 && h.Outbox.Receipted == h.Head }

// allUp says whether every device works, but for the scanner that was pulled.
func (h health) allUp(pulled bool) bool {
	for _, d := range h.Devices {
		if !d.Up && !(pulled && d.Name == scannerAt("b1")) {
			return false
		}
	}
	return len(h.Devices) > 0
}

// Health asks the kiosk how it is.
func (s *Shop) Health(ctx context.Context) (h health, err error) {
	return h, s.get(ctx, "http://"+s.Kiosk+"/healthz", &h)
}

func (s *Shop) get(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("read %s: %s: %s", url, res.Status, b[:min(len(b), 300)])
	}
	return json.Unmarshal(b, into)
}
