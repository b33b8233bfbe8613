package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Changed calls f with each visit that changed after a position (backoffice.Ledger).
func (l *Ledger) Changed(ctx context.Context, store string, after uint64, f func(string, []kiosk.Event)) (at uint64, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		if at, err = position(ctx, q); err != nil {
			return err
		}
		var visits []string
		if err := each(ctx, q, func(r *sql.Rows) error {
			var v string
			err := r.Scan(&v)
			visits = append(visits, v)
			return err
		}, `SELECT visit FROM visits WHERE store = ? AND changed > ? ORDER BY changed`, store, int64(after)); err != nil {
			return err
		}
		for _, v := range visits {
			events, err := visitEvents(ctx, q, store, v)
			if err != nil {
				return fmt.Errorf("visit %s: %w", v, err)
			}
			f(v, events)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read changed visits of %s: %w", store, err)
	}
	return at, nil
}

func visitEvents(ctx context.Context, q querier, store, visit string) (events []kiosk.Event, err error) {
	err = each(ctx, q, func(r *sql.Rows) error {
		var b []byte
		var when int64
		var uncertain bool
		if err := r.Scan(&b, &when, &uncertain); err != nil {
			return err
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return err
		}
		e.When, e.Uncertain = ms(when).In(e.Moment.Wall.Location()), uncertain
		events = append(events, e)
		return nil
	}, `SELECT bytes, when_ms, uncertain FROM events WHERE store = ? AND visit = ? AND visit <> '' AND state = 0 ORDER BY n`, store, visit)
	return events, err
}

// Until calls f with every visit as it stood at a position (backoffice.Ledger).
// It reads the whole store: what it costs grows with history.
func (l *Ledger) Until(ctx context.Context, store string, at uint64, f func(string, []kiosk.Event)) error {
	if at > 1<<63-1 {
		return fmt.Errorf("read %s at position %d: no ledger is that long", store, at)
	}
	u := until{visits: map[string][]kiosk.Event{}, begun: map[string]int64{}}
	err := each(ctx, l.r, func(r *sql.Rows) error {
		var w was
		var hash []byte
		if err := r.Scan(&w.n, &w.at.source, &w.at.epoch, &w.seq, &w.visit, &w.state, &hash, &w.bytes); err != nil {
			return err
		}
		w.hash = kiosk.Hash(hash)
		return u.take(w)
	}, `SELECT n, source, epoch, seq, visit, state, hash, bytes FROM events WHERE store = ? AND n <= ? ORDER BY epoch, source, seq`, store, int64(at))
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
	at       place
	seq      uint64
	n, state int64
	visit    string
	hash     kiosk.Hash
	bytes    []byte
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
