package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// query, exec and get run a statement after what waits to be inserted. The
// driver keeps statements prepared from one transaction to the next.
func (c *commit) query(query string, args ...any) (*sql.Rows, error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	return c.tx.Query(query, args...)
}

func (c *commit) exec(query string, args ...any) error {
	_, err := c.changes(query, args...)
	return err
}

// changes is exec that tells how many rows changed.
func (c *commit) changes(query string, args ...any) (int64, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	res, err := c.tx.Exec(query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// get reads one row into dest. No row is sql.ErrNoRows.
func (c *commit) get(dest []any, query string, args ...any) error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.tx.QueryRow(query, args...).Scan(dest...)
}

// found is get for rows that may be absent.
func (c *commit) found(dest []any, query string, args ...any) (bool, error) {
	err := c.get(dest, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// width is how many columns of an event's row insertEvents has.
const width = 18

// insertEvents is what every event's row is made of, in the order of insert.
var insertEvents = manyRows(`INSERT INTO events(store, source, epoch, seq, hash, state, type, visit, target, was, digest, boot, clock, wall_ms, when_ms, uncertain, at_ms, bytes) VALUES `, width, ``)

// How many rows go into one statement: a thousand rows cost 16 and not a
// thousand calls.
const (
	many = 64
	some = 8
)

// statements insert some rows each.
type statements struct {
	width int // columns
	of    map[int]string
}

func manyRows(into string, width int, then string) statements {
	row := "(?" + strings.Repeat(",?", width-1) + ")"
	s := statements{width, map[int]string{}}
	for _, n := range []int{1, some, many} {
		s.of[n] = into + row + strings.Repeat(","+row, n-1) + then
	}
	return s
}

// insert inserts rows, their values one behind the other; it numbers them anew.
func (s statements) insert(dc any, args []driver.NamedValue) error {
	conn, ok := dc.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver is %T instead of go-sqlite3's", dc)
	}
	for len(args) > 0 {
		n := 1
		if len(args) >= many*s.width {
			n = many
		} else if len(args) >= some*s.width {
			n = some
		}
		for i := range args[:n*s.width] {
			args[i].Ordinal = i + 1
		}
		if err := execute(conn, s.of[n], args[:n*s.width]); err != nil {
			return err
		}
		args = args[n*s.width:]
	}
	return nil
}

// rows are events that wait to be inserted, at most many. Only insertion and
// the driver know them: every other statement of the transaction comes after
// flush.
type rows struct {
	conn *sql.Conn
	args []driver.NamedValue
	n    int
}

// begin forgets what an earlier transaction may have left.
func (r *rows) begin(conn *sql.Conn) {
	r.conn, r.n = conn, 0
	clear(r.args)
}

// insert adds one row, its values in the order of insertInto: int64, string,
// bool or not-nil []byte.
func (c *commit) insert(values ...driver.Value) error {
	r := c.rows
	if len(values) != width {
		return fmt.Errorf("insert event: %d values for %d columns", len(values), width)
	}
	for _, v := range values {
		if r.n == len(r.args) {
			r.args = append(r.args, driver.NamedValue{})
		}
		r.args[r.n] = driver.NamedValue{Ordinal: r.n + 1, Value: v}
		r.n++
	}
	if r.n == many*width {
		return c.flush()
	}
	return nil
}

// flush inserts what waits.
func (c *commit) flush() error {
	if c.rows == nil || c.rows.n == 0 {
		return nil
	}
	if err := c.rows.conn.Raw(func(dc any) error { return c.rows.store(dc) }); err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	return nil
}

func (r *rows) store(dc any) error {
	args := r.args[:r.n]
	r.n = 0
	return insertEvents.insert(dc, args)
}

// execute runs a statement as a query without rows: the driver then hands over
// all arguments in one call into C, where Exec makes one for each.
func execute(conn *sqlite3.SQLiteConn, query string, args []driver.NamedValue) error {
	rs, err := conn.QueryContext(context.Background(), query, args) // prepared, from the driver's cache
	if err != nil {
		return err
	}
	if err := rs.Next(nil); err != nil && err != io.EOF {
		return errors.Join(err, rs.Close())
	}
	return rs.Close()
}
