package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
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

// A visit's events are read in one row, as position, time, whether it is
// uncertain and length, each with a comma behind it, and the bytes: what a row
// costs on its way out of C it costs once a visit. The second statement looks up
// what an event's time was before it moved, and is used if any moved after the
// position.
const (
	wholeVisits = `SELECT j.value, (SELECT group_concat(n || ',' || when_ms || ',' || uncertain || ',' || length(bytes) || ',' || bytes, '') FROM events
		WHERE store = ?2 AND visit = j.value AND visit <> '' AND state = 0 AND n <= ?3) FROM json_each(?1) j`
	wholeVisitsThen = `SELECT j.value, (SELECT group_concat(e.n || ',' || coalesce(m.when_ms, e.when_ms) || ',' || coalesce(m.uncertain, e.uncertain) || ',' ||
		length(e.bytes) || ',' || e.bytes, '') FROM events e LEFT JOIN moved m ON m.n = e.n AND m.until = (SELECT min(until) FROM moved WHERE n = e.n AND until > ?3)
		WHERE e.store = ?2 AND e.visit = j.value AND e.visit <> '' AND e.state = 0 AND e.n <= ?3) FROM json_each(?1) j`
)

// eachVisit calls f for every visit of a query that has events, in the order of
// their positions. It speaks to the driver itself: database/sql copies what is read
// and wakes a goroutine for each question.
func eachVisit(ctx context.Context, dc any, query string, args []driver.NamedValue, f func(string, []kiosk.Event) error) (err error) {
	conn, ok := dc.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver is %T instead of go-sqlite3's", dc)
	}
	rs, err := conn.QueryContext(ctx, query, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rs.Close()) }()
	var row [2]driver.Value
	for {
		if err := rs.Next(row[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		visit, ok := row[0].(string)
		whole, some := row[1].(string)
		if !ok || !some {
			continue // it has no events there
		}
		events, err := readVisit(whole)
		if err != nil {
			return fmt.Errorf("visit %s: %w", visit, err)
		}
		if err := f(visit, events); err != nil {
			return err
		}
	}
}

// usual is how many events a visit has.
const usual = 16

// readVisit takes the events of a visit apart. They share its memory.
func readVisit(whole string) (events []kiosk.Event, err error) {
	events = make([]kiosk.Event, 0, usual)
	at := make([]int64, 0, usual) // positions
	ordered := true
	for len(whole) > 0 {
		var head [4]int64 // position, time, uncertain, length
		for i := range head {
			digits, rest, found := strings.Cut(whole, ",")
			if !found {
				return nil, errors.New("read events: a row is cut short")
			}
			if head[i], err = strconv.ParseInt(digits, 10, 64); err != nil {
				return nil, fmt.Errorf("read events: %w", err)
			}
			whole = rest
		}
		n := head[3]
		if n < 0 || n > int64(len(whole)) {
			return nil, errors.New("read events: a row is cut short")
		}
		e, err := kiosk.DecodeString(whole[:n])
		if err != nil {
			return nil, err
		}
		whole = whole[n:]
		e.When, e.Uncertain = ms(head[1]).In(e.Moment.Wall.Location()), head[2] != 0
		ordered = ordered && (len(at) == 0 || at[len(at)-1] < head[0])
		events, at = append(events, e), append(at, head[0])
	}
	if !ordered {
		order := make([]int, len(at))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
		sorted := make([]kiosk.Event, len(events))
		for i, k := range order {
			sorted[i] = events[k]
		}
		events = sorted
	}
	return events, nil
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
