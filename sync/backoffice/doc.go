// Package backoffice takes the events of a store's boards in, keeps them, and
// answers what they mean.
//
//	broker ─▶ link ─▶ Office.Take ─▶ queue ─▶ one transaction: bytes, person parts, visits marked
//	                                            │
//	                 receipts, retained ◀───────┤ after the commit, never before
//	                 acknowledgement (PUBACK) ◀─┤
//	                 dashboard (Updates) ◀──────┘
//
// An event is counted exactly once, whatever order and however often it comes:
// the [Ledger] keys it by (source, epoch, sequence) and its hash. A person part
// is checked against the digest in its event; it may come first. What cannot be
// read is kept raw and answered for, so that one bad message never blocks the
// rest.
//
// Figures follow from the events: [Office.Visits] folds the visits that changed
// since it was last asked (kiosk.Apply, the fold the boards use) and keeps the
// rest in memory; [Office.VisitsAt] folds the store as it stood at an earlier
// position of the ledger.
//
// Goroutines: Run owns the ingest and the sender, both joined before it
// returns. Time: events are stamped with the injected clock; how long a receipt
// waits is real time.
package backoffice
