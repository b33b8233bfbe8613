package ledger

import (
	"context"
	"fmt"
	"strings"
)

// Sound reads the database through and says "ok", or what is wrong with it, a few
// lines at most. It takes long with a large one: ctx ends it.
func (l *Ledger) Sound(ctx context.Context) (string, error) {
	var said []string
	rows, err := l.r.QueryContext(ctx, "PRAGMA quick_check(5)")
	if err != nil {
		return "", fmt.Errorf("read the ledger through: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return "", fmt.Errorf("read the ledger through: %w", err)
		}
		said = append(said, line)
	}
	if err := rows.Err(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("read the ledger through: %w", err)
	}
	return strings.Join(said, "\n"), nil
}
