// Package demo is a whole shop on one machine: a parent with pretend devices on
// ptys, an embedded broker, the shop's clock and an independent judge, and two
// children, the real kiosk and the real back office, as processes of their own,
// so that killing one is real.
//
//	parent ── ptys ────▶ kiosk ── MQTT ──▶ broker (parent) ──▶ back office
//	  │                    ▲                                        │
//	  ├── clock, a socket ─┴────────────────────────────────────────┤
//	  └── hands: scans, touches at the desk          judge ◀── API ─┘
//
// The children get what is different from a store over two inherited sockets:
// shop time comes in on descriptor 3, and the kiosk tells the levels of its
// pretend pins on descriptor 4. Everything else is wire, paper and HTTP.
//
// A day is played in lock-step: the clock stands still while something is done
// and until everything that follows from it is on paper and recorded; then it
// jumps to the next step. So the same seed gives the same events.
package demo
