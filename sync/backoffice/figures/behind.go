package figures

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// behindNow is Behind of what is kept. Of most visits their head tells that they
// are not behind the figure. A long period is read by as many as there are
// processors.
func (f *Folder) behindNow(ctx context.Context, store string, q Query, g kpi.Group, figure, value string, v kpi.Variant) (facts []kpi.Fact, a Answer, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = f.answer(q, at)
		p := r.period(q, a)
		is, err := p.IsBehind(g, figure, value, v)
		if err != nil {
			return err
		}
		may := func(head *kpi.Fact) bool { return p.May(head, g, figure, value, v) }
		parts := daysApart(r.days(q))
		found, errs := make([][]*kpi.Fact, len(parts)), make([]error, len(parts))
		var work sync.WaitGroup
		for i, days := range parts[1:] {
			work.Go(func() { found[i+1], errs[i+1] = f.behindIn(ctx, r, days, may, is) })
		}
		found[0], errs[0] = f.behindIn(ctx, r, parts[0], may, is)
		work.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		all := slices.Concat(found...)
		slices.SortFunc(all, func(a, b *kpi.Fact) int { return cmp.Compare(a.Visit, b.Visit) })
		all = slices.CompactFunc(all, func(a, b *kpi.Fact) bool { return a.Visit == b.Visit }) // with a day in several parts
		facts = slices.Grow([]kpi.Fact(nil), len(all))
		for _, fact := range all {
			facts = append(facts, *fact)
		}
		return nil
	})
	return facts, a, err
}

// behindIn are the facts with a part in some days that may be and are behind a figure.
func (f *Folder) behindIn(ctx context.Context, r *room, days [2]string, may, is func(*kpi.Fact) bool) (found []*kpi.Fact, err error) {
	err = f.cfg.Ledger.FactsOfDays(ctx, r.Name, days[0], days[1], func(row backoffice.Fact) error {
		n, err := readNote(row.Visit, row.Bytes)
		if err != nil {
			return err
		}
		if head, err := kpi.DecodeHead(n.fact); err == nil && !may(&head) {
			return nil
		}
		fact, err := n.factOf(row.Visit)
		if err == nil && is(&fact) {
			found = append(found, &fact)
		}
		return err
	})
	return found, err
}

// minDays is how many days are worth a reader of their own.
const minDays = 7

// daysApart divides the days from first to last, each part by its own first and last.
func daysApart(first, last string) (parts [][2]string) {
	from, err := time.Parse(time.DateOnly, first)
	to, also := time.Parse(time.DateOnly, last)
	if err != nil || also != nil {
		return [][2]string{{first, last}} // they were written by a calendar
	}
	days := int(to.Sub(from)/(24*time.Hour)) + 1
	n := min(max(1, days/minDays), runtime.GOMAXPROCS(0))
	for i := range n {
		parts = append(parts, [2]string{shifted(first, i*days/n), shifted(first, (i+1)*days/n-1)})
	}
	return parts
}
