// Package journal is the append-only journal of one board: a SQLite file that
// holds every event as its bytes, in order and chained by hash, with the
// person parts beside them, and the cursors of those who read it.
//
// What Append has returned is on the disk. No event is updated, though its person
// part can be erased ([Journal.Erase]); the
// state of the board is a fold over [Journal.Replay], and the outbox is a
// cursor over [Journal.Read].
//
// Sequences count from 1 within an epoch, without holes. One process at a time
// may have a journal open. A Journal has no goroutines; its methods may be
// called concurrently. It reads the clock only to name what it sets aside
// (Options.Now), and [Verify] to rest. Reading does not wait for writing, nor
// writing for reading. After any error of Append the caller discards its state
// and folds Replay again: an event that was refused may have become durable
// after all, an event that was acknowledged never disappears.
//
// Files: PATH (the database), PATH-wal and PATH-shm (SQLite's own; PATH-wal
// holds events and belongs to PATH), PATH.lock (names the process that has the
// journal open), PATH.ballast (room to give up when the disk is full),
// PATH.snapshot and PATH.base (states made of the events, see [Journal.SetSnapshot]),
// PATH.suspect (damage was found), PATH.aside-TIME (a damaged or replaced
// database), PATH.new and PATH.ready-TIME (a database on its way to its place).
package journal
