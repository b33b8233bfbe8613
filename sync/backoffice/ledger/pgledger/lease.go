package pgledger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// OfficeConfig describes a process that takes stores of a shared ledger.
type OfficeConfig struct {
	Name   string   // as people know it
	URL    string   // of its pages
	Stores []string // that it would take
	// Lease is how long an office is taken to live after it last said so; 6 s if
	// 0. It says so six times in that time.
	Lease time.Duration
	// Tend answers for a store under a term until ctx ends. It runs in a
	// goroutine of its own for every store that the office has.
	Tend func(ctx context.Context, store string, term uint64)
	Log  *slog.Logger // nil discards
}

// Office divides the stores of a ledger with other processes that do the same.
// It is a task: Run it once.
//
// Leases are rows and not advisory locks: a lock lives as long as its connection,
// so that a stopped process would keep its stores for ever and a broken line lose
// them at once, and it carries no term. Time is that of the server; an office
// whose own clock of elapsed time says that its lease may have run out stops by
// itself, without asking. What it commits all the same is refused by step.
type Office struct {
	cfg   OfficeConfig
	l     *Ledger
	pool  *pgxpool.Pool // of its own: what others read must not keep a lease from being renewed
	log   *slog.Logger
	ready chan struct{}

	mu    sync.Mutex
	id    string
	until time.Time // the lease may have run out; zero: there is none
	has   map[string]*tended
}

// tended is a store that is answered for.
type tended struct {
	term uint64
	stop context.CancelFunc
	done chan struct{}
}

// Join makes an Office. From now on the ledger commits events of stores that the
// office has, and of no other. Close the ledger after Run has ended.
func (l *Ledger) Join(ctx context.Context, c OfficeConfig) (*Office, error) {
	c.Lease = cmp.Or(c.Lease, 6*time.Second)
	if c.Tend == nil || c.Lease < 100*time.Millisecond {
		return nil, fmt.Errorf("join ledger: leases of %v, at least 100ms and a way to tend stores are needed", c.Lease)
	}
	pc := l.pool.Config()
	pc.MaxConns = 2
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("join ledger: %w", err)
	}
	o := &Office{cfg: c, l: l, pool: pool, log: c.Log, ready: make(chan struct{}), has: map[string]*tended{}}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	o.rename()
	return o, nil
}

// rename makes the office another one, which has nothing yet.
func (o *Office) rename() {
	o.mu.Lock()
	o.id, o.until = uuid.NewString(), time.Time{}
	id := o.id
	o.mu.Unlock()
	o.l.fence.Lock()
	o.l.office = id
	o.l.fence.Unlock()
}

// String names the task.
func (o *Office) String() string { return "leases" }

// Ready is closed when the office has taken part once.
func (o *Office) Ready() <-chan struct{} { return o.ready }

// Holds says whether a store is the office's as far as it can tell without
// asking: before it speaks for the store it has to.
func (o *Office) Holds(store string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.has[store] != nil && time.Now().Before(o.until)
}

// Run takes, keeps and gives back stores until ctx ends.
func (o *Office) Run(ctx context.Context) error {
	defer o.pool.Close()
	every := time.NewTicker(o.cfg.Lease / 6)
	defer every.Stop()
	for {
		if err := o.round(ctx); err != nil && ctx.Err() == nil {
			o.log.Warn("leases cannot be renewed", "err", err)
		} else if err == nil {
			select {
			case <-o.ready:
			default:
				close(o.ready)
			}
		}
		o.lapse()
		select {
		case <-every.C:
		case <-ctx.Done():
			o.leave(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// lapse drops every store if the lease may have run out.
func (o *Office) lapse() {
	o.mu.Lock()
	over := !o.until.IsZero() && !time.Now().Before(o.until)
	o.mu.Unlock()
	if over {
		o.log.Warn("leases have run out: stores are left to others")
		o.drop(o.stores()...)
		o.rename()
	}
}

// round says that the office lives and does its part of the division.
func (o *Office) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Lease/2)
	defer cancel()
	o.lapse()
	if err := o.renew(ctx); err != nil {
		return err
	}
	if err := o.bury(ctx); err != nil {
		return err
	}
	wanted, now, err := o.plan(ctx)
	if err != nil {
		return err
	}
	var give, take []string
	for _, s := range o.stores() {
		if wanted[s] != o.id || now[s] != o.id {
			give = append(give, s)
		}
	}
	for _, s := range o.cfg.Stores {
		if wanted[s] == o.id && now[s] == "" {
			take = append(take, s)
		}
	}
	if err := o.give(ctx, give); err != nil {
		return err
	}
	return o.take(ctx, take)
}

// renew extends the lease. If the office is not known, or no longer, it begins
// anew with nothing.
func (o *Office) renew(ctx context.Context) error {
	began := time.Now()
	done, err := o.pool.Exec(ctx, `UPDATE offices SET expires = clock_timestamp() + $2 WHERE office = $1`, o.id, o.cfg.Lease)
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	if done.RowsAffected() == 0 {
		o.drop(o.stores()...)
		o.rename()
		if _, err := o.pool.Exec(ctx, `INSERT INTO offices(office, app, name, url, stores, expires) VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6)`,
			o.id, o.l.app, plain(o.cfg.Name), plain(o.cfg.URL), texts(o.cfg.Stores), o.cfg.Lease); err != nil {
			return fmt.Errorf("begin lease: %w", err)
		}
	}
	o.mu.Lock()
	o.until = began.Add(o.cfg.Lease)
	o.mu.Unlock()
	return nil
}

// dead is true of an office whose time has run out. While the server was down
// nobody could renew: it is given the same time again.
const dead = `greatest(expires, pg_postmaster_start_time() + $1) < clock_timestamp()`

// bury frees the stores of offices whose time has run out. Their connections are
// ended first: one in the middle of a commit holds the lock on head.
func (o *Office) bury(ctx context.Context) error {
	rows, err := o.pool.Query(ctx, `SELECT office, app, name FROM offices WHERE `+dead, o.cfg.Lease)
	if err != nil {
		return fmt.Errorf("look for lost offices: %w", err)
	}
	type lost struct{ Office, App, Name string }
	gone, err := pgx.CollectRows(rows, pgx.RowToStructByPos[lost])
	if err != nil {
		return fmt.Errorf("look for lost offices: %w", err)
	}
	for _, g := range gone {
		if g.App != o.l.app {
			if _, err := o.pool.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, g.App); err != nil {
				o.log.Warn("connections of a lost office cannot be ended", "office", g.Name, "err", err)
			}
		}
		if err := o.locked(ctx, func(tx pgx.Tx) error {
			done, err := tx.Exec(ctx, `DELETE FROM offices WHERE office = $2 AND `+dead, o.cfg.Lease, g.Office)
			if err != nil || done.RowsAffected() == 0 {
				return err // it lives after all, or another buried it
			}
			_, err = tx.Exec(ctx, `UPDATE leases SET office = '' WHERE office = $1`, g.Office)
			return err
		}); err != nil {
			return fmt.Errorf("take stores of lost office %s: %w", g.Name, err)
		}
		o.log.Warn("a back office is lost: its stores are free", "office", g.Name)
	}
	return nil
}

// locked runs f while nobody commits.
func (o *Office) locked(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT n FROM head FOR UPDATE`); err != nil {
			return err
		}
		return f(tx)
	})
}

// plan reads who lives and who has what, and divides.
func (o *Office) plan(ctx context.Context) (wanted, now map[string]string, err error) {
	var members []member
	now = map[string]string{}
	err = pgx.BeginTxFunc(ctx, o.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var id, store string
		var stores []string
		if err := each(ctx, tx, []any{&id, &stores}, func() error {
			m := member{id: id, stores: map[string]bool{}}
			for _, s := range stores {
				m.stores[unplain(s)] = true
			}
			members, stores = append(members, m), nil
			return nil
		}, `SELECT office, stores FROM offices`); err != nil {
			return err
		}
		return each(ctx, tx, []any{&store, &id}, func() error {
			now[unplain(store)] = id
			return nil
		}, `SELECT s.store, l.office FROM leases l JOIN stores s ON s.st = l.st`)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read who has which store: %w", err)
	}
	return assign(members, now), now, nil
}

// give stops answering for stores and lets others take them.
func (o *Office) give(ctx context.Context, stores []string) error {
	if len(stores) == 0 {
		return nil
	}
	o.drop(stores...)
	_, err := o.pool.Exec(ctx, `UPDATE leases l SET office = '' FROM stores s WHERE s.st = l.st AND s.store = ANY($1) AND l.office = $2`, texts(stores), o.id)
	if err != nil {
		return fmt.Errorf("give stores: %w", err)
	}
	o.log.Info("stores given to others", "stores", len(stores))
	return nil
}

// take makes free stores the office's, each under a new term.
func (o *Office) take(ctx context.Context, stores []string) error {
	if len(stores) == 0 {
		return nil
	}
	var sts []int32
	names := map[int32]string{}
	for _, s := range stores {
		st, err := o.l.store(ctx, s)
		if err != nil {
			return err
		}
		sts, names[st] = append(sts, st), s
	}
	terms := map[string]uint64{}
	err := o.locked(ctx, func(tx pgx.Tx) error {
		var st int32
		var term int64
		return each(ctx, tx, []any{&st, &term}, func() error {
			terms[names[st]] = uint64(term)
			return nil
		}, `INSERT INTO leases SELECT x.st, $2, 1 FROM unnest($1::integer[]) AS x(st) WHERE EXISTS (SELECT 1 FROM offices WHERE office = $2)
			ON CONFLICT (st) DO UPDATE SET office = excluded.office, term = leases.term + 1 WHERE leases.office = '' RETURNING st, term`, sts, o.id)
	})
	if err != nil {
		return fmt.Errorf("take stores: %w", err)
	}
	for _, s := range slices.Sorted(maps.Keys(terms)) {
		o.begin(s, terms[s])
	}
	o.log.Info("stores taken", "stores", len(terms))
	return nil
}

func (o *Office) begin(store string, term uint64) {
	ctx, stop := context.WithCancel(context.Background())
	t := &tended{term: term, stop: stop, done: make(chan struct{})}
	o.mu.Lock()
	o.has[store] = t
	o.mu.Unlock()
	go func() {
		defer close(t.done)
		o.cfg.Tend(ctx, store, term)
	}()
}

// stores are those the office has, by name.
func (o *Office) stores() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.has))
}

// drop stops answering for stores and waits until that is so.
func (o *Office) drop(stores ...string) {
	var all []*tended
	o.mu.Lock()
	for _, s := range stores {
		if t := o.has[s]; t != nil {
			all = append(all, t)
			t.stop()
			delete(o.has, s)
		}
	}
	o.mu.Unlock()
	for _, t := range all {
		<-t.done
	}
}

// leave gives everything back in order, so that nobody waits for the lease to end.
func (o *Office) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Lease)
	defer cancel()
	o.drop(o.stores()...)
	_, err := o.pool.Exec(ctx, `WITH freed AS (UPDATE leases SET office = '' WHERE office = $1) DELETE FROM offices WHERE office = $1`, o.id)
	if err != nil {
		o.log.Warn("stores cannot be given back; others take them when the lease ends", "err", err)
	}
}

// Lease is who has a store.
type Lease struct {
	Store, Office, URL string // no office: nobody has it
	Term               uint64
	Ends               time.Time // by the server's clock
}

// Leases lists the stores that ever had an office, by name.
func (l *Ledger) Leases(ctx context.Context) (out []Lease, err error) {
	var x Lease
	var term int64
	var ends *time.Time
	err = each(ctx, l.pool, []any{&x.Store, &x.Office, &x.URL, &term, &ends}, func() error {
		one := Lease{Store: unplain(x.Store), Office: unplain(x.Office), URL: unplain(x.URL), Term: uint64(term)}
		if ends != nil {
			one.Ends = *ends
		}
		out = append(out, one)
		return nil
	}, `SELECT s.store, coalesce(o.name, ''), coalesce(o.url, ''), l.term, o.expires FROM leases l JOIN stores s ON s.st = l.st
		LEFT JOIN offices o ON o.office = l.office ORDER BY s.store`)
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	return out, nil
}
