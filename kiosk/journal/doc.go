// Package journal is the append-only journal of one board: a SQLite file that
// holds every event as its bytes, in order and chained by hash, with the
// person parts beside them, and the cursors of those who read it.
//
// What Append has returned is on the disk. Nothing is updated or deleted; the
// state of the board is a fold over [Journal.Replay], and the outbox is a
// cursor over [Journal.Read].
//
// Sequences count from 1 within an epoch, without holes. One process at a time
// may have a journal open. A Journal has no goroutines and reads no clock; its
// methods may be called concurrently. Reading does not wait for writing, nor
// writing for reading. After any error of Append the caller discards its state
// and folds Replay again: an event that was refused may have become durable
// after all, an event that was acknowledged never disappears.
//
// Files: PATH (the database), PATH-wal and PATH-shm (SQLite's own; PATH-wal
// holds events and belongs to PATH), PATH.lock (names the process that has the
// journal open; its content does not matter), PATH.new (an unfinished creation).
package journal
