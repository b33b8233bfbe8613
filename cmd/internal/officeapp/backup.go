package officeapp

import (
	"context"
	"fmt"
	"os"

	"baylight/cmd/internal/settings"
	"baylight/sync/backoffice/ledger"
)

// Backup writes a checked copy of the ledger to a new file, also while the back
// office runs.
func Backup(ctx context.Context, set *settings.Office, to string) error {
	return ledger.Backup(ctx, LedgerPath(set), to)
}

// Restore makes a backup the ledger, under a new id, so that the boards send
// again what the backup lacks. The back office must be stopped and its old
// ledger moved aside.
func Restore(ctx context.Context, set *settings.Office, backup string) error {
	if err := os.MkdirAll(set.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	held, err := lock(LedgerPath(set))
	if err != nil {
		return err
	}
	defer held.Close()
	return ledger.Restore(ctx, backup, LedgerPath(set))
}
