package journal

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock takes the lock file of a journal. It is held as long as the file is
// open, and the kernel lets go of it when the process ends, however it ends.
// It is a file of its own because closing any descriptor of the database
// would drop the locks that SQLite holds on it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		who, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("%w (process %s)", ErrInUse, strings.TrimSpace(string(who)))
	}
	if err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

const magic = "SQLite format 3\x00"

// inspect looks at the file's first bytes before SQLite sees it.
func (j *Journal) inspect(context.Context) error {
	f, err := os.Open(j.path)
	if err != nil {
		return err
	}
	defer f.Close()
	var head [100]byte
	switch _, err := io.ReadFull(f, head[:]); {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is shorter than its header", ErrDamaged)
	case err != nil:
		return err
	case head == [100]byte{} || string(head[:16]) != magic && binary.BigEndian.Uint32(head[68:]) == applicationID:
		return fmt.Errorf("%w: its first bytes are not those of a database", ErrDamaged)
	case string(head[:16]) != magic:
		return fmt.Errorf("%w, or its first bytes are damaged: it does not begin as a SQLite database does", ErrForeign)
	case binary.BigEndian.Uint32(head[68:]) != applicationID:
		return fmt.Errorf("%w: its application id is %#x, a journal's is %#x", ErrForeign, binary.BigEndian.Uint32(head[68:]), applicationID)
	case head[18] != 2 || head[19] != 2:
		return fmt.Errorf("%w: it is not in WAL mode", ErrDamaged)
	}
	return nil
}

// create makes an empty journal beside its place and moves it there, so that
// an empty or half-made file at path is never mistaken for a new board.
func (j *Journal) create(ctx context.Context, epoch string) error {
	part := j.path + newExt
	if err := create(ctx, part, j.source, epoch); err != nil {
		return err
	}
	if err := os.Rename(part, j.path); err != nil {
		return err
	}
	return syncFile(filepath.Dir(j.path))
}

// newExt is that of a database that is being made.
const newExt = ".new"

// create makes an empty journal in place of an unfinished one.
func create(ctx context.Context, part, source, epoch string) error {
	for _, ext := range []string{"", "-journal", "-wal", "-shm"} {
		if err := remove(part + ext); err != nil {
			return err
		}
	}
	// The file is made with its rights, which SQLite gives to its other files too.
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), fill(ctx, part, source, epoch)); err != nil {
		return classify(err)
	}
	return syncFile(part)
}

func fill(ctx context.Context, part, source, epoch string) error {
	db, err := sql.Open("sqlite3", dsn(part, "rw"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	steps := []struct {
		query string
		args  []any
	}{
		{fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; PRAGMA journal_mode = WAL;", applicationID, version), nil},
		{"BEGIN IMMEDIATE", nil},
		{schema, nil},
		{"INSERT INTO meta (key, value) VALUES ('source', ?), ('min_reader', ?)", []any{source, minReader}},
		{"INSERT INTO epochs (epoch, base) VALUES (?, 0)", []any{epoch}},
		{"COMMIT", nil},
	}
	for _, s := range steps {
		if _, err = db.ExecContext(ctx, s.query, s.args...); err != nil {
			break
		}
	}
	return errors.Join(err, db.Close())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// dsn names the database with the settings that the driver sets per connection.
func dsn(path, mode string) string {
	q := url.Values{
		"mode":          {mode},
		"_synchronous":  {synchronous},
		"_busy_timeout": {"2000"}, // a backup may hold the file for a moment
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// openReaders opens the connections that only read, and checks the file
// through them before anything may write to it.
func (j *Journal) openReaders(ctx context.Context) error {
	text, number, _ := j.sqlite()
	if err := checkSQLite(text, number); err != nil {
		return err
	}
	// Readers go through the file in order: a page cache of 256 KiB each does.
	db, err := sql.Open("sqlite3", dsn(j.path, "ro")+"&_cache_size=-256")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(4)
	j.readers = db
	if err := checkVersion(ctx, db); err != nil {
		return err
	}
	var source string
	if err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'source'").Scan(&source); err != nil {
		return fmt.Errorf("read source: %w", damaged(err))
	}
	if source != j.source {
		return fmt.Errorf("%w of this board: it belongs to %s, not to %s", ErrForeign, source, j.source)
	}
	if j.layout, err = readLayout(ctx, db); err != nil {
		return err
	}
	if j.head, err = j.layout.readHead(ctx, db); err != nil {
		return err
	}
	if err := j.checkMarks(ctx); err != nil {
		return err
	}
	return j.verifyTail(ctx)
}

// checkMarks holds that no reader was done with more than there is: no cursor
// and no receipt can be set beyond the head, so the end of the journal is missing.
// What an epoch overtook is told in another's sequences.
func (j *Journal) checkMarks(ctx context.Context) error {
	var mark int64
	epoch := j.layout.current().name
	err := j.readers.QueryRowContext(ctx, `SELECT coalesce(max(v), 0) FROM (SELECT max(value) AS v FROM cursors WHERE epoch = ? AND substr(name, 1, ?) <> ?
		UNION ALL SELECT max(through) FROM receipts WHERE epoch = ?)`, epoch, len(overtaken), overtaken, epoch).Scan(&mark)
	if err != nil {
		return fmt.Errorf("read cursors: %w", damaged(err))
	}
	if mark < 0 || uint64(mark) > j.head.seq {
		return fmt.Errorf("%w: the head is %d, and a reader was done with %d", ErrDamaged, j.head.seq, mark)
	}
	return nil
}

// settle moves what the write-ahead log holds into the database. A process that
// died over a failed sync may have left a log that can be read back from memory
// but is not on the disk; events must not be chained to it. A disk too full for
// this is no reason not to start.
func (j *Journal) settle(ctx context.Context) {
	var busy, pages, moved int
	err := j.writer.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err != nil || busy != 0 {
		j.log.Warn("write-ahead log not moved into the journal", "busy", busy, "pages", pages, "moved", moved, "err", err)
	}
}
