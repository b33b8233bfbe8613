// Package health tells how a board is in one of three words, and why: a printer
// without paper is not a board that loses data.
//
//	ok        all is well
//	degraded  something is missing; what was acknowledged is safe and nothing
//	          that people do is lost
//	losing    work is being lost: scans cannot be recorded, or recorded events
//	          were destroyed
//
// It is pure: facts in, reasons out. Durations are real time, sizes bytes. A
// [Reason] has a code for machines, which never changes its meaning, and a text
// for people; the detail is for whoever looks into it and may come from a device.
package health

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk/words"
)

// Level is how a board is.
type Level string

// The levels, the best first.
const (
	OK       Level = "ok"
	Degraded Level = "degraded"
	Losing   Level = "losing"
)

// Number is the level as a figure: 0 ok, 1 degraded, 2 losing. Anything else is 1:
// who says something that is not understood is not well.
func (l Level) Number() int {
	switch l {
	case OK:
		return 0
	case Losing:
		return 2
	}
	return 1
}

// Reason is one thing that is not as it should be.
type Reason struct {
	Level  Level
	Code   string // e.g. "printer.paper"
	Text   words.Message
	Detail string
}

// Device is something at the end of a wire.
type Device struct {
	Name, Kind string // "bay3"; "scanner", "printer", "lamp"
	Up         bool
	Cause      string // of a printer that is down: "paper", "cover", "" anything else
	Detail     string
}

// Facts are what a board knows of itself.
type Facts struct {
	Kiosk string         // its name
	Zone  *time.Location // of the store; nil is UTC

	Starting bool   // the records are still being read: scans wait
	Broken   string // why nothing can be recorded, "" if it can
	Damage   string // damage found in the journal since the start
	Salvaged string // what had to be done to a damaged journal at the start
	Lost     []Lost // what was destroyed then
	Snapshot string // a snapshot that was found wrong, and replaced

	DiskFull bool   // the reserve is given up
	DiskFree uint64 // bytes

	Devices []Device

	Connected bool          // to the broker
	Office    bool          // the back office is ready
	ByBroker  bool          // no back office is waited for
	Depth     uint64        // events without receipt
	Oldest    time.Duration // how long the oldest has waited

	Told []Reason // said elsewhere: the clock, what the back office found
}

// Bounds.
const (
	Little = 256 << 20       // bytes free, below which a disk needs a person
	Late   = 5 * time.Minute // without a receipt, though the back office is ready
)

// Reasons are what is not as it should be, the worst first.
func Reasons(f Facts) (out []Reason) {
	add := func(when bool, level Level, code, detail string, args ...string) {
		if when {
			out = append(out, Reason{level, code, words.Say(words.Key("health."+code), args...), detail})
		}
	}
	add(f.Starting, Degraded, "starting", "")
	add(f.Broken != "", Losing, "journal.refused", f.Broken)
	add(f.Damage != "", Losing, "journal.damaged", f.Damage)
	if len(f.Lost) > 0 {
		out = append(out, Reason{Losing, "journal.lost", words.Message{Key: "health.journal.lost", Args: []string{f.Kiosk}, List: Phrases(f.Lost, f.Zone)}, f.Salvaged})
	}
	add(f.Salvaged != "" && len(f.Lost) == 0, Degraded, "journal.salvaged", f.Salvaged)
	add(f.Snapshot != "", Degraded, "journal.snapshot", f.Snapshot)
	add(f.DiskFull, Degraded, "disk.full", "")
	add(!f.DiskFull && f.DiskFree < Little, Degraded, "disk.low", "")
	for _, d := range f.Devices {
		add(!d.Up, Degraded, device(d), d.Detail, d.Name)
	}
	add(!f.Connected, Degraded, "broker.away", "")
	add(f.Connected && !f.Office && !f.ByBroker, Degraded, "office.away", "")
	add(f.Connected && f.Depth > 0 && f.Oldest >= Late && (f.Office || f.ByBroker), Degraded, "receipts.late", f.Oldest.Round(time.Second).String())
	out = append(out, f.Told...)
	slices.SortStableFunc(out, func(a, b Reason) int { return cmp.Compare(b.Level.Number(), a.Level.Number()) })
	return out
}

func device(d Device) string {
	switch {
	case d.Kind == "printer" && (d.Cause == "paper" || d.Cause == "cover"):
		return "printer." + d.Cause
	case d.Kind == "printer", d.Kind == "scanner", d.Kind == "lamp":
		return d.Kind + ".down"
	}
	return "device.down"
}

// Worst is the level of the worst of the reasons; none is OK.
func Worst(reasons []Reason) Level {
	worst := OK
	for _, r := range reasons {
		if r.Level.Number() > worst.Number() {
			worst = r.Level
		}
	}
	return worst
}
