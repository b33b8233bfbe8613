// Command run plays seeds of the simulation and prints what came of them: one
// seed with its trace, or many with a summary.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"baylight/cmd/internal/sim"
)

func main() {
	seeds := flag.Uint64("seeds", 1000, "how many seeds to play")
	from := flag.Uint64("from", 1, "the first of them")
	one := flag.Uint64("seed", 0, "play this seed only")
	trace := flag.Bool("trace", false, "with -seed: tell everything that happens")
	defect := flag.String("defect", "", "switch a defect of the product on")
	workers := flag.Int("workers", runtime.GOMAXPROCS(0), "seeds played at once")
	flag.Parse()
	if *one > 0 {
		os.Exit(single(*one, *trace, sim.Options{Defect: sim.Defect(*defect)}))
	}
	os.Exit(many(*from, *seeds, *workers, sim.Options{Defect: sim.Defect(*defect)}))
}

// single plays one seed, twice.
func single(seed uint64, trace bool, opt sim.Options) int {
	again := sim.Run(seed, opt)
	if trace {
		opt.Trace = os.Stdout
	}
	r := sim.Run(seed, opt)
	fmt.Printf("seed %d: %d inputs, %d events, %d messages, digest %016x (again %016x)\n", r.Seed, r.Inputs, r.Events, r.Messages, r.Digest, again.Digest)
	report(r)
	if len(r.Violations) > 0 || r.Digest != again.Digest {
		return 1
	}
	return 0
}

// report prints what a seed violated and the command that replays it.
func report(r sim.Result) {
	for _, v := range r.Violations {
		fmt.Printf("seed %d: %s\n", r.Seed, v)
	}
	if len(r.Violations) > 0 {
		fmt.Printf("replay: go run ./cmd/internal/sim/run -seed %d -trace\n", r.Seed)
	}
}

func many(from, seeds uint64, workers int, opt sim.Options) int {
	debug.SetGCPercent(800) // runs are short and small
	begun := time.Now()
	var mu sync.Mutex
	var inputs, events, messages, bad, unequal int
	faults := map[sim.Fault]int{}
	next := make(chan uint64)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for seed := range next {
				r := sim.Run(seed, opt)
				differs := seed%50 == 0 && sim.Run(seed, opt).Digest != r.Digest
				mu.Lock()
				inputs, events, messages = inputs+r.Inputs, events+r.Events, messages+r.Messages
				for f, n := range r.Faults {
					faults[f] += n
				}
				if differs {
					unequal++
					fmt.Printf("seed %d: I7: played again it is another run\n", seed)
				}
				if len(r.Violations) > 0 {
					if bad++; bad <= 1000 {
						report(r)
					}
				}
				mu.Unlock()
			}
		})
	}
	for seed := from; seed < from+seeds; seed++ {
		next <- seed
	}
	close(next)
	all.Wait()
	took := time.Since(begun)
	fmt.Printf("%s, %s, %d at once\n", begun.Format(time.DateOnly), version(), workers)
	fmt.Printf("seeds %d (%d to %d), inputs %d, events %d, messages %d, %.0f s, %.0f seeds/s\n", seeds, from, from+seeds-1, inputs, events, messages, took.Seconds(), float64(seeds)/took.Seconds())
	for _, f := range slices.Sorted(maps.Keys(faults)) {
		fmt.Printf("  %-16s %d\n", f, faults[f])
	}
	fmt.Printf("seeds with violations %d, seeds that differ when played again %d\n", bad, unequal)
	if bad+unequal > 0 {
		return 1
	}
	return 0
}

// version is the toolchain and the commit this was built from.
func version() string {
	v := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v += ", commit " + s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return v
}
