package pgledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Authority says whose certificates the boards of a ledger have: of which authority,
// and which office brought it. The ledger holds no key.
type Authority struct {
	Fingerprint string    `json:"fingerprint"` // identity.Authority.Fingerprint; "": none is known
	Office      string    `json:"office"`      // the name of the office that brought it
	Since       time.Time `json:"since"`       // by the server's clock
}

// authorityName is its row in meta.
const authorityName = "authority"

// Authority is the one that the ledger knows.
func (l *Ledger) Authority(ctx context.Context) (Authority, error) {
	a, err := authority(ctx, l.pool)
	if err != nil {
		return a, fmt.Errorf("read authority: %w", err)
	}
	return a, nil
}

// ClaimAuthority makes an office's authority that of the ledger if none is known,
// and gives the one that is then known: who comes second finds the first.
func (l *Ledger) ClaimAuthority(ctx context.Context, fingerprint, office string) (known Authority, err error) {
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if err := noteAuthority(ctx, tx, fingerprint, office, `DO NOTHING`); err != nil {
			return err
		}
		known, err = authority(ctx, tx)
		return err
	})
	if err != nil {
		return known, fmt.Errorf("claim authority: %w", err)
	}
	return known, nil
}

// ReplaceAuthority makes another authority that of a ledger, and gives the one
// before. Boards of the one before have to be enrolled anew.
func (l *Ledger) ReplaceAuthority(ctx context.Context, fingerprint, office string) (was Authority, err error) {
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if was, err = authority(ctx, tx); err != nil {
			return err
		}
		return noteAuthority(ctx, tx, fingerprint, office, `(name) DO UPDATE SET value = excluded.value`)
	})
	if err != nil {
		return was, fmt.Errorf("replace authority: %w", err)
	}
	return was, nil
}

func authority(ctx context.Context, q querier) (a Authority, err error) {
	var text string
	err = q.QueryRow(ctx, `SELECT value FROM meta WHERE name = $1`, authorityName).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &a)
	}
	return a, err
}

func noteAuthority(ctx context.Context, tx pgx.Tx, fingerprint, office, conflict string) error {
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT date_trunc('second', clock_timestamp())`).Scan(&now); err != nil {
		return err
	}
	text, err := json.Marshal(Authority{Fingerprint: fingerprint, Office: office, Since: now.UTC()})
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO meta VALUES ($1, $2) ON CONFLICT `+conflict, authorityName, string(text))
	}
	return err
}
