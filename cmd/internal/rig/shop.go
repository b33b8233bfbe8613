package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"baylight/device/bench"
	"baylight/kiosk"
)

// The store's names.
const (
	Store = "sh-rig"
	Board = "k1"
	tag   = "0A7"
	key   = "0123456789abcdef0123456789abcdef"
)

// Source is the source of the board's events.
func Source() string { return kiosk.KioskSource(Store, Board) }

// Shop is a store of which nothing runs yet.
type Shop struct {
	Dir      string // configuration, logs and databases
	Kiosk    string // address of the kiosk's pages
	Office   string // and of the back office's
	Broker   string // address of the broker, for the caller to listen at
	Scanners []*bench.Scanner
}

// New makes a store with that many bays, a scanner at each, in an empty folder.
func New(dir string, bays int) (_ *Shop, err error) {
	s := &Shop{Dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make store: %w", err), s.Close())
		}
	}()
	for _, a := range []*string{&s.Kiosk, &s.Office, &s.Broker} {
		if *a, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	for i := range bays {
		sc, err := bench.NewScanner(filepath.Join(dir, fmt.Sprintf("tty-s%d", i+1)))
		if err != nil {
			return nil, err
		}
		s.Scanners = append(s.Scanners, sc)
	}
	return s, s.configure()
}

// Close unplugs the scanners.
func (s *Shop) Close() error {
	var errs []error
	for _, sc := range s.Scanners {
		errs = append(errs, sc.Close())
	}
	return errors.Join(errs...)
}

// Bay is the bay where the n-th scanner is fixed.
func Bay(n int) string { return fmt.Sprintf("b%d", n+1) }

// Card is the job card of the n-th car; each is another one.
func Card(n int) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	return kiosk.MakeCode(kiosk.KindVisit, fmt.Sprintf("%sA00%c%c%c%c", tag, digits[n>>15&31], digits[n>>10&31], digits[n>>5&31], digits[n&31]))
}

// Journal is the journal's file.
func (s *Shop) Journal() string { return filepath.Join(s.Dir, "kiosk", "journal.db") }

// freeAddress is an address of this machine that nobody uses.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *Shop) configure() error {
	const staff = "schema = 1\n[[person]]\nid = \"t01\"\nname = \"李师傅\"\nbadge = \"0A7A000001\"\nroles = [\"technician\"]\n"
	store := fmt.Sprintf("name = %q\ntag = %q\nzone = \"Asia/Shanghai\"\nkey_file = \"store.key\"\n", Store, tag)
	mqtt := fmt.Sprintf("[mqtt]\nurl = %q\n", "mqtt://"+s.Broker)
	var k strings.Builder
	fmt.Fprintf(&k, "schema = 1\nstaff_file = \"staff.toml\"\n[store]\n%s[kiosk]\nname = %q\nletter = \"A\"\ndata = \"kiosk\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = %q\n%s", store, Board, s.Kiosk, mqtt)
	for i, sc := range s.Scanners {
		// Scanned as fast as it is answered, which no person can.
		fmt.Fprintf(&k, "[[scanner]]\nname = \"s%d\"\nplace = %q\ndevice = %q\nbeep = \"honeywell\"\nbaud = 115200\nlimit = 1000000\n[[bay]]\nid = %q\n", i+1, Bay(i), sc.Path(), Bay(i))
	}
	for name, text := range map[string]string{
		"store.key":       key,
		"staff.toml":      staff,
		"kiosk.toml":      k.String(),
		"backoffice.toml": fmt.Sprintf("schema = 1\nstaff_file = \"staff.toml\"\n[office]\ndata = \"office\"\n[http]\nlisten = %q\n%s[[store]]\n%s", s.Office, mqtt, store),
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// KioskReady says whether the kiosk takes scans from every scanner.
func (s *Shop) KioskReady(ctx context.Context) bool {
	var h struct {
		Head    uint64
		Devices []struct{ Up bool }
	}
	if s.get(ctx, "http://"+s.Kiosk+"/healthz", &h) != nil {
		return false
	}
	for _, d := range h.Devices {
		if !d.Up {
			return false
		}
	}
	return len(h.Devices) == len(s.Scanners)
}

// OutboxDepth is how many events the kiosk has no receipt for.
func (s *Shop) OutboxDepth(ctx context.Context) (depth uint64, err error) {
	var h struct{ Outbox struct{ Depth uint64 } }
	return h.Outbox.Depth, s.get(ctx, "http://"+s.Kiosk+"/healthz", &h)
}

// OfficeReady says whether the back office answers.
func (s *Shop) OfficeReady(ctx context.Context) bool {
	var boards any
	return s.get(ctx, "http://"+s.Office+"/api/v1/kiosks?store="+Store, &boards) == nil
}

// answerWithin bounds a question to a daemon.
const answerWithin = 5 * time.Second

func (s *Shop) get(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
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
	if res.StatusCode != http.StatusOK && !json.Valid(b) {
		return fmt.Errorf("read %s: %s: %.300s", url, res.Status, b)
	}
	return json.Unmarshal(b, into)
}
