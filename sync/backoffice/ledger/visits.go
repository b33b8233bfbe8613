package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"

	"baylight/kiosk"
)

// VisitsAt calls f with some visits as they stood at a position. Where times
// were not kept, it reads the whole store.
func (l *Ledger) VisitsAt(ctx context.Context, store string, visits []string, position uint64, f func(string, []kiosk.Event) error) error {
	if len(visits) == 0 {
		return nil
	}
	position = min(position, 1<<63-1)
	if err := l.visitsAt(ctx, store, visits, position, f); err != nil {
		return fmt.Errorf("read visits of %s at position %d: %w", store, position, err)
	}
	return nil
}

func (l *Ledger) visitsAt(ctx context.Context, store string, visits []string, position uint64, f func(string, []kiosk.Event) error) error {
	names, err := json.Marshal(visits)
	if err != nil {
		return err
	}
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
	var unknown, moved bool
	if err := tx.QueryRowContext(ctx, `SELECT ?1 < (SELECT value + 0 FROM meta WHERE name = 'times_since') OR
		coalesce((SELECT first <= ?1 FROM mixed WHERE last > ?1 ORDER BY last LIMIT 1), false), EXISTS(SELECT 1 FROM mixed WHERE last > ?1)`,
		int64(position)).Scan(&unknown, &moved); err != nil {
		return err
	}
	if unknown {
		// Another connection does this: without one in hand nobody waits for it in vain.
		if err := errors.Join(tx.Rollback(), conn.Close()); err != nil {
			return err
		}
		return l.amongAll(ctx, store, visits, position, f)
	}
	query := wholeVisits
	if moved {
		query = wholeVisitsThen
	}
	return conn.Raw(func(dc any) error {
		return eachVisit(ctx, dc, query, []driver.NamedValue{{Ordinal: 1, Value: string(names)}, {Ordinal: 2, Value: store}, {Ordinal: 3, Value: int64(position)}}, f)
	})
}

// A visit's events are read in one row, each as its time, doubled and one more if
// it is uncertain, a comma, its length, a comma, and its bytes: what a row costs on
// its way out of C it costs once a visit. They come by position, as the index has
// them. The second statement looks up what an event's time was before it moved,
// and is used if any moved after the position.
const (
	wholeVisits = `SELECT j.value, (SELECT group_concat((when_ms * 2 + uncertain) || ',' || length(bytes) || ',' || bytes, '') FROM events
		WHERE store = ?2 AND visit = j.value AND visit <> '' AND state = 0 AND n <= ?3) FROM json_each(?1) j`
	wholeVisitsThen = `SELECT j.value, (SELECT group_concat((coalesce(m.when_ms, e.when_ms) * 2 + coalesce(m.uncertain, e.uncertain)) || ',' || length(e.bytes) || ',' || e.bytes, '')
		FROM events e LEFT JOIN moved m ON m.n = e.n AND m.until = (SELECT min(until) FROM moved WHERE n = e.n AND until > ?3)
		WHERE e.store = ?2 AND e.visit = j.value AND e.visit <> '' AND e.state = 0 AND e.n <= ?3) FROM json_each(?1) j`
)

// eachVisit calls f for every visit of a query that has events.
func eachVisit(ctx context.Context, dc any, query string, args []driver.NamedValue, f func(string, []kiosk.Event) error) error {
	var row [2]driver.Value
	events := make([]kiosk.Event, 0, usual) // of one visit after the other
	return eachRow(ctx, dc, query, args, row[:], func() error {
		visit, ok := row[0].(string)
		whole, some := row[1].(string)
		if !ok || !some {
			return nil // it has no events there
		}
		var err error
		if events, err = readVisit(events[:0], whole); err != nil {
			return fmt.Errorf("visit %s: %w", visit, err)
		}
		return f(visit, events)
	})
}

// eachRow reads every row of a query into row and calls f. It speaks to the driver
// itself: database/sql converts and copies whatever is read, value by value.
func eachRow(ctx context.Context, dc any, query string, args []driver.NamedValue, row []driver.Value, f func() error) (err error) {
	conn, ok := dc.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver is %T instead of go-sqlite3's", dc)
	}
	rs, err := conn.QueryContext(ctx, query, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rs.Close()) }()
	for {
		if err := rs.Next(row); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// usual is how many events a visit has.
const usual = 16

// readVisit takes the events of a visit apart. They share its memory.
func readVisit(events []kiosk.Event, whole string) ([]kiosk.Event, error) {
	for len(whole) > 0 {
		when, n, rest, ok := eventHead(whole)
		if !ok || n > int64(len(rest)) {
			return nil, errCut
		}
		e := swept(when, rest[:n])
		events = append(events, kiosk.Event{})
		if err := e.Read(&events[len(events)-1]); err != nil {
			return nil, err
		}
		whole = rest[n:]
	}
	return events, nil
}

// number takes a number and the comma behind it off the front.
func number(s string) (n int64, rest string, ok bool) {
	digits, rest, ok := strings.Cut(s, ",")
	if !ok {
		return 0, "", false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, rest, err == nil
}

func (l *Ledger) amongAll(ctx context.Context, store string, visits []string, position uint64, f func(string, []kiosk.Event) error) (err error) {
	named := map[string]bool{}
	for _, v := range visits {
		named[v] = true
	}
	until := l.Until(ctx, store, position, func(v string, events []kiosk.Event) {
		if err == nil && named[v] {
			err = f(v, events)
		}
	})
	if until != nil {
		return until
	}
	return err
}
