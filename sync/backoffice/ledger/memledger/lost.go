package memledger

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"baylight/sync/backoffice"
)

// Lost says what was destroyed before it came: it looks at one sequence after
// the other, so that a range may not be long.
func (l *Ledger) Lost(_ context.Context, source string) (out backoffice.Lost, err error) {
	for _, at := range slices.SortedFunc(maps.Keys(l.lost), func(a, b place) int {
		return cmp.Or(cmp.Compare(slices.Index(l.order, a), slices.Index(l.order, b)), cmp.Compare(a.epoch, b.epoch))
	}) {
		if at.source != source {
			continue
		}
		gone, rows := map[uint64]bool{}, map[uint64]*row{}
		if ep := l.epochs[at]; ep != nil {
			rows = ep.rows
		}
		for _, g := range l.lost[at] {
			for seq := g.First; seq <= g.Last; seq++ {
				gone[seq] = gone[seq] || rows[seq] == nil
			}
		}
		maps.DeleteFunc(gone, func(_ uint64, lost bool) bool { return !lost })
		for _, seq := range slices.Sorted(maps.Keys(gone)) {
			out.Count++
			if gone[seq-1] {
				out.Runs[len(out.Runs)-1].Last = seq
				continue
			}
			out.Runs = append(out.Runs, backoffice.Run{Epoch: at.epoch, First: seq, Last: seq})
		}
		for i := range out.Runs {
			if n := &out.Runs[i]; n.Epoch == at.epoch {
				n.Before, n.After = beside(rows, n.First, n.Last)
			}
		}
	}
	out.Runs = out.Runs[max(0, len(out.Runs)-backoffice.MaxRuns):]
	return out, nil
}

func beside(rows map[uint64]*row, first, last uint64) (before, after backoffice.Beside) {
	for _, seq := range slices.Sorted(maps.Keys(rows)) {
		r := rows[seq]
		at := backoffice.Beside{When: r.when, Uncertain: r.uncertain}
		if !r.malformed && seq < first {
			before = at
		}
		if !r.malformed && seq > last {
			return before, at
		}
	}
	return before, after
}
