package dashboard

import (
	"context"
	"strconv"

	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/wire"
)

// aim is a store's target for a figure.
type aim struct {
	kpi.Measure
	Target int64
}

// aims are a store's targets by the figure they are for.
type aims map[string]aim

// aimsOf are the targets of a setup. A name that no figure has is left out: older
// setups could have any.
func aimsOf(targets map[string]int64) aims {
	out := aims{}
	for name, target := range targets {
		if m, err := kpi.MeasureOf(name); err == nil && m.Aim() {
			out[m.Figure] = aim{m, target}
		}
	}
	return out
}

// setup is what a store had set up at a position; what configuration says of its
// people if nothing was recorded yet.
func (d *dashboard) setup(ctx context.Context, s backoffice.Store, at uint64) (wire.Setup, error) {
	out, ok, err := d.Office.SetupAt(ctx, s.Name, at)
	if err != nil || ok || s.Staff == nil {
		return out, err
	}
	for _, p := range s.Staff.All() {
		out.Staff = append(out.Staff, wire.SetupStaff{ID: p.ID, Team: p.Team})
	}
	return out, nil
}

// aims are a store's targets that were in force at a position.
func (d *dashboard) aims(ctx context.Context, s backoffice.Store, at uint64) (aims, error) {
	setup, err := d.setup(ctx, s, at)
	return aimsOf(setup.Targets), err
}

// everyAims are the targets of each store as they stood at its row's position.
func (d *dashboard) everyAims(ctx context.Context, at []uint64) (map[string]aims, error) {
	out := map[string]aims{}
	for i, s := range d.Office.Stores() {
		a, err := d.aims(ctx, s, at[i])
		if err != nil {
			return nil, err
		}
		out[s.Name] = a
	}
	return out, nil
}

// Text is the target as people read it: "≥ 95%".
func (a aim) Text(l words.Lang) string {
	sign := "≥ "
	if a.Most {
		sign = "≤ "
	}
	switch a.Unit {
	case kpi.Percent:
		return sign + strconv.FormatInt(a.Target, 10) + "%"
	case kpi.WholeMinutes:
		return sign + words.Text(l, "office.n_minutes", strconv.FormatInt(a.Target, 10))
	}
	return sign + strconv.FormatInt(a.Target, 10)
}

// inRow is the target in the unit in which pages keep a row's value.
func (a aim) inRow() float64 {
	if a.Unit == kpi.Percent {
		return float64(a.Target) / 100
	}
	return float64(a.Target)
}

// reached says how a row stands to a target: met, missed, or "" if nothing can be
// compared. A target says nothing of one category of work.
func (a aim) reached(by kpi.By, r kpi.Row) string {
	if by == kpi.ByCategory || a.Name == "" {
		return ""
	}
	switch met, ok := a.Met(r, a.Target); {
	case !ok:
		return ""
	case met:
		return "met"
	}
	return "missed"
}

// reading is a target as a page shows it beside a number.
type reading struct {
	Text    string // "≥ 95%"; "" without a target
	Reached string // met, missed, or ""
	Word    string // that in words
}

func (f figurePage) reading(one figure, by kpi.By, a aims, r kpi.Row) reading {
	t, ok := a[one.Key]
	if !ok {
		return reading{}
	}
	out := reading{Text: t.Text(f.Lang), Reached: t.reached(by, r)}
	if out.Reached != "" {
		out.Word = f.T("office.target." + out.Reached)
	}
	return out
}

// Target is the target of a figure with what became of it in row i; −1 is the
// whole period.
func (f figurePage) Target(one figure, i int) reading {
	if i < 0 {
		return f.reading(one, kpi.ByNone, f.Aims, f.Whole)
	}
	if f.By == byStore {
		return f.reading(one, f.By, f.AimsOf[f.Rows[i].Key], f.Rows[i])
	}
	return f.reading(one, f.By, f.Aims, f.Rows[i])
}

// targetAnswer is a target as the API says it.
type targetAnswer struct {
	Name   string   `json:"name"`
	Figure string   `json:"figure"`
	Unit   kpi.Unit `json:"unit"`
	Sense  string   `json:"sense"` // at_least or at_most
	Target int64    `json:"target"`
}

// rowAnswer is a row with what became of the targets in it, by their names; null
// where there is nothing to compare.
type rowAnswer struct {
	kpi.Row
	Met  map[string]*bool `json:"targets_met,omitempty"`
	AsOf string           `json:"as_of,omitempty"` // with store=*: the store's own
}

func (a aims) list() []targetAnswer {
	out := []targetAnswer{}
	for _, m := range kpi.Measures() {
		if t, ok := a[m.Figure]; ok {
			sense := "at_least"
			if m.Most {
				sense = "at_most"
			}
			out = append(out, targetAnswer{m.Name, m.Figure, m.Unit, sense, t.Target})
		}
	}
	return out
}

// judge gives rows what became of the targets in them.
func (a aims) judge(by kpi.By, rows []kpi.Row) []rowAnswer {
	out := make([]rowAnswer, len(rows))
	for i, r := range rows {
		out[i].Row = r
		if by == kpi.ByCategory || len(a) == 0 {
			continue
		}
		out[i].Met = map[string]*bool{}
		for _, t := range a {
			out[i].Met[t.Name] = nil
			if met, ok := t.Met(r, t.Target); ok {
				out[i].Met[t.Name] = &met
			}
		}
	}
	return out
}
