// Package uplink brings a board's events to the back office: a cursor over the
// journal, moved by receipts alone.
//
//	journal ──Read──▶ uplink ──event, person──▶ broker ──▶ office
//	   ▲                 │                                    │
//	   └──SetReceipted───┴◀───────receipt, office state ◀─────┘
//
// The journal is the only outbox. Uplink keeps positions (which sequence to
// send next, which the broker acknowledged, which the office receipted) and
// the few messages that wait for a PUBACK; it never keeps a second queue. What
// is lost on the way is sent again from the journal.
//
// Positions are sequences of the journal's present epoch; what an office that
// was restored lacks of earlier ones is sent beside the run (History), and what
// was pruned is named (Config.Lost, which Run's goroutine waits for). Times are real time
// (time since the process saw an event, time without progress); no shop time
// and no wall clock is used.
//
// Goroutines: Run owns all positions in one goroutine and starts one more for
// each connection, which waits for acknowledgements; both have ended when Run
// returns. Alarm and Health are called by Run's goroutine and must not block.
package uplink
