package sim

import (
	"fmt"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// Limits of the uplink, small so that runs meet them.
const (
	window      = 12
	unreceipted = 24
	progress    = 30 * time.Second
)

// board is one kiosk with its card, power, clock and connection.
type board struct {
	w      *world
	name   string
	copyNo int // of a clone, from 1; 0: the original
	cfg    floor.Config
	topics wire.Kiosk
	disk   *disk
	backup *disk // a copy of the card, nil before the first
	synced *disk // what is really on the disk, with NotDurable

	on       bool
	life     int // grows with each boot and cut; what was begun in an earlier one is void
	boot_    string
	booted   time.Duration
	off_     time.Duration // the wall clock's error
	quality  kiosk.Quality
	state    *floor.State
	machine  *uplink.Machine
	conn     *conn
	session  uint64
	flight   []uint64 // sequences whose PUBACK is awaited, 0: of no row
	acked    uint64
	lastAck  time.Duration
	straight *straight // the same inputs without any mishap; nil once it cannot be told
}

func newBoard(w *world, i int) *board {
	name := fmt.Sprintf("k%d", i+1)
	topics, err := wire.NewKiosk(storeName, name)
	if err != nil {
		panic(err) // a constant
	}
	b := &board{w: w, name: name, cfg: shopConfig(name, byte('A'+i)), topics: topics}
	b.disk = newDisk(w, kiosk.KioskSource(storeName, name))
	b.straight = newStraight(b.cfg, b.disk.Epoch())
	b.wire()
	return b
}

// wire gives the disk the faults of this board.
func (b *board) wire() {
	b.disk.spoil = func(failed, unsure Fault) (before, after error) {
		if b.w.strikes(failed, 0.2) {
			b.w.fault(failed, "%s", b)
			return errDisk, nil
		}
		if b.w.strikes(unsure, 0.2) {
			b.w.fault(unsure, "%s", b)
			return nil, errHere
		}
		return nil, nil
	}
}

func (b *board) String() string {
	if b.copyNo > 0 {
		return fmt.Sprintf("%s (copy %d)", b.name, b.copyNo)
	}
	return b.name
}

func (b *board) round() int { return b.copyNo }

// boot switches the board on.
func (b *board) boot() {
	w := b.w
	b.on, b.life = true, b.life+1
	b.boot_, b.booted = w.name(), w.now
	b.off_, b.quality = 0, kiosk.Synced
	if w.strikes(ClockUnset, 0.8) {
		b.off_, b.quality = -w.between(time.Minute, 50*365*24*time.Hour).Truncate(time.Millisecond), kiosk.Unset
		if w.chance(0.3) {
			b.off_, b.quality = -w.between(time.Second, 5*time.Second), kiosk.Holdover // less is no step to speak of
		}
		w.fault(ClockUnset, "%s boots %s off", b, b.off_)
		b.later(w.between(5*time.Second, 8*time.Minute), b.setClock)
	}
	w.say("%s boots, epoch %.8s, head %d", b, b.disk.Epoch(), b.disk.Head())
	life := b.life
	b.rebuild()
	for len(b.disk.lost) > 0 && w.opt.Defect != ForgetsLost {
		l := b.disk.lost[0]
		b.record([]kiosk.Event{{Source: b.disk.source, Epoch: b.disk.Epoch(), Seq: b.disk.Head() + 1, Moment: b.moment(),
			Data: &kiosk.JournalLost{Epoch: l.epoch, From: l.from, To: l.to}}})
		if b.life != life {
			return
		}
		b.rebuild()
	}
	for b.life == life && !b.do(floor.Start{Version: "sim"}) {
		w.say("%s cannot record its start and tries again", b)
	}
	if b.life != life {
		return
	}
	m, err := uplink.NewMachine(uplink.Config{Unreceipted: unreceipted, Progress: progress}, b.disk)
	if err != nil {
		w.violated("%s: %v", b, err)
		return
	}
	b.machine = m
	b.later(w.between(0, 5*time.Second), b.connect)
	b.later(time.Second, b.tick)
}

// later does something unless the board was cut off or booted since.
func (b *board) later(d time.Duration, do func()) {
	life := b.life
	b.w.after(d, func() {
		if b.life == life {
			do()
		}
	})
}

// moment is now as the board knows it.
func (b *board) moment() kiosk.Moment {
	return kiosk.Moment{Wall: b.w.wall().Add(b.off_), Boot: b.boot_, Up: b.w.now - b.booted, Clock: b.quality}
}

// setClock is the moment the clock becomes trustworthy.
func (b *board) setClock() {
	off := -b.off_
	b.off_, b.quality = 0, kiosk.Synced
	if !b.do(floor.ClockSet{Offset: off}) {
		// It is as if the clock had been set a little later.
		b.off_, b.quality = -off, kiosk.Unset
		b.later(b.w.between(time.Second, 10*time.Second), b.setClock)
	}
}

// rebuild makes the state anew from the journal.
func (b *board) rebuild() {
	b.state = floor.New(b.cfg, b.disk.Epoch())
	b.disk.Replay(b.state.Replay)
}

// do takes inputs as the station does: decided in memory, recorded in one
// commit, shown afterwards. It says whether they were acknowledged.
func (b *board) do(ins ...floor.Input) bool {
	ok, _ := b.input(ins...)
	return ok
}

func (b *board) input(ins ...floor.Input) (ok bool, reply floor.Reply) {
	if !b.on {
		return false, reply
	}
	now, card := b.moment(), b.disk
	var events []kiosk.Event
	for _, in := range ins {
		var es []kiosk.Event
		es, reply = b.state.Step(in, now)
		events = append(events, es...)
	}
	life := b.life
	ok = b.record(events)
	if persisted := len(events) == 0 || card.Head() >= events[len(events)-1].Seq; persisted && b.straight != nil {
		b.straight.took(ins, now, events)
	}
	if b.life != life {
		return false, floor.Reply{} // nobody was there any more to answer
	}
	if !ok {
		if b.w.opt.Defect != KeepsFailedState {
			b.rebuild()
		}
		return false, floor.Reply{}
	}
	b.w.judge.acknowledged(b, ins, events)
	b.pump()
	return true, reply
}

// record makes events durable. The power may go before or after that.
func (b *board) record(events []kiosk.Event) bool {
	if len(events) == 0 {
		return true
	}
	if b.w.strikes(PowerCut, 0.01) {
		b.cut("power cut before a commit", b.w.between(time.Second, time.Minute))
		return false
	}
	if b.w.opt.Defect == ShowsFirst && b.conn != nil {
		rows, _ := b.disk.encode(events, b.disk.current())
		for _, r := range rows {
			b.send(uplink.Ask{Epoch: b.disk.Epoch()}, r.Row)
		}
	}
	if b.synced == nil || b.w.chance(0.1) {
		b.synced = nil
		if b.w.opt.Defect == NotDurable {
			b.synced = b.disk.copy()
		}
	}
	if err := b.disk.Append(events); err != nil {
		b.w.say("%s cannot record %d events: %v", b, len(events), err)
		return false
	}
	if b.w.strikes(PowerCut, 0.01) {
		b.cut("power cut after a commit", b.w.between(time.Second, time.Minute))
		return false
	}
	return true
}

// cut takes the power away for a while.
func (b *board) cut(why string, d time.Duration) {
	if !b.on {
		return
	}
	b.w.fault(PowerCut, "%s: %s", b, why)
	b.off(why)
	if b.synced != nil {
		b.disk, b.synced = b.synced, nil
		b.wire()
	}
	b.later(d, func() { b.boot() })
}

// off switches the board off; what it held in memory is gone.
func (b *board) off(why string) {
	b.life++
	if !b.on {
		return
	}
	b.w.say("%s is off: %s", b, why)
	b.on = false
	b.conn.leave()
	b.conn, b.machine, b.state, b.flight = nil, nil, nil, nil
}

// wake switches it on if it is off.
func (b *board) wake() {
	if !b.on {
		b.boot()
	}
}

// rollBack puts an earlier state of the card back.
func (b *board) rollBack() {
	if b.backup == nil {
		return
	}
	b.w.fault(RolledBack, "%s from %d to %d", b, b.disk.Head(), b.backup.Head())
	b.off("its card is put back")
	old := b.disk
	b.disk, b.synced, b.straight = b.backup.copy(), nil, nil
	b.wire()
	b.w.judge.destroyed(old)
	b.later(b.w.between(time.Second, 20*time.Second), b.boot)
}

// clone makes a second board of an earlier state of the card.
func (b *board) clone() {
	if b.backup == nil || b.w.copies(b.name) > 2 {
		return
	}
	b.straight = nil
	c := &board{w: b.w, name: b.name, copyNo: b.w.copies(b.name), cfg: b.cfg, topics: b.topics, disk: b.backup.copy()}
	c.wire()
	b.w.fault(Cloned, "%s as it was at %d, now at %d", b, c.disk.Head(), b.disk.Head())
	b.w.boards = append(b.w.boards, c)
	c.boot()
}

// damage destroys a range of events in the journal.
func (b *board) damage() {
	head := b.disk.Head()
	if head < 4 {
		return
	}
	from := 1 + b.w.rng.Uint64N(head-2)
	to := min(from+b.w.rng.Uint64N(6), head-1)
	b.w.fault(Destroyed, "%s: %d to %d of epoch %.8s", b, from, to, b.disk.Epoch())
	b.off("its journal is damaged")
	old := b.disk.copy()
	b.disk.spoil = nil
	b.disk.damage(from, to)
	b.synced, b.straight = nil, nil
	b.wire()
	b.w.judge.destroyed(old)
	b.later(b.w.between(time.Second, 20*time.Second), b.boot)
}
