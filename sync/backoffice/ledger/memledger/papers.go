package memledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"baylight/sync/backoffice"
)

// desk is what is kept beside events.
type desk struct {
	papers   map[paperKey]map[string]backoffice.Paper // of a kind and store, by name
	revision map[paperKey]uint64
	last     uint64 // revision
	trail    []backoffice.TrailLine
	lines    uint64 // number of the last
}

type paperKey struct{ store, kind string }

func newDesk() desk {
	return desk{papers: map[paperKey]map[string]backoffice.Paper{}, revision: map[paperKey]uint64{}}
}

func (d desk) clone() desk {
	c := desk{map[paperKey]map[string]backoffice.Paper{}, maps.Clone(d.revision), d.last, slices.Clone(d.trail), d.lines}
	for k, of := range d.papers {
		c.papers[k] = maps.Clone(of)
	}
	return c
}

// Papers lists those of a kind that a store has.
func (l *Ledger) Papers(_ context.Context, store, kind string) ([]backoffice.Paper, uint64, error) {
	k := paperKey{store, kind}
	return slices.SortedFunc(maps.Values(l.desk.papers[k]), func(a, b backoffice.Paper) int { return strings.Compare(a.Name, b.Name) }), l.desk.revision[k], nil
}

// KeepPapers keeps papers.
func (l *Ledger) KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error) {
	if err := cmp.Or(ctx.Err(), backoffice.CheckPapers(papers)); err != nil {
		return 0, fmt.Errorf("keep %s of %s: %w", kind, store, err)
	}
	k, d := paperKey{store, kind}, &l.desk
	if d.revision[k] != was {
		return 0, fmt.Errorf("keep %s of %s: %w: revision %d is %d by now", kind, store, backoffice.ErrPapers, was, d.revision[k])
	}
	if d.papers[k] == nil {
		d.papers[k] = map[string]backoffice.Paper{}
	}
	for _, p := range papers {
		if p.Bytes == nil {
			delete(d.papers[k], p.Name)
			continue
		}
		p.At, p.Bytes = time.UnixMilli(p.At.UnixMilli()), append([]byte{}, p.Bytes...)
		d.papers[k][p.Name] = p
	}
	d.last++
	d.revision[k] = d.last
	return d.last, nil
}

// PapersSince lists which papers were kept after a revision.
func (l *Ledger) PapersSince(_ context.Context, revision uint64) (out []backoffice.PapersOf, err error) {
	for k, n := range l.desk.revision {
		if n > revision {
			out = append(out, backoffice.PapersOf{Store: k.store, Kind: k.kind, Revision: n})
		}
	}
	slices.SortFunc(out, func(a, b backoffice.PapersOf) int { return cmp.Compare(a.Revision, b.Revision) })
	return out, nil
}

// Append adds lines to the trail.
func (l *Ledger) Append(ctx context.Context, lines []backoffice.TrailLine) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append to the trail: %w", err)
	}
	for _, line := range lines {
		if slices.ContainsFunc(l.desk.trail, func(x backoffice.TrailLine) bool { return x.Key == line.Key }) {
			continue
		}
		l.desk.lines++
		line.N, line.At, line.Bytes = l.desk.lines, time.UnixMilli(line.At.UnixMilli()), append([]byte{}, line.Bytes...)
		l.desk.trail = append(l.desk.trail, line)
	}
	return nil
}

// Lines are the newest of the trail below a number.
func (l *Ledger) Lines(_ context.Context, below uint64, limit int) (out []backoffice.TrailLine, err error) {
	for _, line := range slices.Backward(l.desk.trail) {
		if (below == 0 || line.N < below) && len(out) < limit {
			out = append(out, line)
		}
	}
	return out, nil
}

// Forget drops old lines of the trail.
func (l *Ledger) Forget(ctx context.Context, before time.Time) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("drop old lines of the trail: %w", err)
	}
	var newest time.Time
	for _, line := range l.desk.trail {
		if line.At.After(newest) {
			newest = line.At
		}
	}
	if kept := newest.Add(-backoffice.TrailKept); kept.Before(before) {
		before = kept
	}
	l.desk.trail = slices.DeleteFunc(l.desk.trail, func(line backoffice.TrailLine) bool { return line.At.Before(before) })
	return nil
}
