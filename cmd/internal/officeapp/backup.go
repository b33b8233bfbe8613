package officeapp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/identity"
)

// IdentityExt is what the file of the authority has after the backup's name.
const IdentityExt = ".identity"

// Backup writes a checked copy of the ledger to a new file, and one of the
// authority of the boards' certificates beside it (TO.identity), also while the
// back office runs. A ledger in PostgreSQL is backed up by its own tools: then it
// is the authority alone.
func Backup(ctx context.Context, set *settings.Office, to string) error {
	if set.Ledger.Postgres != "" && set.Identity == nil {
		return errShared
	}
	if set.Ledger.Postgres == "" {
		if err := ledger.Backup(ctx, LedgerPath(set), to); err != nil {
			return err
		}
	}
	if set.Identity == nil {
		return nil
	}
	err := identity.Backup(set.Identity.Dir, to+IdentityExt, time.Now())
	if errors.Is(err, identity.ErrNoAuthority) { // it is made when the office first runs
		return nil
	}
	return err
}

// Restore makes a backup the ledger, under a new id, so that the boards send
// again what the backup lacks; and the authority beside it that of this office, if
// it has none. The back office must be stopped and its old ledger moved aside. The
// files belong to who the data folder belongs to. say is what a person has to know.
func Restore(ctx context.Context, set *settings.Office, backup string) (say string, err error) {
	if set.Ledger.Postgres == "" {
		if err := restoreLedger(ctx, set, backup); err != nil {
			return "", err
		}
	}
	say, err = restoreAuthority(set, backup+IdentityExt)
	if set.Ledger.Postgres != "" && say == "" && err == nil {
		err = errShared
	}
	return say, err
}

func restoreAuthority(set *settings.Office, from string) (string, error) {
	if set.Identity == nil {
		return "", nil
	}
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if _, err := os.Stat(set.Identity.Dir); err == nil { // it knows more than a backup: above all who was revoked
		return "the authority of the boards' certificates is the one in " + set.Identity.Dir + ", not that of the backup", nil
	}
	if err := task.CheckSource(from); err != nil {
		return "", fmt.Errorf("restore %s: %w", from, err)
	}
	made, err := identity.Restore(from, set.Identity.Dir)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the authority of the boards' certificates is that of %s: revoke again whom you revoked since (backofficed revoke), and enrol again whom you enrolled since", made.Local().Format("2006-01-02 15:04")), nil
}

func restoreLedger(ctx context.Context, set *settings.Office, backup string) error {
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
