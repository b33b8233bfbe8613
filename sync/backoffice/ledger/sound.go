package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"baylight/sync/backoffice"
)

// soundLines bounds what Sound says.
const soundLines = 5

// Sound reads the database through, its pages and then its events (Check), and says
// "ok", or what is wrong with it, a few lines at most. It takes long with a large
// one: ctx ends it.
func (l *Ledger) Sound(ctx context.Context) (string, error) {
	var said []string
	err := each(ctx, l.r, func(r *sql.Rows) error {
		var line string
		err := r.Scan(&line)
		said = append(said, line)
		return err
	}, fmt.Sprintf("PRAGMA quick_check(%d)", soundLines))
	if err == nil && len(said) == 1 && said[0] == "ok" {
		said, err = damagedLines(ctx, l.r)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("read the ledger through: %w", err)
	}
	return strings.Join(said, "\n"), nil
}

// errEnough ends a check.
var errEnough = errors.New("enough is known")

func damagedLines(ctx context.Context, q querier) (said []string, err error) {
	err = check(ctx, q, nil, func(d backoffice.Damaged) error {
		if said = append(said, d.String()); len(said) == soundLines {
			return errEnough
		}
		return nil
	})
	if len(said) == 0 {
		said = []string{"ok"}
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return said, err
}
