package pgledger

import (
	"context"
	"fmt"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Changed calls f with each visit that changed after a position (backoffice.Ledger).
func (l *Ledger) Changed(ctx context.Context, store string, after uint64, f func(string, []kiosk.Event)) (at uint64, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return 0, err
	}
	err = l.snapshot(ctx, func(q querier) error {
		if at, err = position(ctx, q); err != nil {
			return err
		}
		return visitEvents(ctx, q, func(v string, events []kiosk.Event) error { f(v, events); return nil },
			`SELECT v.visit, e.bytes, e.when_ms, e.uncertain FROM visits v LEFT JOIN events e ON e.st = v.st AND e.visit = v.visit AND e.visit <> '' AND e.state = 0
			WHERE v.st = $1 AND v.changed > $2 ORDER BY v.changed, v.visit, e.n`, st, int64(min(after, 1<<63-1)))
	})
	if err != nil {
		return 0, fmt.Errorf("read changed visits of %s: %w", store, err)
	}
	return at, nil
}

// visitEvents calls f for each visit of a query whose rows are visit, bytes,
// when_ms, uncertain, together by visit; no bytes: the visit has none that counts.
func visitEvents(ctx context.Context, q querier, f func(string, []kiosk.Event) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var events []kiosk.Event
	now, some := "", false
	done := func() error {
		full := events
		events = nil
		if !some {
			return nil
		}
		return f(unplain(now), full)
	}
	for rows.Next() {
		var visit string
		var b []byte
		var when *int64
		var uncertain *bool
		if err := rows.Scan(&visit, &b, &when, &uncertain); err != nil {
			return err
		}
		if !some || now != visit {
			if err := done(); err != nil {
				return err
			}
			now, some = visit, true
		}
		if b == nil {
			continue
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return fmt.Errorf("visit %s: %w", visit, err)
		}
		e.When, e.Uncertain = ms(*when).In(e.Moment.Wall.Location()), *uncertain
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return done()
}

// Until calls f with every visit as it stood at a position (backoffice.Ledger).
// It reads the whole store: what it costs grows with history.
func (l *Ledger) Until(ctx context.Context, store string, at uint64, f func(string, []kiosk.Event)) error {
	if at > 1<<63-1 {
		return fmt.Errorf("read %s at position %d: no ledger is that long", store, at)
	}
	st, err := l.lookup(ctx, store)
	if err != nil {
		return err
	}
	u := until{visits: map[string][]kiosk.Event{}, begun: map[string]int64{}}
	var w was
	var hash []byte
	var seq int64
	err = each(ctx, l.pool, []any{&w.n, &w.at.source, &w.at.epoch, &seq, &w.visit, &w.state, &hash, &w.bytes}, func() error {
		x := w
		x.at, x.seq, x.visit, x.hash = place{unplain(w.at.source), unplain(w.at.epoch)}, uint64(seq), unplain(w.visit), kiosk.Hash(hash)
		return u.take(x)
	}, `SELECT e.n, p.source, p.epoch, e.seq, e.visit, e.state, e.hash, e.bytes FROM events e JOIN epochs p ON p.ep = e.ep
		WHERE e.st = $1 AND e.n <= $2 ORDER BY p.epoch, p.source, e.seq`, st, int64(at))
	if err != nil {
		return fmt.Errorf("read %s at position %d: %w", store, at, err)
	}
	u.end()
	for v, events := range u.visits {
		f(v, events)
	}
	return nil
}

// until folds a store as it stood, epoch by epoch.
type until struct {
	visits map[string][]kiosk.Event
	begun  map[string]int64 // position of the first row of the latest epoch of each source
	now    run
	later  []run // not one chain: whether they were left is known at the end
}

// run is what is here of one epoch.
type run struct {
	at     place
	first  int64 // position
	events []kiosk.Event
	of     []string // their visits, "" if it does not count
	broken []bool
	gaps   bool // it is not one chain,
	mixed  bool // but two, right behind each other
	links  chain
	seq    uint64 // of the last one
}

// was is a row as it is read for a position.
type was struct {
	at    place
	seq   uint64
	n     int64
	state int16
	visit string
	hash  kiosk.Hash
	bytes []byte
}

func (u *until) take(w was) error {
	if u.now.at != w.at {
		u.flush()
		u.now = run{at: w.at, first: w.n}
	}
	r := &u.now
	r.first = min(r.first, w.n)
	var e kiosk.Event
	var err error
	if w.state == malformed {
		e.Prev = backoffice.Prev(w.bytes)
	} else if e, err = kiosk.Decode(w.bytes); err != nil {
		return err
	}
	if r.links.begun && r.links.last != e.Prev {
		r.gaps, r.mixed = true, r.mixed || w.seq == r.seq+1
	}
	r.seq = w.seq
	broken := r.links.add(w.hash, e.Prev, w.state != malformed)
	if w.state == malformed {
		return nil
	}
	if w.state != counted {
		w.visit = ""
	}
	e.Moment.Wall = e.Moment.Wall.Truncate(time.Millisecond)
	r.events, r.of, r.broken = append(r.events, e), append(r.of, w.visit), append(r.broken, broken)
	return nil
}

func (u *until) flush() {
	r := u.now
	u.begun[r.at.source] = max(u.begun[r.at.source], r.first)
	if r.gaps && !r.mixed {
		u.later = append(u.later, r)
		return
	}
	u.done(r)
}

func (u *until) end() {
	u.flush()
	for _, r := range u.later {
		r.mixed = u.begun[r.at.source] > r.first
		u.done(r)
	}
}

func (u *until) done(r run) {
	if r.mixed {
		kiosk.CorrectMixed(r.events, func(i int) bool { return !r.broken[i] })
	} else {
		kiosk.Correct(r.events)
	}
	for i, e := range r.events {
		if v := r.of[i]; v != "" {
			u.visits[v] = append(u.visits[v], e)
		}
	}
}
