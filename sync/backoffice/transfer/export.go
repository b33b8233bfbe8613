package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"baylight/kiosk"
)

// PersonReader is a ledger that gives person parts away.
type PersonReader interface {
	// Person is the person part of the event at a position, nil if it has none,
	// or it is missing or erased.
	Person(ctx context.Context, store string, position uint64) ([]byte, error)
}

// errNoPersons is a ledger that gives none.
var errNoPersons = errors.New("this ledger gives no person parts away")

// Query says what to export.
type Query struct {
	Store    string
	After    uint64    // position
	Through  uint64    // the last position
	From, To time.Time // by corrected time of recording, half-open; zero: no bound
	Persons  bool
}

// chunk is how many events are read at once.
const chunk = 500

// export writes the lines of q, and returns the last position it looked at.
func (h *handler) export(ctx context.Context, q Query, out *bufio.Writer) (after uint64, err error) {
	book := h.Office.Ledger()
	parts, ok := book.(PersonReader)
	if q.Persons && !ok {
		return q.After, errNoPersons
	}
	for after = q.After; after < q.Through; {
		rows, err := book.Events(ctx, q.Store, after, chunk)
		if err != nil {
			return after, err
		}
		for _, row := range rows {
			if row.Position > q.Through {
				return after, nil
			}
			if row.Damaged {
				return after, fmt.Errorf("the event at position %d is damaged on the disk and would be another one elsewhere: baylight verify says what to do", row.Position)
			}
			after = row.Position
			if !q.From.IsZero() && row.When.Before(q.From) || !q.To.IsZero() && !row.When.Before(q.To) {
				continue
			}
			appendLine(out, row.Bytes)
			if q.Persons && (row.Person == "present" || row.Person == "erased") {
				if err := appendPart(ctx, parts, q.Store, row.Position, row.Bytes, out); err != nil {
					return after, err
				}
			}
		}
		if len(rows) == 0 {
			return q.Through, nil
		}
	}
	return after, nil
}

func appendPart(ctx context.Context, parts PersonReader, store string, position uint64, event []byte, out *bufio.Writer) error {
	part, err := parts.Person(ctx, store, position)
	if err != nil {
		return err
	}
	e, err := kiosk.Decode(event)
	if err != nil {
		return fmt.Errorf("read event at position %d: %w", position, err)
	}
	if part == nil {
		part = []byte("null")
	}
	id, err := json.Marshal(e.ID())
	if err != nil {
		return err
	}
	source, err := json.Marshal(e.Source)
	if err != nil {
		return err
	}
	line := append([]byte(`{"id":`), id...)
	line = append(append(line, `,"source":`...), source...)
	line = append(append(append(line, `,"person":`...), part...), '}')
	appendLine(out, line)
	return nil
}
