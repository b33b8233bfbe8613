package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"baylight/cmd/internal/crashstates/record"
	"baylight/cmd/internal/crashstates/replay"
	"baylight/cmd/internal/rig"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/sync/broker"
)

// recording is one day of a daemon: what it did to its files, and what it told
// the world, at which place of the record.
type recording struct {
	ops       []record.Op
	told      []told
	published []published
	syncs     []int // places of syncs
}

// told is a scan acknowledged by a good beep when the record had at entries.
type told struct {
	at   int
	code string
}

// published is an event that the broker had got.
type published struct {
	at   int
	id   string
	hash kiosk.Hash
}

func (r *recording) String() string {
	return fmt.Sprintf("recorded: %d changes of files, %d syncs, %d scans acknowledged, %d events published", len(r.ops), len(r.syncs), len(r.told), len(r.published))
}

// session is the store while it is recorded.
type session struct {
	shop *rig.Shop
	rec  *record.Recorder
	day  *recording
	used int

	mu sync.Mutex
}

// bays is how many scanners read at once.
const bays = 4

// lives is how often the daemon is started: it is stopped in order, killed, and
// stopped again.
const lives = 3

// followed are the journal's files without those that a start makes anew.
func followed(name string) bool {
	for _, ext := range []string{"-shm", ".lock", ".ballast"} {
		if strings.HasSuffix(name, ext) {
			return false
		}
	}
	return strings.HasPrefix(name, "journal.db")
}

// record runs a daemon for that many scans.
func (t trial) record(ctx context.Context, daemon string, scans int) (_ *recording, err error) {
	dir, err := os.MkdirTemp("", "crashstates")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := &session{day: &recording{}}
	if s.shop, err = rig.New(dir, bays); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.shop.Close()) }()
	folder := filepath.Dir(s.shop.Journal())
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	if s.rec, err = record.New(folder, followed); err != nil {
		return nil, err
	}
	b, err := broker.Start(broker.Config{Addr: s.shop.Broker, Observe: s.observe})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	office, err := t.program("backofficed")
	if err != nil {
		return nil, err
	}
	o, err := s.shop.Start("backoffice", nil, office, "run", "--config", filepath.Join(dir, "backoffice.toml"))
	if err != nil {
		return nil, err
	}
	defer o.Kill()
	if err := o.Await(ctx, s.shop.OfficeReady); err != nil {
		return nil, err
	}
	program, err := t.program(daemon)
	if err != nil {
		return nil, err
	}
	for life := range lives {
		if err := s.live(ctx, program, scans/lives, life == 1); err != nil {
			return nil, err
		}
	}
	return s.day, s.whole()
}

// observe notes what arrives at the broker.
func (s *session) observe(_, _ string, payload []byte) {
	e, err := kiosk.Decode(payload)
	if err != nil || e.Source != rig.Source() {
		return
	}
	at := s.rec.Len()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.day.published = append(s.day.published, published{at, e.ID(), kiosk.HashOf(payload)})
}

// live is one start of the daemon, scans, and its end.
func (s *session) live(ctx context.Context, program string, scans int, kill bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	theirs, run, err := s.rec.Attach()
	if err != nil {
		return err
	}
	p, err := s.shop.Start("kiosk", []*os.File{theirs}, self, recorded, program, "run", "--config", filepath.Join(s.shop.Dir, "kiosk.toml"))
	theirs.Close()
	if err != nil {
		return err
	}
	noted := make(chan error, 1)
	go func() { noted <- run() }()
	err = p.Await(ctx, s.shop.KioskReady)
	if err == nil {
		err = s.scan(ctx, scans)
	}
	if err == nil && !kill {
		err = s.drained(ctx)
	}
	if err != nil || kill {
		s.rec.Kill(p.Kill)
	} else {
		err = p.Stop()
	}
	if err = errors.Join(err, <-noted); err != nil {
		return fmt.Errorf("%w%s", err, p.Tail())
	}
	return s.same()
}

// drained waits until every event has its receipt, so that receipts are among
// what is recorded.
func (s *session) drained(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if depth, err := s.shop.OutboxDepth(ctx); err != nil || depth == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the outbox is not drained: %w", ctx.Err())
		}
	}
}

// scan reads n cards, at all scanners at once.
func (s *session) scan(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	codes := make(chan string, n)
	for range n {
		s.used++
		codes <- rig.Card(s.used)
	}
	close(codes)
	var wg sync.WaitGroup
	errs := make([]error, len(s.shop.Scanners))
	for i, sc := range s.shop.Scanners {
		wg.Go(func() {
			for code := range codes {
				ack, err := sc.Scan(ctx, code)
				at := s.rec.Len()
				if err == nil && ack != bench.AckGood {
					err = fmt.Errorf("scan %s: the scanner beeped %s", code, ack)
				}
				if err != nil {
					errs[i] = err
					return
				}
				s.mu.Lock()
				s.day.told = append(s.day.told, told{at, code})
				s.mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// same holds that the record, played from its beginning, gives the files as they
// are: nothing was missed.
func (s *session) same() error {
	ops, err := s.rec.Ops()
	if err != nil {
		return err
	}
	m := replay.New()
	for _, op := range ops {
		m.Do(op)
	}
	seen := m.Seen()
	list, err := os.ReadDir(filepath.Dir(s.shop.Journal()))
	if err != nil {
		return err
	}
	for _, e := range list {
		if !followed(e.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(filepath.Dir(s.shop.Journal()), e.Name()))
		if err != nil {
			return err
		}
		if !bytes.Equal(b, seen[e.Name()]) {
			return fmt.Errorf("the record has missed something: %s holds %d bytes, by the record %d others", e.Name(), len(b), len(seen[e.Name()]))
		}
		delete(seen, e.Name())
	}
	if len(seen) > 0 {
		return fmt.Errorf("the record has missed something: it has %d files that are not there", len(seen))
	}
	return nil
}

// whole takes the record over.
func (s *session) whole() (err error) {
	s.day.ops, err = s.rec.Ops()
	for i, op := range s.day.ops {
		if op.Kind == record.Sync {
			s.day.syncs = append(s.day.syncs, i)
		}
	}
	if err == nil && (len(s.day.told) == 0 || len(s.day.published) == 0) {
		err = errors.New("nothing was acknowledged or published: there is nothing to judge")
	}
	return err
}
