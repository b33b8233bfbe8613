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
// Figures follow from the events ([Fold]: kiosk.Apply, the fold the boards use).
// What they need is kept beside the events ([Rollups]) by package figures;
// [Recompute] folds a whole store, and is what that is measured by.
//
// Goroutines: Run owns the ingest and the sender, both joined before it
// returns. Time: events are stamped with the injected clock; how long a receipt
// waits is real time.
package backoffice
