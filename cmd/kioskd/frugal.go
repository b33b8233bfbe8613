package main

import (
	"os"
	"runtime/debug"
)

// A board is small, and a backlog must not make the daemon big: the collector
// works earlier than by default. GOGC and GOMEMLIMIT, if they are set, decide.
const (
	gcPercent    = 30
	burstPercent = 200      // while a large batch is decided
	softLimit    = 16 << 20 // bytes
)

// frugal bounds what garbage may take.
func frugal() {
	smallPages()
	oneArena()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
}

// generous lets garbage lie until over, below the soft limit: in a burst the
// collector would take as much time as a third of the work.
func generous() (over func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	was := debug.SetGCPercent(burstPercent)
	return func() { debug.SetGCPercent(was) }
}
