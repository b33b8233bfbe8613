package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Fault is a kind of thing that goes wrong.
type Fault string

// The faults.
const (
	PowerCut       Fault = "power_cut"       // of a board
	CommitFailed   Fault = "commit_failed"   // an append fails and did not persist
	CommitUnsure   Fault = "commit_unsure"   // an append fails, but did persist
	MarkFailed     Fault = "mark_failed"     // keeping a receipt fails and did not persist
	MarkUnsure     Fault = "mark_unsure"     // keeping a receipt fails, but did persist
	LinkCut        Fault = "link_cut"        // a connection breaks
	LinkHalfOpen   Fault = "link_half_open"  // a connection dies and nobody notices for a while
	BrokerCrash    Fault = "broker_crash"    // and what it retained is there again
	BrokerForgets  Fault = "broker_forgets"  // a crash without persistence
	BrokerMute     Fault = "broker_mute"     // a connection that never gets a PUBACK
	BrokerDrops    Fault = "broker_drops"    // a message is acknowledged and not delivered
	BrokerDoubles  Fault = "broker_doubles"  // a message is delivered twice
	BrokerReorders Fault = "broker_reorders" // a message overtakes those on other topics
	WillLate       Fault = "will_late"       // a will is published after the birth that followed it
	OfficeCrash    Fault = "office_crash"
	LedgerFailed   Fault = "ledger_failed" // an office's commit fails and did not persist
	LedgerUnsure   Fault = "ledger_unsure" // an office's commit fails, but did persist
	ReceiptFailed  Fault = "receipt_failed"
	ReceiptUnsure  Fault = "receipt_unsure"
	LedgerRestored Fault = "ledger_restored" // from a backup, under a new id
	RolledBack     Fault = "rolled_back"     // an earlier state of a board's card put back
	Cloned         Fault = "cloned"          // an earlier state of a card in a second board that works beside the first
	Destroyed      Fault = "destroyed"       // a range of a journal
	ClockUnset     Fault = "clock_unset"     // a boot whose clock is set later
	PrintFailed    Fault = "print_failed"    // nothing came out, nothing was recorded
	PrintUnsure    Fault = "print_unsure"    // something came out, nothing was recorded
)

// Faults lists all kinds.
func Faults() []Fault {
	return []Fault{PowerCut, CommitFailed, CommitUnsure, MarkFailed, MarkUnsure, LinkCut, LinkHalfOpen, BrokerCrash, BrokerForgets, BrokerMute, BrokerDrops,
		BrokerDoubles, BrokerReorders, OfficeCrash, LedgerFailed, LedgerUnsure, ReceiptFailed, ReceiptUnsure, LedgerRestored, RolledBack, Cloned, Destroyed,
		ClockUnset, PrintFailed, PrintUnsure, WillLate}
}

// Defect is a fault that the product could have. Tests switch each on and want
// the judge to find it.
type Defect string

// The defects.
const (
	TrustsPuback     Defect = "trusts_puback"      // a PUBACK moves the mark
	ReceiptFirst     Defect = "receipt_first"      // the office sends its receipt before its commit
	CountsTwice      Defect = "counts_twice"       // the ledger takes every copy
	IgnoresWas       Defect = "ignores_was"        // what was recorded again counts again
	Overwrites       Defect = "overwrites"         // another event in a taken place replaces the first
	HidesGaps        Defect = "hides_gaps"         // receipts name no gap
	NotDurable       Defect = "not_durable"        // an append returns before it is on the disk
	TrustsReceipts   Defect = "trusts_receipts"    // clone and rollback are not noticed
	KeepsEpoch       Defect = "keeps_epoch"        // noticed, but no new epoch is begun
	ForgetsLost      Defect = "forgets_lost"       // destroyed ranges are not named
	ShowsFirst       Defect = "shows_first"        // an event is published before it is on the disk
	SkipsPersons     Defect = "skips_persons"      // person parts are not sent
	TakesStrays      Defect = "takes_strays"       // the ledger takes what follows an event of another history
	HidesTaken       Defect = "hides_taken"        // receipts do not tell which places the chain does not prove
	KeepsFailedState Defect = "keeps_failed_state" // after a failed append the floor goes on with what it has
	LeavesWill       Defect = "leaves_will"        // a late will stays in the place of the office's birth
)

// Defects lists all kinds.
func Defects() []Defect {
	return []Defect{TrustsPuback, ReceiptFirst, CountsTwice, IgnoresWas, Overwrites, HidesGaps, NotDurable, TrustsReceipts, KeepsEpoch, ForgetsLost,
		ShowsFirst, SkipsPersons, TakesStrays, HidesTaken, KeepsFailedState, LeavesWill}
}

// plan says how bad a run is. Each kind of fault is in some runs only, so that
// runs differ in kind and not only in number.
type plan struct {
	boards  int
	visits  int
	length  time.Duration // of the chaos
	rate    map[Fault]float64
	harsh   float64 // how often things happen at random times
	latency time.Duration
}

func drawPlan(seed uint64, rng *rand.Rand, opt Options) plan {
	p := plan{
		boards: 1 + rng.IntN(3), visits: 2 + rng.IntN(4), rate: map[Fault]float64{},
		length: time.Duration(20+rng.IntN(25)) * time.Minute, harsh: rng.Float64(),
		latency: []time.Duration{2 * time.Millisecond, 30 * time.Millisecond, 400 * time.Millisecond}[rng.IntN(3)],
	}
	for _, f := range Faults() {
		if f != WillLate && rng.IntN(3) == 0 {
			p.rate[f] = rng.Float64()
		}
	}
	if seed%7 == 0 { // not drawn: every other seed stays the run it was when it found something
		p.rate[WillLate] = 1
	}
	for _, f := range opt.Force {
		p.rate[f] = 1
	}
	return p
}

// strikes draws whether a fault that is in this run happens now.
func (w *world) strikes(f Fault, p float64) bool {
	r, in := w.plan.rate[f]
	return in && !w.healed && w.rng.Float64() < r*p
}

// chaos lets things go wrong at random times.
func (w *world) chaos() {
	every := func(f Fault, mean time.Duration, do func()) {
		if _, in := w.plan.rate[f]; !in {
			return
		}
		var next func()
		next = func() {
			if w.healed {
				return
			}
			do()
			w.after(w.between(mean.Truncate(time.Second)/4, mean*2), next)
		}
		w.after(w.between(mean.Truncate(time.Second)/4, mean*2), next)
	}
	any := func() *board { return w.boards[w.rng.IntN(len(w.boards))] }
	quick := time.Duration(float64(90*time.Second) * (1.2 - w.plan.harsh))
	every(PowerCut, 6*quick, func() { any().cut("power cut", w.between(2*time.Second, 2*time.Minute)) })
	every(LinkCut, 2*quick, func() { w.broker.cutOne(LinkCut) })
	every(LinkHalfOpen, 4*quick, func() { w.broker.cutOne(LinkHalfOpen) })
	every(BrokerCrash, 5*quick, func() { w.broker.crash(BrokerCrash) })
	every(BrokerForgets, 5*quick, func() { w.broker.crash(BrokerForgets) })
	every(OfficeCrash, 4*quick, func() { w.office.crash(w.between(time.Second, 4*time.Minute)) })
	every(LedgerRestored, 12*time.Minute, w.office.restore)
	every(RolledBack, 12*time.Minute, func() { any().rollBack() })
	every(Cloned, 15*time.Minute, func() { any().clone() })
	every(Destroyed, 10*time.Minute, func() { any().damage() })
	w.after(w.between(0, time.Minute), w.backups)
}

// backups takes copies of cards and of the ledger now and then, of which some
// are put back later.
func (w *world) backups() {
	if w.healed {
		return
	}
	for _, b := range w.boards {
		if w.chance(0.5) {
			b.backup = b.disk.copy()
		}
	}
	if w.chance(0.5) {
		w.office.backup = w.office.ledger.Copy(w.office.ledger.ID())
		w.judge.backedUp()
	}
	w.after(w.between(time.Minute, 6*time.Minute), w.backups)
}

// heal ends the chaos and gives everything time to arrive: of boards with one
// name first the original, then each of its clones.
func (w *world) heal() {
	w.healed = true
	w.say("healed")
	w.broker.start()
	w.office.wake()
	for round := range w.rounds() {
		for _, b := range w.boards {
			if on := b.round() == round || b.round() == 0 && w.copies(b.name) == 1; on {
				b.wake()
			} else {
				b.off("switched off")
			}
		}
		// A board that has all receipts of its present epoch may still wait until it
		// sends again what was lost of an earlier one.
		for calm, n := 0, 0; calm < 3 && n < 60; n++ {
			w.run(w.now + 20*time.Second)
			if calm++; !w.quiet() {
				calm = 0
			}
		}
		if !w.quiet() {
			w.violated("I1: not everything has its receipt 20 minutes after all links healed: %s", w.open())
		}
	}
}

func (w *world) rounds() (n int) {
	for _, b := range w.boards {
		n = max(n, b.round()+1)
	}
	return n
}

func (w *world) copies(name string) (n int) {
	for _, b := range w.boards {
		if b.name == name {
			n++
		}
	}
	return n
}

// quiet says whether every board that is on has all its receipts.
func (w *world) quiet() bool { return w.open() == "" }

// open says what is not done yet.
func (w *world) open() string {
	for _, b := range w.boards {
		if b.on && (b.machine == nil || b.conn == nil || b.machine.Mark().Through < b.disk.Head()) {
			return fmt.Sprintf("%s has no receipt of all its %d events", b, b.disk.Head())
		}
	}
	if n := len(w.office.inbox) + len(w.office.due); n > 0 {
		return fmt.Sprintf("the office has %d messages not committed or receipts not sent", n)
	}
	return ""
}
