// Command soak runs a store for a long time while its programs are killed at
// random: the real kioskd, the real backofficed and a broker, which is a real
// Mosquitto for half of the time and the embedded one, as a process of its own,
// for the other half. Four scanners go on scanning. Sometimes the broker's disk is
// destroyed as well. "make soak MINUTES=n" builds what it needs and calls it.
//
//	scanners ─ ptys ─▶ kioskd ─▶ wiretap ─▶ broker ─▶ wiretap ─▶ backofficed
//	    │ beeps                     │ what is sent twice             │ read API
//	    └───────────────────────── judge ◀───────────────────────────┘
//
// What is demanded: every scan that a beep acknowledged arrives, once (one job
// started for each card, no id twice); the board sends in the order in which it
// recorded (no event before the one before it); and not more is sent again than
// [window] for each reconnection and what was published while the back office was
// away. Order and ids are looked at all the time. Whenever the chaos rests and the
// outbox has drained, nothing acknowledged may be missing and the ledger's events
// have to be one whole chain, whatever gaps were filled late. At the end they are
// compared with the board's journal by their hashes.
//
// Called as "soak broker ADDRESS" it is the embedded broker.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"baylight/sync/broker"
)

// embedded is the word by which this program becomes the broker.
const embedded = "broker"

func main() {
	if len(os.Args) == 3 && os.Args[1] == embedded {
		if _, err := broker.Start(broker.Config{Addr: os.Args[2]}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {} // until it is killed
	}
	bin := flag.String("bin", "bin", "folder of kioskd and backofficed")
	minutes := flag.Float64("minutes", 30, "how long")
	seed := flag.Uint64("seed", rand.Uint64(), "of what is killed when")
	keep := flag.String("keep", "", "folder to keep everything in; empty: a temporary one, removed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	began := time.Now()
	s, err := open(*bin, *keep, *seed)
	if err == nil {
		err = s.run(ctx, time.Duration(*minutes*float64(time.Minute)))
		err = s.close(err)
	}
	fmt.Printf("soak took %.0f s, seed %d\n", time.Since(began).Seconds(), *seed)
	if err != nil {
		fmt.Println("FAIL ", err)
		os.Exit(1)
	}
	fmt.Println("ok    lost 0, counted twice 0, in order")
}
