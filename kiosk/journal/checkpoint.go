package journal

import "context"

// SQLite would move the write-ahead log into the database (a checkpoint) within the
// COMMIT that made it long: whoever has just scanned would wait for the pages of
// hundreds before. Here that is done after the append has returned, while its caller
// tells people. SQLite does it itself only where that failed for long.
const (
	pageBytes = 4096
	longLog   = 1000 * pageBytes // after which the log is moved
	limitLog  = 4096 * pageBytes // after which a COMMIT does it, and what is kept of its file
)

// wrote counts what a commit put into the write-ahead log beside the rows, about,
// and has the log moved when it is long. The write lock is held.
func (j *Journal) wrote() {
	j.logged += 2 * pageBytes
	if j.logged < longLog || j.moving || !j.inUse() {
		return
	}
	j.moving = true
	j.background.Go(j.checkpoint)
}

// checkpoint moves what it can of the write-ahead log into the database, by the
// writing connection: what is appended meanwhile waits for it.
func (j *Journal) checkpoint() {
	j.write.Lock()
	defer j.write.Unlock()
	j.moving = false
	if j.stale || j.isClosed() {
		return
	}
	var busy, pages, moved int
	err := j.writer.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved)
	if err != nil { // nothing is lost by it; if the disk is full, the next commit will say so
		j.log.Warn("write-ahead log not moved into the journal", "err", err)
		return
	}
	j.logged = (pages - moved) * pageBytes
}

// inUse says whether Open has ended and Close has not begun.
func (j *Journal) inUse() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.opened && !j.closed
}
