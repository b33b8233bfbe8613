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
)

// Backup writes a consistent copy of the ledger at path to a new file, also
// while a back office is at work on it, and checks the copy.
func Backup(ctx context.Context, path, to string) error {
	if err := copyTo(ctx, path, to); err != nil {
		return fmt.Errorf("back up ledger %s: %w", path, err)
	}
	return nil
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
	if _, err := src.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return err
	}
	if err := verify(ctx, to); err != nil {
		return errors.Join(err, os.Remove(to))
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
	return passive(ctx, db)
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
