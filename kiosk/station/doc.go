// Package station owns the goroutines of one kiosk and nothing else: it takes
// inputs from scanners, screens, devices and the clock, lets the floor decide,
// commits what was decided, and only then lets anything be seen.
//
//	scan, screen, device ─▶ queue ─▶ floor.Step … ─▶ journal.AppendSeq (one commit)
//	                                                    │ durable
//	                     lamps, screens, reply, beep ◀──┘      paper ◀─ cursor over the journal
//
// All inputs that are waiting are decided in memory, the events of each stored while
// the next is decided, and committed as one batch; then lamps and screens show it, and last those who wait are answered. If the
// commit fails, the state is thrown away and replayed from the journal, and
// everybody who waited is told that nothing was recorded.
//
// Lamps are no effects but follow from the state, asserted after each batch and
// each second of shop time. Paper is a cursor over the journal: see paper.go.
//
// The station declares what it needs ([Journal], [Lamps], [Printer], [Clock]).
// The loop runs on Run's goroutine, the paper on one that Run joins. Time is
// shop time and comes from Clock; only pauses before another try at a printer
// or a disk, and the age of what is said on a screen, are real time.
package station
