package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"baylight/kiosk"
)

// Erase removes the person parts of the events at positions for good
// (backoffice.Ledger). They are overwritten (secure_delete), taken out of the
// write-ahead log, and then looked for in the raw files by their salts: SQLite may
// have left a copy behind when it moved rows from one page to another. If one is
// found the file is written anew.
func (l *Ledger) Erase(ctx context.Context, store string, positions []uint64) (erased int, err error) {
	salts := map[string]bool{}
	for rest := positions; len(rest) > 0 && err == nil; {
		n := min(len(rest), eraseRows)
		var some int
		some, err = l.eraseSome(store, rest[:n], salts)
		erased, rest = erased+some, rest[n:]
		if err == nil {
			err = ctx.Err()
		}
	}
	if err == nil {
		err = l.scrub(ctx, salts)
	}
	if err != nil {
		return erased, fmt.Errorf("erase person parts of %s: %w", store, err)
	}
	return erased, nil
}

// eraseRows go in one transaction, so that no batch of events waits for long.
const eraseRows = 500

func (l *Ledger) eraseSome(store string, positions []uint64, salts map[string]bool) (erased int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.write(func(tx *sql.Tx) error {
		for _, n := range positions {
			var epoch, source string
			var seq int64
			var part []byte
			err := tx.QueryRow(`SELECT p.epoch, p.source, p.seq, p.bytes FROM events e JOIN persons p ON p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq
				WHERE e.n = ? AND e.store = ? AND p.bytes IS NOT NULL`, int64(min(n, 1<<63-1)), store).Scan(&epoch, &source, &seq, &part)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil {
				_, err = tx.Exec(`UPDATE persons SET bytes = NULL WHERE epoch = ? AND source = ? AND seq = ?`, epoch, source, seq)
			}
			if err != nil {
				return err
			}
			if p, err := kiosk.DecodePerson(part); err == nil && len(p.Salt) == saltSize {
				salts[p.Salt] = true
			}
			erased++
		}
		return nil
	})
	return erased, err
}

// How long scrub goes on asking while readers are in the way of emptying the log.
const (
	scrubTries = 100
	scrubPause = 100 * time.Millisecond
)

// scrub sees to it that none of the parts with these salts is left in the files.
func (l *Ledger) scrub(ctx context.Context, salts map[string]bool) error {
	if err := l.truncate(ctx); err != nil {
		return err
	}
	left, err := l.left(ctx, salts)
	if err != nil || !left {
		return err
	}
	l.mu.Lock()
	_, err = l.w.ExecContext(ctx, "VACUUM")
	l.mu.Unlock()
	if err != nil {
		return fmt.Errorf("write the ledger anew: %w", err)
	}
	if err := l.truncate(ctx); err != nil {
		return err
	}
	if left, err = l.left(ctx, salts); err == nil && left {
		err = errors.New("bytes of them are still in the file")
	}
	return err
}

// truncate moves the write-ahead log into the database and empties it. Commits
// wait for no reader meanwhile.
func (l *Ledger) truncate(ctx context.Context) error {
	for range scrubTries {
		busy, err := l.checkpoint()
		if err != nil || !busy {
			return err
		}
		select {
		case <-time.After(scrubPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("empty the write-ahead log: somebody reads the ledger all the time; it is tried again")
}

func (l *Ledger) checkpoint() (blocked bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	conn, err := l.w.Conn(context.Background())
	if err != nil {
		return false, err
	}
	defer conn.Close()
	ctx := context.Background()
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 20"); err != nil {
		return false, err
	}
	var busy, pages, moved int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	_, again := conn.ExecContext(ctx, "PRAGMA busy_timeout = 10000")
	if err = errors.Join(err, again); err != nil {
		return false, fmt.Errorf("empty the write-ahead log: %w", err)
	}
	return busy != 0, nil
}

// A person part begins with its salt.
const (
	saltBefore = `{"salt":"`
	saltSize   = 32
)

// left says whether the raw files hold one of the parts with these salts.
func (l *Ledger) left(ctx context.Context, salts map[string]bool) (bool, error) {
	if len(salts) == 0 {
		return false, nil
	}
	for _, path := range []string{l.path, l.path + "-wal"} {
		if found, err := holds(ctx, path, salts); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func holds(ctx context.Context, path string, salts map[string]bool) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	const overlap = len(saltBefore) + saltSize
	buf, kept := make([]byte, 1<<20), 0
	for {
		n, err := io.ReadFull(f, buf[kept:])
		b := buf[:kept+n]
		for i := bytes.Index(b, []byte(saltBefore)); i >= 0; i = bytes.Index(b, []byte(saltBefore)) {
			if b = b[i+len(saltBefore):]; len(b) >= saltSize && salts[string(b[:saltSize])] {
				return true, nil
			}
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return false, nil
		case err != nil:
			return false, err
		case ctx.Err() != nil:
			return false, ctx.Err()
		}
		kept = copy(buf, buf[kept+n-overlap:kept+n])
	}
}
