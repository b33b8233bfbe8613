package ledger

import (
	"database/sql"
	"fmt"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
)

// unknownIndex finds events of types that the program which took them in did not
// know: their type is kept as it stood on the wire, "baylight.….vN".
const unknownIndex = `CREATE INDEX IF NOT EXISTS events_unknown ON events(n) WHERE type >= 'baylight.' AND type < 'baylight/'`

// understand gives events of once unknown types that this program knows their
// columns, as if they had come today, and marks their visits.
func understand(tx *sql.Tx) error {
	if _, err := tx.Exec(unknownIndex); err != nil {
		return err
	}
	known, err := nowKnown(tx)
	if err != nil || len(known) == 0 {
		return err
	}
	c := &commit{tx: tx, epochs: map[place]*epoch{}, dirty: map[[2]string]bool{}}
	if err := c.get([]any{&c.out.Position}, `SELECT coalesce(max(n), 0) FROM events`); err != nil {
		return err
	}
	c.before = int64(c.out.Position)
	for _, k := range known {
		visit, target := kiosk.FoldOf(k.event.Data), kiosk.Corrects(k.event.Data)
		if target != "" {
			if visit, err = rule.VisitOf(visits{c, k.store}, &k.event, target); err != nil {
				return err
			}
		}
		if err := c.exec(`UPDATE events SET type = ?, visit = ?, target = ? WHERE n = ?`, string(k.event.Type()), visit, target, k.n); err != nil {
			return err
		}
		c.asked = false // ask again: this one may wait
		if err := c.follow(k.store, place{Source: k.event.Source, Epoch: k.event.Epoch}, &k.event, visit); err != nil {
			return fmt.Errorf("event %s: %w", k.event.ID(), err)
		}
	}
	for at, ep := range c.epochs {
		if err := c.settle(at, ep); err != nil {
			return err
		}
	}
	return c.mark()
}

type once struct {
	n     int64
	store string
	event kiosk.Event
}

func nowKnown(tx *sql.Tx) (out []once, err error) {
	rows, err := tx.Query(`SELECT n, store, bytes FROM events WHERE type >= 'baylight.' AND type < 'baylight/' ORDER BY n`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k once
		var b []byte
		if err := rows.Scan(&k.n, &k.store, &b); err != nil {
			return nil, err
		}
		if k.event, err = kiosk.Decode(b); err != nil {
			continue // understood less than before: it stays as it is
		}
		if _, unknown := k.event.Data.(*kiosk.Unknown); !unknown {
			out = append(out, k)
		}
	}
	return out, rows.Err()
}
