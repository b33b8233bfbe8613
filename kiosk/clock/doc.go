// Package clock tells what time it is, how far that can be trusted, and when
// some of it has passed.
//
// A board has no battery clock: it may boot in 1970, run on, and jump when the
// network's time arrives. So a [Clock] gives a kiosk.Moment: the wall clock, the
// boot id, the time since boot (CLOCK_BOOTTIME, which no step moves) and the
// quality of the wall clock. [System] is the machine's. A [Keeper] stands before
// it: it goes by the best source there is, not by jumps, and tells what to record
// as kiosk.clock_set. [Asker] judges the office's answers to a board that asks
// for the time. DESIGN.md tells sources, states and what is refused.
//
// Shop time. Debounce, undo, badges and closing run on the clock given here;
// wire gaps, MQTT, printers and back-off run on real time and do not use this
// package. In a demo the shop's clock is driven by a parent process: [Lead] is
// the parent's end, [Follow] the child's, over an inherited socket with one JSON
// line each way:
//
//	parent: {"n":7,"wall":"2026-11-21T09:31:00+08:00","boot":"demo-1","up_ms":5460000,"clock":"synced","rate":60,"sent":"2026-11-23T12:58:50.05+08:00"}
//	child:  {"ack":7,"up_ms":5460000}
//
// From that point the child's clock runs rate times as fast as real time; at
// rate 0 it stands, and Now is exactly what the parent said. sent is the real
// time of that point, as the machine's clock says it: a child that is still
// starting reads the line late and goes on from where the shop is by then. The
// child answers
// once its Now gives the new time and its due alarms have rung, so that when
// [Lead.Set] returns every living child is there. A child whose socket fails or
// that does not answer in time is dropped. The time since boot never runs back
// within a boot: a child that ran ahead while a line was on its way keeps what
// it had.
//
// Alarms count time since boot, so a step of the wall clock neither rings nor
// delays them; a jump of the parent's time since boot rings what it passes.
//
// Keeper and Follow are tasks whose goroutine the caller starts and joins. Alarms
// ring from the runtime's timers.
package clock

import (
	"time"

	"baylight/kiosk"
)

// Clock is the time of one shop.
type Clock interface {
	// Now is the present moment; its wall clock is in the store's time zone.
	Now() kiosk.Moment
	// Alarm gives a channel that is closed once after has passed in shop time,
	// at once if after is not positive. The function gives the alarm up; it may
	// be called at any time, more than once, and must be called by who does not
	// wait for the alarm.
	Alarm(after time.Duration) (<-chan struct{}, func())
}
