package demo

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/device/lamp/lamptest"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/floor"
)

// RunKiosk is the kiosk child: the real kiosk, with the parent's clock and
// pretend pins.
func RunKiosk(ctx context.Context, config, ids, version string) error {
	log := childLog()
	set, err := settings.LoadKiosk(config)
	if err != nil {
		return err
	}
	follow, err := inherit(ctx, set.Store.Calendar.Zone)
	if err != nil {
		return err
	}
	pins, err := clock.Inherit(4)
	if err != nil {
		return err
	}
	defer pins.Close()
	var names []string
	for _, t := range towers() {
		for _, p := range t.Pins {
			names = append(names, p)
		}
	}
	board := lamptest.New(tell(pins), names...)
	wall := &leaping{Clock: follow}
	defer wall.listen()()
	return with(ctx, log, follow, func(ctx context.Context) error {
		return kioskapp.Run(ctx, kioskapp.Options{
			Settings: set, Version: version, Log: log, Clock: wall, Pins: board.Open, NewID: maker(ids),
			ReconnectMin: 20 * time.Millisecond, ReconnectMax: 200 * time.Millisecond,
		})
	})
}

// leaping is the clock of a board whose wall clock somebody sets: a year ahead,
// and at the next time back.
type leaping struct {
	clock.Clock
	ahead atomic.Bool
}

// Now is the moment with the wall clock as it is set.
func (l *leaping) Now() kiosk.Moment {
	m := l.Clock.Now()
	if l.ahead.Load() {
		m.Wall = m.Wall.AddDate(1, 0, 0)
	}
	return m
}

// listen sets the wall clock at each leap, the signal, until stop.
func (l *leaping) listen() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, leap)
	var done sync.WaitGroup
	done.Go(func() {
		for range signals {
			l.ahead.Store(!l.ahead.Load())
		}
	})
	return func() {
		signal.Stop(signals)
		close(signals)
		done.Wait()
	}
}

// leap tells the kiosk that somebody sets its wall clock.
const leap = syscall.SIGUSR1

// childLog writes everything if BAYLIGHT_LOG is debug.
func childLog() *slog.Logger {
	o := &slog.HandlerOptions{}
	if os.Getenv("BAYLIGHT_LOG") == "debug" {
		o.Level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

// RunOffice is the back office child.
func RunOffice(ctx context.Context, config, version string) error {
	log := childLog()
	set, err := settings.LoadOffice(config)
	if err != nil {
		return err
	}
	follow, err := inherit(ctx, set.Stores[0].Calendar.Zone)
	if err != nil {
		return err
	}
	return with(ctx, log, follow, func(ctx context.Context) error {
		return officeapp.Run(ctx, officeapp.Options{
			Settings: set, Version: version, Log: log, Clock: follow,
			ReconnectMin: 20 * time.Millisecond, ReconnectMax: 200 * time.Millisecond,
		})
	})
}

// inherit takes the parent's clock from descriptor 3.
func inherit(ctx context.Context, zone *time.Location) (*clock.Follow, error) {
	conn, err := clock.Inherit(3)
	if err != nil {
		return nil, fmt.Errorf("this subcommand is started by \"baylight demo\" only: %w", err)
	}
	return clock.NewFollow(ctx, conn, zone)
}

// with runs the clock beside the program; when the parent is gone, both end.
func with(ctx context.Context, log *slog.Logger, follow *clock.Follow, run func(context.Context) error) error {
	return task.Run(ctx, log, nil, follow, task.Func("child", run))
}

// tell writes each change of a pin to the parent.
func tell(w io.Writer) func(pin string, high bool) {
	var mu sync.Mutex
	enc := json.NewEncoder(w)
	return func(pin string, high bool) {
		mu.Lock()
		defer mu.Unlock()
		_ = enc.Encode(pinLevel{pin, high}) // without a parent nobody looks
	}
}

// maker makes ids: at random, or from the seed, the time in the shop and what
// came in, so that a scan that is repeated after a kill has the id it had.
func maker(ids string) func(floor.Input, kiosk.Moment) string {
	if ids == "random" {
		return kioskapp.RandomID
	}
	var mu sync.Mutex
	var at time.Time
	n := 0
	return func(in floor.Input, now kiosk.Moment) string {
		mu.Lock()
		defer mu.Unlock()
		what := ""
		if s, ok := in.(floor.Scan); ok {
			what = s.Scanner + " " + s.Text
		} else {
			if !now.Wall.Equal(at) {
				at, n = now.Wall, 0
			}
			n++
			what = fmt.Sprint("screen ", n)
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s|%d|%s", ids, now.Wall.UnixMilli(), what))
		return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
	}
}
