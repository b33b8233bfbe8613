// Package ledger keeps events at rest in SQLite: write-ahead log,
// synchronous=FULL, both asserted when the file is opened, because a receipt
// tells a board that it may forget. Only steps in the middle of folding do not
// wait for the disk: they follow from events.
//
//	events     one row an event: its bytes as they came, their hash, and columns
//	           taken from them once so that reads need not decode
//	persons    person parts, beside the events, so that they can be erased
//	epochs     one row for each (source, epoch): how far it is contiguous
//	visits     which position last changed a visit: what readers fold again
//	moved      what an event's time was before it moved: visits as they stood at a
//	           position are read without the rest of the store; mixed are the
//	           positions, within a transaction that moved times, where it is not told
//	folds, facts, fact_days, fact_keys, day_rows
//	           what a folder keeps (backoffice.Rollups)
//	papers     what is no event: bookings, who works there (backoffice.Papers);
//	           revisions say which kinds changed
//	trail      who came in and what they took out (backoffice.Trail); triggers keep it
//	conflicts  events of another history: other bytes for a place that was taken,
//	           and what follows them; evidence, never counted
//	rejected   messages that are no events, raw
//
// Times are milliseconds since 1970. when_ms is the corrected time of
// recording (kiosk.Correct), kept up to date in the transaction that changes it.
//
// One connection writes, a few read; a Ledger may be used by many goroutines.
// The package starts none and reads no clock.
package ledger
