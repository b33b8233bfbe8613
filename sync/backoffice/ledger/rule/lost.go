package rule

import "baylight/sync/backoffice"

// most bounds what one range adds to a sum: who says more says nothing.
const most = 1_000_000_000_000

// Lost says what is not there of destroyed ranges: without Before and After,
// which the ledger looks up. The ranges come by epoch and beginning, and may
// overlap. there calls its function with each sequence of a run that is there,
// in order.
func Lost(ranges []backoffice.Run, there func(run backoffice.Run, seen func(seq uint64)) error) (out backoffice.Lost, err error) {
	lose := func(epoch string, first, last uint64) {
		if first > last {
			return
		}
		out.Count += min(last-first, most) + 1
		if out.Runs = append(out.Runs, backoffice.Run{Epoch: epoch, First: first, Last: last}); len(out.Runs) > backoffice.MaxRuns {
			out.Runs = out.Runs[1:]
		}
	}
	for _, r := range joined(ranges) {
		next := r.First
		if err := there(r, func(seq uint64) {
			lose(r.Epoch, next, seq-1)
			next = seq + 1
		}); err != nil {
			return out, err
		}
		lose(r.Epoch, next, r.Last)
	}
	return out, nil
}

// joined are ranges of which no two touch.
func joined(in []backoffice.Run) (out []backoffice.Run) {
	for _, r := range in {
		if n := len(out); n > 0 && out[n-1].Epoch == r.Epoch && r.First <= out[n-1].Last+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}
