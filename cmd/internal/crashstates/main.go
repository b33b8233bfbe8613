// Command crashstates runs the real kioskd with everything it does to its
// journal's files recorded, and then looks at what a power cut could have left of
// them: at every sync and in between, with unsynced writes missing, torn and out
// of order. The real journal has to open each of these states by itself, and hold
// every scan that was acknowledged by a beep and every event that was published
// before that moment. "make crash-states N=n" builds what it needs and calls it.
//
//	record    the daemon's system calls on the files, with their bytes
//	replay    a record, a place in it and a seed → one state of the folder
//	judge.go  what a state must hold
//
// Three verdicts: kept; lost (or corrupt); no verdict, for states before anything
// was acknowledged: these only have to open and are not counted among the n. The
// same is done to a daemon with synchronous=OFF, which has to be found out. It
// exits with 1 if one of the two fails.
//
// Called as "crashstates recorded PROGRAM ARGS…" it becomes the daemon.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"baylight/cmd/internal/crashstates/record"
)

// recorded is the word by which this program becomes the daemon.
const recorded = "recorded"

func main() {
	if len(os.Args) > 2 && os.Args[1] == recorded {
		fmt.Fprintln(os.Stderr, record.Main(os.Args[2:]))
		os.Exit(1)
	}
	bin := flag.String("bin", "bin", "folder of kioskd, kioskd-unsafe and backofficed")
	states := flag.Int("n", 300, "states to judge")
	scans := flag.Int("scans", 900, "scans to record")
	seed := flag.Uint64("seed", rand.Uint64(), "of what a cut leaves")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := trial{bin: *bin, states: *states, scans: *scans, seed: *seed}
	began := time.Now()
	err := t.run(ctx)
	fmt.Printf("crash states took %.0f s, seed %d\n", time.Since(began).Seconds(), *seed)
	if err != nil {
		fmt.Println("FAIL ", err)
		os.Exit(1)
	}
}

type trial struct {
	bin           string
	states, scans int
	seed          uint64
}

// found is enough states for a daemon that does not sync: it is found out within.
const found = 200

func (t trial) run(ctx context.Context) error {
	r, err := t.record(ctx, "kioskd", t.scans)
	if err != nil {
		return err
	}
	v, err := r.judge(ctx, t.states, t.seed, 0)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", r, v)
	if v.bad() > 0 || v.Kept < t.states {
		return fmt.Errorf("%d of %d states kept what was acknowledged", v.Kept, t.states)
	}
	if r, err = t.record(ctx, "kioskd-unsafe", t.scans/4); err != nil {
		return err
	}
	if v, err = r.judge(ctx, found, t.seed, 1); err != nil {
		return err
	}
	fmt.Printf("with synchronous=OFF: %s\n%s\n", r, v)
	if v.bad() == 0 {
		return fmt.Errorf("the judge does not find out a daemon with synchronous=OFF in %d states", v.Kept)
	}
	fmt.Println("ok    every state of kioskd holds what was acknowledged; the judge finds out synchronous=OFF")
	return nil
}

// program is the absolute path of one.
func (t trial) program(name string) (string, error) { return filepath.Abs(filepath.Join(t.bin, name)) }
