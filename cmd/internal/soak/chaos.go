package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"baylight/cmd/internal/rig"
	"baylight/device/bench"
)

// victim is a program that is killed at random and started again.
type victim struct {
	name  string
	rest  time.Duration // its lives are this long on average
	start func() (*rig.Process, error)
	ready func(context.Context) bool
	away  func(bool) // told when it goes and when it is back; nil: nobody wants to know

	process *rig.Process
	kills   atomic.Int64
}

func (v *victim) killed() int { return int(v.kills.Load()) }

// up starts it and waits until it is ready.
func (v *victim) up(ctx context.Context) (err error) {
	if v.process, err = v.start(); err != nil {
		return err
	}
	return v.process.Await(ctx, v.ready)
}

// haunt kills a program and starts it again, over and over. One kill in eight
// comes while it is still starting.
func (s *soak) haunt(ctx context.Context, v *victim) error {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(s.random(int(2*v.rest))))
		s.calm.RLock()
		err := s.once(ctx, v)
		s.calm.RUnlock()
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (s *soak) once(ctx context.Context, v *victim) error {
	if ctx.Err() != nil {
		return nil
	}
	if v.away != nil {
		v.away(true)
		defer v.away(false)
	}
	for early := true; early; early = s.random(8) == 0 {
		v.process.Kill()
		v.kills.Add(1)
		if v.name == "broker" && s.random(3) == 0 {
			if err := s.wipe(); err != nil {
				return err
			}
		}
		pause(ctx, time.Duration(s.random(300))*time.Millisecond)
		var err error
		if v.process, err = v.start(); err != nil {
			return err
		}
		pause(ctx, time.Duration(s.random(100))*time.Millisecond)
	}
	return v.process.Await(ctx, v.ready)
}

func (s *soak) kills() (n int) {
	for _, v := range s.victims {
		n += v.killed()
	}
	return n
}

func (s *soak) killed() string {
	var parts []string
	for _, v := range s.victims {
		parts = append(parts, fmt.Sprint(v.name, " ", v.killed()))
	}
	return strings.Join(parts, ", ")
}

func (s *soak) startKiosk() (*rig.Process, error) {
	return s.shop.Start("kiosk", nil, filepath.Join(s.bin, "kioskd"), "run", "--config", filepath.Join(s.dir, "kiosk.toml"))
}

func (s *soak) startOffice() (*rig.Process, error) {
	return s.shop.Start("office", nil, filepath.Join(s.bin, "backofficed"), "run", "--config", filepath.Join(s.dir, "backoffice.toml"))
}

// disk is where Mosquitto keeps what it has to remember.
func (s *soak) disk() string { return filepath.Join(s.dir, "mosquitto") }

// wipe destroys it. The embedded broker has none: it forgets everything anyway.
func (s *soak) wipe() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.named {
		return nil
	}
	s.wiped++
	return os.RemoveAll(s.disk())
}

func (s *soak) startBroker() (*rig.Process, error) {
	s.mu.Lock()
	named := s.named
	s.mu.Unlock()
	if !named {
		return s.shop.Start("broker", nil, s.self, embedded, s.server)
	}
	host, port, err := net.SplitHostPort(s.server)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %s %s\nallow_anonymous true\npersistence true\npersistence_location %s/\nautosave_interval 2\nset_tcp_nodelay true\nuser root\n", port, host, s.disk())
	if err := os.MkdirAll(s.disk(), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return s.shop.Start("broker", nil, s.mqtt, "-c", config)
}

func (s *soak) brokerReady(context.Context) bool {
	c, err := net.Dial("tcp", s.server)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// beepWithin is how long a person waits for the beep before scanning again.
const beepWithin = 1500 * time.Millisecond

// scanner is a person who scans one card after the other. Without a beep the
// same card is scanned again, as people do, so that any beep that comes is this
// card's; a late second one is waited for before the next card.
func (s *soak) scanner(ctx context.Context, i int) error {
	sc := s.shop.Scanners[i]
	for ctx.Err() == nil {
		s.calm.RLock()
		err := s.card(ctx, sc)
		s.calm.RUnlock()
		if err != nil {
			return err
		}
		pause(ctx, time.Duration(s.random(800))*time.Millisecond)
	}
	return nil
}

func (s *soak) card(ctx context.Context, sc *bench.Scanner) error {
	s.mu.Lock()
	s.used++
	code := rig.Card(s.used)
	s.mu.Unlock()
	for tries := 1; ctx.Err() == nil; tries++ {
		one, cancel := context.WithTimeout(ctx, beepWithin)
		ack, err := sc.Scan(one, code)
		cancel()
		if tries > 1 {
			pause(ctx, beepWithin/3)
		}
		if err != nil {
			continue
		}
		s.mu.Lock()
		if ack == bench.AckGood {
			s.told = append(s.told, code)
		}
		s.again += tries - 1
		s.mu.Unlock()
		if ack != bench.AckGood {
			return fmt.Errorf("scan %s, for the %d. time: the scanner beeped %s", code, tries, ack)
		}
		return nil
	}
	return nil
}
