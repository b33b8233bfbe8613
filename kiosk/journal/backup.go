package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

// Content is what a journal or a copy of it holds.
type Content struct {
	Epoch  string // the current one
	Head   uint64 // in it
	Events uint64 // in all epochs
	Bytes  int64  // of the file
}

func (c Content) String() string {
	return fmt.Sprintf("%d events, the last %s-%d, in %d bytes", c.Events, c.Epoch, c.Head, c.Bytes)
}

// backupPages are copied at a time; ctx is asked in between.
const backupPages = 1024

// Backup copies the journal, as it is at one moment, to a file that must not
// exist yet, while appending goes on. The copy is on the disk and every event
// in it has been checked when Backup returns; otherwise there is none.
func (j *Journal) Backup(ctx context.Context, path string) (Content, error) {
	c, err := j.backup(ctx, path)
	if err != nil {
		return Content{}, fmt.Errorf("back up journal to %s: %w", path, err)
	}
	j.log.Info("journal backed up", "path", path, "events", c.Events, "head", c.Head)
	return c, nil
}

func (j *Journal) backup(ctx context.Context, path string) (c Content, err error) {
	if j.isClosed() {
		return c, ErrClosed
	}
	if path, err = resolve(path); err != nil {
		return c, err
	}
	if _, err := os.Lstat(path); err == nil {
		return c, fmt.Errorf("%w; name a file that does not exist yet", os.ErrExist)
	}
	part := path + newExt
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return c, err
	}
	defer func() {
		for _, ext := range []string{"", "-journal", "-wal", "-shm"} {
			err = errors.Join(err, remove(part+ext))
		}
	}()
	if err := errors.Join(f.Close(), j.copyTo(ctx, part)); err != nil {
		return c, classify(err)
	}
	if c, err = j.examine(ctx, part); err != nil {
		return c, fmt.Errorf("check the copy: %w", err)
	}
	if err := syncFile(part); err != nil {
		return c, err
	}
	if err := os.Link(part, path); errors.Is(err, os.ErrExist) { // made meanwhile: not ours to replace
		return c, err
	} else if err != nil { // a stick whose file system has no links
		if err := os.Rename(part, path); err != nil {
			return c, err
		}
	}
	return c, syncFile(filepath.Dir(path))
}

// copyTo copies the database within one transaction that reads, so that what
// is appended meanwhile does not make it begin anew.
func (j *Journal) copyTo(ctx context.Context, part string) (err error) {
	from, err := j.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if _, err := from.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	defer from.ExecContext(context.Background(), "ROLLBACK")
	if _, err := readLayout(ctx, from); err != nil { // the transaction begins with its first look
		return err
	}
	db, err := sql.Open("sqlite3", dsn(part, "rw"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	to, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return to.Raw(func(t any) error {
		return from.Raw(func(f any) error { return copyPages(ctx, t.(*sqlite3.SQLiteConn), f.(*sqlite3.SQLiteConn)) })
	})
}

func copyPages(ctx context.Context, to, from *sqlite3.SQLiteConn) error {
	b, err := to.Backup("main", from, "main")
	if err != nil {
		return err
	}
	for done := false; !done && err == nil; {
		if done, err = b.Step(backupPages); err == nil {
			err = ctx.Err()
		}
	}
	return errors.Join(err, b.Finish())
}

// examine checks all of a journal that nobody writes to.
func (j *Journal) examine(ctx context.Context, path string) (c Content, err error) {
	n := j.sibling(path)
	defer func() { err = errors.Join(err, n.release()) }()
	if err := n.inspect(ctx); err != nil {
		return c, err
	}
	if err := n.openReaders(ctx); err != nil {
		return c, err
	}
	if err := n.verify(ctx); err != nil {
		return c, err
	}
	return n.content(ctx)
}

func (j *Journal) content(ctx context.Context) (Content, error) {
	c := Content{Epoch: j.Epoch(), Head: j.Head()}
	st, err := os.Stat(j.path)
	if err != nil {
		return c, err
	}
	c.Bytes = st.Size()
	return c, classify(j.readers.QueryRowContext(ctx, "SELECT count(*) FROM events").Scan(&c.Events))
}

// Restore makes a backup the journal at to, in a new epoch: the board may have
// gone on after the backup was made, so its sequences must not be given again.
// What the backup has no receipt for is recorded again there, as BeginEpoch
// does. A journal that is at to is set aside, one that is open is ErrInUse; the
// backup stays as it is. Restore does nothing unless all of the backup is sound.
func Restore(ctx context.Context, from, to string, o Options) (Content, error) {
	c, err := restore(ctx, from, to, o)
	if err != nil {
		return Content{}, fmt.Errorf("restore %s to %s: %w", from, to, err)
	}
	return c, nil
}

func restore(ctx context.Context, from, to string, o Options) (c Content, err error) {
	if err := o.complete(); err != nil {
		return c, err
	}
	if to, err = resolve(to); err != nil {
		return c, err
	}
	if st, err := os.Stat(from + "-wal"); err == nil && st.Size() > 0 {
		return c, fmt.Errorf("%s-wal is there: this is a journal at work and not a backup of one", from)
	}
	j := newJournal(to, o)
	if j.lock, err = lock(to); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, j.release()) }()
	if err := j.settleMoves(); err != nil {
		return c, err
	}
	if err := copyFile(from, to+newExt); err != nil {
		return c, classify(err)
	}
	if c, err = j.restored(ctx); err != nil {
		return c, err
	}
	_, err = j.replace()
	return c, err
}

// restored begins the new epoch in the copy of a backup.
func (j *Journal) restored(ctx context.Context) (c Content, err error) {
	n := j.sibling(j.path + newExt)
	defer func() { err = errors.Join(err, n.release()) }()
	if err := n.openFile(ctx); err != nil {
		return c, err
	}
	if err := n.verify(ctx); err != nil {
		return c, err
	}
	if err := n.passive(ctx); err != nil {
		return c, err
	}
	r, _, err := n.Receipt()
	if err != nil {
		return c, err
	}
	if err := n.beginEpoch(j.newEpoch(), "restored", nil, r.Through, nil); err != nil {
		return c, err
	}
	return n.content(ctx)
}

// passive says whether something in a copy would act by itself: a journal has no
// trigger and no view, so whoever gave it one means it to change what comes later.
func (j *Journal) passive(ctx context.Context) error {
	var kind, name string
	err := j.readers.QueryRowContext(ctx, "SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'view') LIMIT 1").Scan(&kind, &name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return classify(err)
	}
	return fmt.Errorf("%w: it has a %s called %.60q, a journal has none", ErrForeign, kind, name)
}

func copyFile(from, to string) (err error) {
	for _, ext := range []string{"", "-journal", "-wal", "-shm"} {
		if err := remove(to + ext); err != nil {
			return err
		}
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
