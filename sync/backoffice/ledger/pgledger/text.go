package pgledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// plain writes a string that came from outside so that a text column takes it:
// PostgreSQL knows no zero byte and no invalid UTF-8. What needs no writing stays
// as it is, and two strings never become one.
func plain(s string) string {
	if !strings.ContainsAny(s, "\\\x00") && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == 0 || r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\%02x`, s[0])
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// unplain reads what plain wrote.
func unplain(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
		} else if n, err := strconv.ParseUint(s[1:min(3, len(s))], 16, 8); err == nil && len(s) >= 3 {
			b.WriteByte(byte(n))
			s = s[3:]
		} else { // `\\`
			b.WriteByte('\\')
			s = s[min(2, len(s)):]
		}
	}
	return b.String()
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// ms is the time of a column.
func ms(n int64) time.Time { return time.UnixMilli(n) }

// store is the number of a store; it gets one if it has none.
func (l *Ledger) store(ctx context.Context, name string) (int32, error) {
	l.names.Lock()
	defer l.names.Unlock()
	if st, ok := l.stores[name]; ok {
		return st, nil
	}
	// Outside any transaction: a number once given stays.
	if _, err := l.pool.Exec(ctx, `INSERT INTO stores(store) SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM stores WHERE store = $1) ON CONFLICT DO NOTHING`, plain(name)); err != nil {
		return 0, fmt.Errorf("number store %s: %w", name, err)
	}
	return l.known(ctx, name)
}

// lookup is store for reading: 0 for one never heard of.
func (l *Ledger) lookup(ctx context.Context, name string) (int32, error) {
	l.names.Lock()
	defer l.names.Unlock()
	if st, ok := l.stores[name]; ok {
		return st, nil
	}
	return l.known(ctx, name)
}

func (l *Ledger) known(ctx context.Context, name string) (st int32, err error) {
	if err := l.pool.QueryRow(ctx, `SELECT coalesce(max(st), 0) FROM stores WHERE store = $1`, plain(name)).Scan(&st); err != nil {
		return 0, fmt.Errorf("find store %s: %w", name, err)
	}
	if st > 0 {
		l.stores[name] = st
	}
	return st, nil
}
