// Package station owns the goroutines of one kiosk and nothing else: it takes
// inputs from scanners, screens, devices and the clock, lets the floor decide,
// commits what was decided, and only then lets anything be seen.
//
//	scan, screen, device ─▶ queue ─▶ floor.Step … ─▶ journal.Append (one commit)
//	                                                    │ durable
//	                      beep, reply, lamps, screens ◀─┘      paper ◀─ cursor over the journal
//
// All inputs that are waiting are decided in memory and committed as one batch;
// then their replies are released. If the commit fails, the state is thrown away
// and replayed from the journal, and everybody who waited is told that nothing
// was recorded.
//
// Lamps are no effects but follow from the state, asserted after each batch and
// each second. Paper is a cursor over the journal: see paper.go.
//
// The station declares what it needs ([Journal], [Lamps], [Printer], [Clock]).
// It runs two goroutines, the loop and the paper, both joined by Run. Time is
// shop time and comes from Clock.
package station
