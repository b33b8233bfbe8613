package pgledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// Bounds on what is kept as evidence, and on keys.
const (
	maxPayload  = 64 << 10
	maxRejected = 10_000 // messages whose place could not be told; the oldest go
	maxKey      = 64
)

// ErrRenewed is found in the error of a commit to a ledger that has got another
// id since it was opened: its database was restored.
var ErrRenewed = errors.New("the ledger has got another id")

// Commit makes a batch durable (backoffice.Ledger). If the ledger was joined by
// an Office, it fails with backoffice.ErrNotHeld unless that office has the lease
// of every store in the batch as the transaction commits.
func (l *Ledger) Commit(ctx context.Context, b backoffice.Batch) (backoffice.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	out, err := l.commit(ctx, b)
	if err != nil {
		return backoffice.Outcome{}, fmt.Errorf("commit batch: %w", told(err))
	}
	return out, nil
}

// told gives the errors of step their names.
func told(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case codeRenewed:
			return fmt.Errorf("%w: %w", ErrRenewed, err)
		case codeFenced:
			return fmt.Errorf("%w: %w", backoffice.ErrNotHeld, err)
		}
	}
	return err
}

func (l *Ledger) commit(ctx context.Context, b backoffice.Batch) (backoffice.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return backoffice.Outcome{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.begin(ctx)
	c.at, c.pending = b.At.UnixMilli(), newRows(len(b.Entries))
	if err := c.number(b); err != nil {
		return backoffice.Outcome{}, err
	}
	conn, err := l.now.Acquire(ctx)
	if err != nil {
		return backoffice.Outcome{}, err
	}
	defer conn.Release() // it closes a connection that is still in a transaction
	c.tx, c.whole = conn, true
	if err = c.all(b); err != nil && c.begun && ctx.Err() == nil {
		_, _ = conn.Exec(ctx, `ROLLBACK`)
	}
	return c.out, err
}

// transaction is what a commit works in: pgx.Tx, or a connection of which the
// commit begins and ends the transaction itself, to save round trips.
type transaction interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// begin makes a commit that has no transaction yet.
func (l *Ledger) begin(ctx context.Context) *commit {
	l.fence.Lock()
	defer l.fence.Unlock()
	return &commit{ctx: ctx, l: l, ledger: l.id, office: l.office, sts: map[string]int32{}, epochs: map[place]*epoch{}, runs: &runs{}, dirty: map[visitKey]bool{},
		waits: map[refKey]bool{}, again: map[refKey]bool{}}
}

// commit is one transaction at work.
type commit struct {
	ctx            context.Context
	l              *Ledger
	tx             transaction
	begun          bool // there is a transaction
	whole          bool // it ends with the commit
	ledger, office string
	at             int64
	sts            map[string]int32 // stores of the batch
	epochs         map[place]*epoch
	dirty          map[visitKey]bool
	batch          backoffice.Batch
	runs           *runs // of the batch
	pending        rows  // events that wait to be inserted
	parts          parts
	stepped        bool            // the lock on head is held
	before         int64           // the highest position before it, once stepped
	waits          map[refKey]bool // ids that corrections without a visit name, as far as the batch is concerned
	again          map[refKey]bool // id#hash of events that were recorded again, by source
	out            backoffice.Outcome
}

type (
	place    = rule.Place
	visitKey struct {
		st    int32
		visit string
	}
	refKey struct{ of, ref string } // of a store or a source
)

// epoch is a row of epochs while it is worked on; it answers what the rules ask.
type epoch struct {
	rule.Epoch
	c        *commit
	at       place
	st       int32
	ep       int64
	store    string
	evidence bool              // conflicts of this epoch are kept
	here     map[uint64]known  // events of the batch's places, and those before them
	parts    map[uint64][]byte // person parts at rest of the batch's events; nil bytes: erased
	near     *near             // what is beside the batch's places, once it was needed
}

func (c *commit) newEpoch() *epoch {
	return &epoch{c: c, Epoch: rule.Epoch{Boots: map[string]uint64{}}, here: map[uint64]known{}, parts: map[uint64][]byte{}}
}

// known is what the batch has to know of an event at rest.
type known struct {
	hash   kiosk.Hash
	state  rule.State
	digest string
}

// number finds the stores of a batch, outside its transaction.
func (c *commit) number(b backoffice.Batch) error {
	for _, e := range b.Entries {
		c.sts[e.Store] = 0
	}
	for _, p := range b.Persons {
		c.sts[p.Store] = 0
	}
	for _, r := range b.Rejects {
		c.sts[r.Store] = 0
	}
	for name := range c.sts {
		st, err := c.l.store(c.ctx, name)
		if err != nil {
			return err
		}
		c.sts[name] = st
	}
	return nil
}

func (c *commit) all(b backoffice.Batch) error {
	if err := c.load(b); err != nil {
		return fmt.Errorf("read what is there: %w", err)
	}
	for i := range b.Entries {
		if err := c.entry(&b.Entries[i]); err != nil {
			e := &b.Entries[i].Event
			return fmt.Errorf("event %s of %s: %w", e.ID(), e.Source, err)
		}
	}
	for _, r := range b.Rejects {
		if err := c.reject(r); err != nil {
			return fmt.Errorf("rejected message on %q: %w", r.Topic, err)
		}
	}
	for _, p := range b.Persons {
		if err := c.person(p); err != nil {
			return fmt.Errorf("person part of %s-%d: %w", p.Epoch, p.Seq, err)
		}
	}
	return c.settle()
}

func (c *commit) problem(format string, args ...any) {
	c.out.Problems = append(c.out.Problems, fmt.Sprintf(format, args...))
}

// exec, get and found run a statement after what waits to be inserted.
func (c *commit) exec(query string, args ...any) (int64, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	done, err := c.tx.Exec(c.ctx, query, args...)
	return done.RowsAffected(), err
}

func (c *commit) get(dest []any, query string, args ...any) error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.tx.QueryRow(c.ctx, query, args...).Scan(dest...)
}

// found is get for rows that may be absent.
func (c *commit) found(dest []any, query string, args ...any) (bool, error) {
	err := c.get(dest, query, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// epoch finds the row of an epoch, or begins one.
func (c *commit) epoch(store string, at place) (*epoch, error) {
	if ep := c.epochs[at]; ep != nil {
		return ep, nil
	}
	if err := c.loadEpochs([]place{at}); err != nil {
		return nil, err
	}
	if c.epochs[at] == nil {
		if err := c.createEpochs(map[place]string{at: store}); err != nil {
			return nil, err
		}
	}
	return c.epochs[at], nil
}

// createEpochs begins epochs, each of a store. One that another office began at the
// same time is taken as it is, with what is in it.
func (c *commit) createEpochs(fresh map[place]string) error {
	var sts []int32
	var sources, names []string
	for at, store := range fresh {
		sts, sources, names = append(sts, c.sts[store]), append(sources, at.Source), append(names, at.Epoch)
	}
	zero := make([]byte, len(kiosk.Hash{}))
	// Their order is that in which they were heard of, as far as it matters: one batch may begin several.
	rows, err := c.tx.Query(c.ctx, `INSERT INTO epochs(st, source, epoch, through, hash, max, last_ms)
		SELECT st, source, epoch, 0, $4, 0, $5 FROM unnest($1::integer[], $2::text[], $3::text[]) AS x(st, source, epoch)
		ON CONFLICT (source, epoch) DO NOTHING RETURNING st, ep, source, epoch`, sts, texts(sources), texts(names), zero, int64(rule.MinTime))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		ep := c.newEpoch()
		ep.Hash, ep.Last, ep.near = slices.Clone(zero), rule.MinTime, newNear()
		var source, name string
		if err := rows.Scan(&ep.st, &ep.ep, &source, &name); err != nil {
			return err
		}
		ep.at = place{Source: unplain(source), Epoch: unplain(name)}
		ep.store = fresh[ep.at]
		c.epochs[ep.at] = ep
		delete(fresh, ep.at)
	}
	if err := rows.Err(); err != nil || len(fresh) == 0 {
		return err
	}
	q := c.pipeline()
	c.queueEpochs(q, slices.Collect(maps.Keys(fresh)))
	c.queueRows(q, c.batch)
	return c.tx.SendBatch(c.ctx, q).Close()
}

func texts(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = plain(s)
	}
	return out
}

// stores are the numbers of the batch's stores.
func (c *commit) stores() []int32 { return slices.Sorted(maps.Values(c.sts)) }
