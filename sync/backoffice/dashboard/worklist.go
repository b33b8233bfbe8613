package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// worklist is what has to be put right, with the action beside it.
type worklist struct {
	page
	Days      int // looked back
	Unclosed  []Case
	Uncertain []Case
	Flagged   []Case
	Missing   []Case
	Twice     []twice
	Proposals []proposal
	Gaps      int
	Total     int
}

// twice is a job of which a time came late by scan and was also stated by hand.
type twice struct {
	Visit, Ticket   string
	Technician      string
	Scanned, Stated time.Time
	Scan, Statement string // the events; one of them may be voided
}

// worklistDays is how far back the list looks.
const worklistDays = 31

// ownLooked is how many of the office's last events are looked through.
const ownLooked = 300

func (d *dashboard) worklistPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	p.Title = p.T("office.worklist")
	l := worklist{page: p, Days: worklistDays}
	cal := p.Store.Calendar
	sp := span{From: daysAfter(cal, cal.Midnight(p.Now), 1-worklistDays), To: next(cal, p.Now), Now: p.Now}
	list := func(figure string) (out []Case) {
		if err == nil {
			out, _, err = d.cases(r.Context(), p.Store, sp, drill{Figure: figure, Variant: kpi.Headline()})
			slices.Reverse(out)
		}
		return out
	}
	l.Unclosed, l.Uncertain, l.Flagged, l.Missing = list("unclosed_jobs"), list("uncertain"), list("flags"), list("incomplete")
	if err != nil {
		return err
	}
	l.Missing = slices.DeleteFunc(l.Missing, func(c Case) bool { return len(c.Unclosed) > 0 })
	if l.Twice, err = d.twice(r.Context(), p.Store); err != nil {
		return err
	}
	if l.Proposals, err = d.proposals(r.Context(), p.Store, p.Now); err != nil {
		return err
	}
	if l.Gaps, err = d.gaps(r, p.Store); err != nil {
		return err
	}
	l.Total = len(l.Unclosed) + len(l.Uncertain) + len(l.Flagged) + len(l.Missing) + len(l.Twice) + len(l.Proposals)
	d.render(w, http.StatusOK, "worklist.html", l)
	return nil
}

// twice finds finishes that a person stated here and a card that came late tells,
// too. Both are kept; a person chooses which counts.
func (d *dashboard) twice(ctx context.Context, s backoffice.Store) (out []twice, err error) {
	own, _, err := d.ownEvents(ctx, s, 0, ownLooked)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, e := range own {
		stated, ok := e.Data.(*kiosk.Finished)
		if !ok || stated.At == nil || seen[stated.Visit] {
			continue
		}
		seen[stated.Visit] = true
		steps, err := d.history(ctx, s, stated.Visit)
		if err != nil {
			return nil, err
		}
		out = append(out, pairs(stated.Visit, steps)...)
	}
	return out, nil
}

// pairs are the finishes of a visit that stand twice.
func pairs(visit string, steps []step) (out []twice) {
	ticket := ""
	var stated, scanned []step
	for _, st := range steps {
		switch e := st.decoded.Data.(type) {
		case *kiosk.CheckedIn:
			ticket = e.Ticket
		case *kiosk.Finished:
			if st.Voided || !st.Counted {
				continue
			}
			if e.At != nil {
				stated = append(stated, st)
			} else {
				scanned = append(scanned, st)
			}
		}
	}
	for _, a := range stated {
		by := a.decoded.Data.(*kiosk.Finished)
		for _, b := range scanned {
			card := b.decoded.Data.(*kiosk.Finished)
			if card.Technician == by.Technician && card.Item == by.Item && b.decoded.Recorded().After(*by.At) {
				out = append(out, twice{Visit: visit, Ticket: ticket, Technician: card.Technician, Scanned: b.decoded.Time(), Stated: *by.At, Scan: b.ID, Statement: a.ID})
				break
			}
		}
	}
	return out
}

// Lacks is what is missing in a chain, in words.
func (l worklist) Lacks(c Case) string {
	var parts []string
	for _, m := range c.Incomplete {
		parts = append(parts, l.T("office.missing."+m))
	}
	return strings.Join(parts, l.T("office.comma"))
}

// FlagNames joins flags.
func (l worklist) FlagNames(fs []kiosk.Flag) string {
	var parts []string
	for _, f := range fs {
		parts = append(parts, l.T("flag."+string(f)))
	}
	return strings.Join(parts, l.T("office.comma"))
}

// Advice is what to do about flags: of the first that has an answer.
func (l worklist) Advice(fs []kiosk.Flag) string {
	for _, f := range fs {
		if key := "office.advice." + string(f); l.T(key) != key {
			return l.T(key)
		}
	}
	return l.T("office.advice")
}
