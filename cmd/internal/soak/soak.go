package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"baylight/cmd/internal/rig"
	"baylight/cmd/internal/soak/wiretap"
)

// soak is a store under chaos.
type soak struct {
	bin, dir string
	keep     bool
	self     string // this program
	server   string // where the broker listens, behind the tap
	mqtt     string // path of Mosquitto
	shop     *rig.Shop
	tap      *wiretap.Tap
	wire     *wire
	book     *book
	victims  []*victim

	calm  sync.RWMutex // held for writing while the chaos rests
	mu    sync.Mutex
	rand  *rand.Rand
	told  []string // codes acknowledged by a good beep
	again int      // scans that a person had to repeat
	used  int
	named bool // the broker is Mosquitto now
	wiped int  // disks destroyed
}

// bays is how many scanners read at once.
const bays = 4

// open prepares the store; nothing runs yet but the tap and the scanners.
func open(bin, keep string, seed uint64) (s *soak, err error) {
	s = &soak{dir: keep, keep: keep != "", rand: rand.New(rand.NewPCG(seed, 3)), wire: newWire(), book: newBook()}
	if s.bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if s.mqtt, err = mosquitto(); err != nil {
		return nil, err
	}
	if s.keep {
		err = os.Mkdir(keep, 0o700)
	} else {
		s.dir, err = os.MkdirTemp("", "soak")
	}
	if err != nil {
		return nil, err
	}
	if s.shop, err = rig.New(s.dir, bays); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.server = l.Addr().String()
	l.Close()
	if s.tap, err = wiretap.Start(s.shop.Broker, s.server, s.wire.see); err != nil {
		return nil, err
	}
	s.victims = []*victim{
		{name: "broker", start: s.startBroker, ready: s.brokerReady, rest: 5 * time.Second},
		{name: "office", start: s.startOffice, ready: s.shop.OfficeReady, rest: 3500 * time.Millisecond, away: s.wire.away},
		{name: "kiosk", start: s.startKiosk, ready: s.shop.KioskReady, rest: 2 * time.Second},
	}
	return s, nil
}

// mosquitto finds the broker that a store runs. Debian keeps it where only root looks.
func mosquitto() (string, error) {
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("mosquitto is missing: apt-get install -y --no-install-recommends mosquitto")
}

// close ends everything; why is what has happened so far.
func (s *soak) close(why error) error {
	for _, v := range s.victims {
		if v.process != nil {
			v.process.Kill()
		}
	}
	why = errors.Join(why, s.tap.Close(), s.shop.Close())
	if s.keep {
		return why
	}
	return errors.Join(why, os.RemoveAll(s.dir))
}

// round is how long the chaos goes on between two looks at what is lost.
const round = 2 * time.Minute

// run is the soak. The brokers take turns, at least once each.
func (s *soak) run(ctx context.Context, long time.Duration) error {
	rounds := max(2, int(long/round))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.calm.Lock() // nothing happens before all are up
	for _, v := range s.victims {
		if err := v.up(ctx); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	life, enough := context.WithCancel(ctx)
	for i := range s.shop.Scanners {
		g.Go(func() error { return s.scanner(life, i) })
	}
	for _, v := range s.victims {
		g.Go(func() error { return s.haunt(life, v) })
	}
	g.Go(func() error { return s.watch(life) })
	g.Go(func() error {
		defer s.calm.Unlock() // each of the others looks up once more, and sees that it is over
		defer enough()
		for i := range rounds {
			s.calm.Unlock()
			pause(ctx, long/time.Duration(rounds))
			s.calm.Lock()
			if err := s.look(ctx, i+1, rounds); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return s.final(long)
}

// look rests the chaos until all is delivered, and compares. The next round has
// the other broker.
func (s *soak) look(ctx context.Context, i, of int) error {
	began := time.Now()
	if err := s.drained(ctx); err != nil {
		return err
	}
	if err := s.book.read(ctx, s.shop); err != nil {
		return err
	}
	s.mu.Lock()
	told, again, wiped, named := len(s.told), s.again, s.wiped, s.named
	err := s.book.lost(s.told)
	s.mu.Unlock()
	fmt.Printf("      round %d of %d: %d kills (%s), %d disks destroyed; %d scans acknowledged, %d repeated; ledger %d events; %s; drained in %.1f s; Mosquitto %v\n",
		i, of, s.kills(), s.killed(), wiped, told, again, s.book.size(), s.wire, time.Since(began).Seconds(), named)
	if err = errors.Join(err, s.wire.bounded()); err != nil || i == of {
		return err
	}
	b := s.victims[0]
	b.process.Kill()
	s.mu.Lock()
	s.named = !s.named
	s.mu.Unlock()
	return b.up(ctx)
}

// drainWithin bounds the wait for the outbox: the slowest is a reconnection
// after several failures, and the resend that follows.
const drainWithin = 3 * time.Minute

// drained waits until the board has a receipt for everything.
func (s *soak) drained(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	for ctx.Err() == nil {
		if depth, err := s.shop.OutboxDepth(ctx); err == nil && depth == 0 {
			return nil
		}
		pause(ctx, 50*time.Millisecond)
	}
	depth, err := s.shop.OutboxDepth(context.WithoutCancel(ctx))
	return errors.Join(fmt.Errorf("after %v of calm %d events have no receipt: %w", drainWithin, depth, ctx.Err()), err)
}

// watch looks at the ledger all the time, when there is somebody to ask.
func (s *soak) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		pause(ctx, time.Second)
		if err := s.book.read(ctx, s.shop); errors.Is(err, errWrong) {
			return err
		}
	}
	return nil
}

// enoughKills is what a full soak has to reach, for each minute.
const enoughKills = 1000.0 / 30

// final ends the kiosk in order and compares its journal with the ledger.
func (s *soak) final(long time.Duration) error {
	kiosk := s.victims[len(s.victims)-1]
	if err := kiosk.process.Stop(); err != nil {
		return err
	}
	if err := s.book.compare(s.shop.Journal()); err != nil {
		return err
	}
	fmt.Printf("      %d kills in %v (%s), %d disks of the broker destroyed; %d scans acknowledged, %d repeated; %d events; %s\n",
		s.kills(), long, s.killed(), s.wiped, len(s.told), s.again, s.book.size(), s.wire)
	if long >= 30*time.Minute && float64(s.kills()) < enoughKills*long.Minutes() {
		return fmt.Errorf("only %d kills in %v, want %.0f a minute", s.kills(), long, enoughKills)
	}
	for _, v := range s.victims {
		if v.killed() == 0 {
			return fmt.Errorf("the %s was never killed", v.name)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// random is a number below n.
func (s *soak) random(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.IntN(n)
}
