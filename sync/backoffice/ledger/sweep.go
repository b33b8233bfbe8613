package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"baylight/sync/backoffice"
)

// sweepRow is how many positions one row of a sweep covers: what a row costs on
// its way out of C it costs once for so many events.
const sweepRow = 256

// A row is what its events are: the names of their visits, their times, doubled
// and one more if they are uncertain, and their bytes, a line for each event. It
// costs less than to state their lengths. Where a name or an event holds an end of
// line itself, there are too many: then the row is read by sweepExact, which has
// before the bytes of all, for each, the length of its visit's name in bytes, a
// comma, the name, its time, a comma, the length of its bytes, a comma.
const (
	sweepLines = `SELECT group_concat(visit, '` + "\n" + `'), group_concat(when_ms * 2 + uncertain, '` + "\n" + `'), group_concat(bytes, '` + "\n" + `')` + sweptEvents
	sweepExact = `SELECT group_concat(octet_length(visit) || ',' || visit || (when_ms * 2 + uncertain) || ',' || length(bytes) || ',', ''), NULL, group_concat(bytes, '')` + sweptEvents

	sweptEvents = ` FROM events NOT INDEXED WHERE n > ?1 AND n <= ?2 AND store = ?3 AND visit <> '' AND state = 0`
)

// Sweep calls f with the counted events of the visits of a store at the positions
// after one up to another, by position, as they are now, which is at the position
// it returns. In the order they lie in the file events cost a part of what they
// cost visit by visit. A ledger that holds other stores is not swept: then it
// returns 0, without an error.
func (l *Ledger) Sweep(ctx context.Context, store string, after, through uint64, f func(visit string, e backoffice.Swept)) (at uint64, err error) {
	err = l.snapshotConn(ctx, func(tx *sql.Tx, dc func(func(any) error) error) error {
		var alone bool
		if err := tx.QueryRowContext(ctx, `SELECT NOT EXISTS(SELECT 1 FROM visits WHERE store < ?1) AND NOT EXISTS(SELECT 1 FROM visits WHERE store > ?1)`, store).Scan(&alone); err != nil || !alone {
			return err
		}
		if at, err = position(ctx, tx); err != nil {
			return err
		}
		return dc(func(dc any) error { return sweep(ctx, dc, store, after, min(through, at), f) })
	})
	if err != nil {
		return 0, fmt.Errorf("sweep events of %s after %d: %w", store, after, err)
	}
	return at, nil
}

func sweep(ctx context.Context, dc any, store string, after, through uint64, f func(string, backoffice.Swept)) error {
	var row [3]driver.Value
	for ; after < through; after += sweepRow {
		args := []driver.NamedValue{{Ordinal: 1, Value: int64(after)}, {Ordinal: 2, Value: int64(min(after+sweepRow, through))}, {Ordinal: 3, Value: store}}
		exact := false
		if err := eachRow(ctx, dc, sweepLines, args, row[:], func() error {
			visits, _ := row[0].(string)
			times, _ := row[1].(string)
			all, _ := row[2].(string)
			exact = !sweptLines(visits, times, all, f)
			return nil
		}); err != nil {
			return err
		}
		if !exact {
			continue
		}
		if err := eachRow(ctx, dc, sweepExact, args, row[:], func() error {
			heads, _ := row[0].(string)
			all, _ := row[2].(string)
			return sweptIn(heads, all, f)
		}); err != nil {
			return err
		}
	}
	return nil
}

// sweptLines takes the events of a row of lines apart. They share its memory. It
// is false, and f was not called, if a line is not one event's.
func sweptLines(visits, times, all string, f func(string, backoffice.Swept)) bool {
	ends := strings.Count(times, "\n")
	if strings.Count(visits, "\n") != ends || strings.Count(all, "\n") != ends {
		return false
	}
	for times != "" {
		var visit, time, bytes string
		visit, visits, _ = strings.Cut(visits, "\n")
		time, times, _ = strings.Cut(times, "\n")
		bytes, all, _ = strings.Cut(all, "\n")
		when, err := strconv.ParseInt(time, 10, 64)
		if err != nil {
			return false
		}
		f(visit, swept(when, bytes))
	}
	return true
}

// sweptIn takes the events of a row apart. They share its memory.
func sweptIn(heads, all string, f func(string, backoffice.Swept)) error {
	for len(heads) > 0 {
		long, rest, ok := number(heads)
		if !ok || long < 0 || long > int64(len(rest)) {
			return errCut
		}
		visit := rest[:long]
		when, n, rest, ok := eventHead(rest[long:])
		if !ok || n > int64(len(all)) {
			return errCut
		}
		f(visit, swept(when, all[:n]))
		heads, all = rest, all[n:]
	}
	return nil
}

// eventHead takes the time and the length of an event off the front.
func eventHead(s string) (when, n int64, rest string, ok bool) {
	when, rest, ok = number(s)
	n, rest, also := number(rest)
	return when, n, rest, ok && also && n >= 0
}

func swept(when int64, bytes string) backoffice.Swept {
	return backoffice.Swept{Bytes: bytes, WhenMS: when >> 1, Uncertain: when&1 != 0}
}

var errCut = errors.New("read events: a row is cut short")

// snapshotConn runs f in a transaction that only reads, with its connection.
func (l *Ledger) snapshotConn(ctx context.Context, f func(tx *sql.Tx, raw func(func(any) error) error) error) error {
	conn, err := l.r.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it only read
	return f(tx, conn.Raw)
}
