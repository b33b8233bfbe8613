// Package sim plays a store: several boards, a broker and a back office, in one
// goroutine and in simulated time, with everything going wrong that may go
// wrong, and a judge who watches throughout.
//
// The decisions are the product's own: kiosk/floor decides what a scan means,
// the events are kiosk's bytes, uplink.Machine decides what is sent and what a
// receipt moves, backoffice.Steps decides what a message means and what a
// receipt says, kpi computes the figures. Simulated are time (one queue of
// events), the network, the broker, the disks of boards and office, power,
// clocks and people.
//
// One seed is one run, to the byte ([Result.Digest]). A seed that fails is
// replayed with
//
//	go run ./cmd/internal/sim/run -seed N -trace
//
// Invariants, numbered as DESIGN.md has them, are checked while the run goes on
// and once all links have healed. The judge counts with code of its own: it
// knows what reached a disk and at what true time, reads the events' bytes
// itself, and uses neither the product's fold nor its figures for its count.
//
// Times are durations of simulated real time since the run began; shop time
// runs with it, and each board has a wall clock of its own that may be wrong.
// Nothing here starts a goroutine or reads a clock.
package sim
