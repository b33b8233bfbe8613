package officeapp

import (
	"context"
	"errors"
	"fmt"
	"os"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/pgledger"
)

// Backup writes a checked copy of the ledger to a new file, also while the back
// office runs.
func Backup(ctx context.Context, set *settings.Office, to string) error {
	if set.Ledger.Postgres != "" {
		return errShared
	}
	return ledger.Backup(ctx, LedgerPath(set), to)
}

// Restore makes a backup the ledger, under a new id, so that the boards send
// again what the backup lacks. The back office must be stopped and its old
// ledger moved aside. The files belong to who the data folder belongs to.
func Restore(ctx context.Context, set *settings.Office, backup string) error {
	if set.Ledger.Postgres != "" {
		return errShared
	}
	if err := os.MkdirAll(set.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if err := errors.Join(task.CheckSource(backup), task.CheckOwn(LedgerPath(set))); err != nil {
		return fmt.Errorf("restore %s: %w", backup, err)
	}
	held, err := lock(LedgerPath(set))
	if err != nil {
		return err
	}
	defer held.Close()
	path := LedgerPath(set)
	if err := ledger.Restore(ctx, backup, path); err != nil {
		return err
	}
	return task.OwnLike(set.Data, path, path+"-wal", path+"-shm", path+".lock")
}

// errShared says who backs up a ledger in PostgreSQL.
var errShared = errors.New("the ledger is in PostgreSQL: back it up and restore it with its own tools (pg_dump, pg_basebackup), then say backofficed renew")

// Renew gives a ledger in PostgreSQL that was restored a new id, so that the
// boards send again what it lacks. Stop every back office first.
func Renew(ctx context.Context, set *settings.Office) (id string, err error) {
	if set.Ledger.Postgres == "" {
		return "", errors.New("the ledger is a file: backofficed restore gives it a new id by itself")
	}
	return pgledger.Renew(ctx, postgres(set))
}
