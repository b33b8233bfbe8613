package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"baylight/sync/backoffice"
)

// Backup writes a consistent copy of the ledger at path to a new file, also
// while a back office is at work on it, and checks the copy: its pages and its
// events. A copy of damage is no backup and is not kept: it would push a good one
// out in the end. The error then holds a backoffice.DamageError.
func Backup(ctx context.Context, path, to string) error {
	err := copyTo(ctx, path, to)
	var damage *backoffice.DamageError
	if errors.As(err, &damage) {
		err = blame(ctx, path, to, err)
	}
	if err != nil {
		return fmt.Errorf("back up ledger %s: %w", path, err)
	}
	return nil
}

// blame says whose disk damaged a copy, and what to do next.
func blame(ctx context.Context, path, to string, damage error) error {
	db, err := sql.Open("sqlite3", dsn(path, "mode=ro&_busy_timeout=10000"))
	if err != nil {
		return errors.Join(damage, err)
	}
	var here backoffice.DamageError
	err = errors.Join(check(ctx, db, nil, here.Add), db.Close())
	switch {
	case err != nil:
		return errors.Join(damage, fmt.Errorf("read the ledger through: %w", err))
	case here.Err() == nil:
		return fmt.Errorf("%w; the ledger itself has them whole: the disk of %s is failing, write the backup to another one", damage, to)
	}
	return fmt.Errorf("%w; the copy is not kept. %s", damage, backoffice.Mend)
}

// Restore makes a checked copy of a backup the ledger at path, where none may
// be, under a new id: boards then send again what the backup lacks.
func Restore(ctx context.Context, backup, path string) error {
	for _, p := range []string{path, path + "-wal"} {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("restore ledger: %s is there already; move it aside first, with its -wal", p)
		}
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore ledger: %w", err)
	}
	if err := copyTo(ctx, backup, part); err != nil {
		var damage *backoffice.DamageError
		if errors.As(err, &damage) {
			err = fmt.Errorf("%w; take the backup before it: the boards send again what it lacks and they still hold", err)
		}
		return fmt.Errorf("restore ledger from %s: %w", backup, err)
	}
	if err := Renew(ctx, part); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	return syncDir(path)
}

// Renew gives the ledger at path a new id. No back office may be at work on it.
func Renew(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite3", dsn(path, "mode=rw&_journal_mode=DELETE&_synchronous=FULL"))
	if err != nil {
		return fmt.Errorf("renew ledger %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `UPDATE meta SET value = ? WHERE name = 'ledger'`, uuid.NewString()); err != nil {
		return fmt.Errorf("renew ledger %s: %w", path, err)
	}
	return nil
}

// copyTo copies a ledger into one new file and checks it.
func copyTo(ctx context.Context, from, to string) (err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already", to)
	}
	src, err := sql.Open("sqlite3", dsn(from, "mode=ro&_busy_timeout=10000"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	var id string
	if err := src.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'ledger'`).Scan(&id); err != nil {
		return fmt.Errorf("%s is no ledger: %w", from, err)
	}
	if _, err = src.ExecContext(ctx, `VACUUM INTO ?`, to); err == nil {
		err = verify(ctx, to)
	}
	if err != nil {
		if gone := os.Remove(to); !errors.Is(gone, fs.ErrNotExist) { // it may not have begun
			err = errors.Join(err, gone)
		}
		return err
	}
	f, err := os.Open(to)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(to)
}

func verify(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite3", dsn(path, "mode=ro"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if said != "ok" {
		return fmt.Errorf("check the copy: %s", said)
	}
	if err := passive(ctx, db); err != nil {
		return err
	}
	var damage backoffice.DamageError
	if err := check(ctx, db, nil, damage.Add); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	return damage.Err()
}

// passive says whether something in a copy would act by itself that is not the
// ledger's own: somebody means it to change what comes later.
func passive(ctx context.Context, db *sql.DB) error {
	return each(ctx, db, func(r *sql.Rows) error {
		var kind, name, text string
		if err := r.Scan(&kind, &name, &text); err != nil {
			return err
		}
		if !slices.ContainsFunc(migrations, func(own string) bool { return strings.Contains(own, text) }) {
			return fmt.Errorf("check the copy: it has a %s called %.60q, which is not of a ledger of this program's version", kind, name)
		}
		return nil
	}, "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')")
}

func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
