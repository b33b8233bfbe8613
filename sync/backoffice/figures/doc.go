// Package figures answers what the events of a store mean, at a cost that does
// not grow with history. It keeps beside the events, in the ledger
// (backoffice.Rollups), one fact for each visit and a few rows for each
// store-local day, and folds again what changed. All of it follows from events:
// [Folder.Verify] recomputes and compares, [Folder.Repair] puts right.
//
//	commit     marks the visit (the ledger does, in its transaction)
//	fold       stale visits → events → overlaps → facts → the days they touch → rows
//	question   folds what is stale first, then adds up the rows of its days
//	as_of      kept facts, and those that were touched since from their events
//
// Reads fold first, one at a time for each store, in steps of bounded size; a
// [Folder] that runs folds in between, so that a question finds little to do. Where
// there are many steps, as in a rebuild, one is kept while the next is made, the one
// after it is folded from its events, and those of one more are read. Steps become
// durable in their order, and none behind one that failed. The last one is made when
// all others are durable.
// What changes without an event (a running job becomes unclosed) has a due time
// and is folded again when it has come.
//
// A kept fact also holds the stretches of work as recorded and what overlaps
// with stretches on other boards mean for it (backoffice.Cuts), so that a change
// of one visit finds the others it concerns among those near in time.
//
// Times come from Config.Now. Run is the only goroutine that outlives a call.
package figures
