// Package pgledger keeps events at rest in PostgreSQL, for back offices that
// have outgrown one machine. It holds the same contract as package ledger, by
// the same suite (ledgertest); several processes may work on one database.
//
//	head       one row: the ledger's id and the last position; whoever commits, or
//	           moves a store from one office to another, holds its lock, so that
//	           positions and leases have one order
//	events     one row an event: its bytes as they came, their hash, and columns
//	           taken from them once
//	persons    person parts, beside the events, so that they can be erased
//	epochs     one row for each (source, epoch): how far it is contiguous
//	visits     which position last changed a visit
//	conflicts  events of another history, evidence, never counted
//	rejected   messages that are no events, raw
//	papers     what is no event: bookings, who works there; revisions say which
//	           kinds changed, and trail keeps who came in, held by triggers
//	offices    processes that take stores, each until its time runs out
//	leases     which office has which store, under which term
//
// Times are milliseconds since 1970; leases go by the server's clock alone.
// Rows speak of stores and epochs by number (st, ep), so that indexes stay small.
//
// A transaction makes few round trips whatever its size: it reads what its batch
// touches by arrays, decides in memory, writes by arrays. synchronous_commit and
// fsync are asserted on every connection, because a receipt tells a board that it
// may forget.
//
// A Ledger may be used by many goroutines; one commit runs at a time. It starts
// no goroutine of its own besides its connection pool's. An Office starts one.
package pgledger
