package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"baylight/kiosk"
)

// order is the page of one visit: what it is now, how it came to be, and what may
// be put right.
type order struct {
	page
	Visit  *kiosk.Visit
	Case   Case
	First  time.Time
	Last   time.Time
	Steps  []step
	Stage  kiosk.Stage
	Judged string // on_time, late or open: by the headline
	Done   string // an event that was just recorded here
	Draft  draft  // what a form said that was not possible
	Bad    string
	Chance *chance // that the promise will be missed; nil: it has come, or there is none
	Rule   string  // why it goes by the rule alone, as words has it; "" if by history

	Proposals []proposal
}

func (d *dashboard) orderPage(w http.ResponseWriter, r *http.Request) error {
	o, err := d.order(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	o.Done = clip(r.URL.Query().Get("done"))
	d.render(w, http.StatusOK, "order.html", o)
	return nil
}

// order gathers what the page of a visit shows.
func (d *dashboard) order(r *http.Request, id string) (o order, err error) {
	p, err := d.page(r)
	if err != nil {
		return o, err
	}
	v, err := d.find(r.Context(), p.Store, id)
	if err != nil {
		return o, err
	}
	o = order{page: p, Visit: v, Stage: v.StageAt(p.Now), Case: caseOfVisit(p.Store, v, p.Now)}
	o.Title = v.Ticket
	o.Judged = behind{page: p}.Judged(o.Case)
	if f, ok := v.FirstPromise(); ok {
		o.First = f.Due
	}
	if l, ok := v.EffectivePromise(); ok {
		o.Last = l.Due
	}
	if o.Steps, err = d.history(r.Context(), p.Store, v.ID); err != nil {
		return o, err
	}
	chances, err := d.chances(r.Context(), p.Store, []*kiosk.Visit{v}, p.Now)
	if err != nil {
		return o, err
	}
	if c, ok := chances[v.ID]; ok {
		o.Chance = &c
		if _, o.Rule, err = d.learnt(p.Store); err != nil {
			return o, err
		}
		if !c.Known && o.Rule == "" {
			o.Rule = "office.no_history"
		}
	}
	o.Proposals, err = d.proposalsOf(r.Context(), p.Store, v, p.Now)
	return o, err
}

// When is the time of a step that counts.
func (o order) When(s step) string { return o.Stamp(s.decoded.Time()) }

// Recorded is when a step was recorded.
func (o order) Recorded(s step) string { return o.Stamp(s.decoded.Recorded()) }

// Local is a step's time as a field for date and time takes it.
func (o order) Local(s step) string {
	return s.decoded.Time().In(o.Store.Calendar.Zone).Format(localTime + ":05")
}

// NowLocal is the present as such a field takes it.
func (o order) NowLocal() string { return o.page.Now.In(o.Store.Calendar.Zone).Format(localTime) }

// PromiseLocal is the promise in force as such a field takes it.
func (o order) PromiseLocal() string {
	if o.Last.IsZero() {
		return o.NowLocal()
	}
	return o.Last.In(o.Store.Calendar.Zone).Format(localTime)
}

// Source is the board, or the office.
func (o order) Source(s step) string {
	return s.decoded.Source[strings.LastIndexByte(s.decoded.Source, '/')+1:]
}

// By is who recorded, corrected or stated the step, or who did it.
func (o order) By(s step) string {
	if by := s.decoded.Data.Common().By; by != "" {
		return o.Name(by)
	}
	switch e := s.decoded.Data.(type) {
	case *kiosk.Started:
		return o.Name(e.Technician)
	case *kiosk.Resumed:
		return o.Name(e.Technician)
	case *kiosk.Paused:
		return o.Name(e.Technician)
	case *kiosk.Finished:
		return o.Name(e.Technician)
	case *kiosk.Accepted:
		return o.Name(e.Adviser)
	case *kiosk.Signed:
		return o.Name(e.Adviser)
	case *kiosk.Delivered:
		return o.Name(e.Adviser)
	case *kiosk.Passed:
		return o.Name(e.Inspector)
	case *kiosk.Failed:
		return o.Name(e.Inspector)
	}
	return ""
}

// Says is what matters of a step, in a few words.
func (o order) Says(s step) string {
	m := s.decoded.Data.Common()
	parts := []string{}
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	switch e := s.decoded.Data.(type) {
	case *kiosk.Started:
		add(e.Bay)
	case *kiosk.Resumed:
		add(e.Bay)
	case *kiosk.Paused:
		add(o.T("pause." + m.Reason))
		return strings.Join(parts, " · ")
	case *kiosk.Finished:
		add(e.Bay)
	case *kiosk.Signed:
		add(e.Order)
		if e.Promise != nil {
			add(o.T("office.promise") + " " + o.At(*e.Promise))
		}
	case *kiosk.PromiseRevised:
		add("→ " + o.At(e.Promise))
		add(o.T("revision." + m.Reason))
		return strings.Join(parts, " · ")
	case *kiosk.Voided:
		add(o.T("office.of", e.Event))
	case *kiosk.Amended:
		add(o.T("office.of", e.Event))
	case *kiosk.Closed:
		add(o.T("outcome." + e.Outcome))
	case *kiosk.ReworkConfirmed:
		add(e.Earlier + " · " + strings.Join(e.Items, " "))
	case *kiosk.ProposalDeclined:
		add(o.T("office.proposal." + e.Proposal))
	}
	if m.Reason != "" {
		add("“" + clip(m.Reason) + "”")
	}
	return strings.Join(parts, " · ")
}

// Flags are the flags of a step.
func (o order) Flags(s step) []kiosk.Flag { return s.decoded.Data.Common().Flags }

// Data is the event's own data, as text.
func (o order) Data(s step) string {
	var env struct{ Data json.RawMessage }
	_ = json.Unmarshal(s.Event, &env) // it was decoded before
	return string(env.Data)
}

// Correctable says whether a step may be voided or amended: it counts and is no void.
func (o order) Correctable(s step) bool {
	_, void := s.decoded.Data.(*kiosk.Voided)
	_, unknown := s.decoded.Data.(*kiosk.Unknown)
	return s.Counted && !s.Voided && !void && !unknown
}

// Unfinished lists the jobs without a finish, newest last.
func (o order) Unfinished() (out []*kiosk.Work) {
	for _, w := range o.Visit.Works {
		if w.Finished.IsZero() {
			out = append(out, w)
		}
	}
	return out
}

// LastSeen is when a job last changed, as a field for date and time takes it.
func (o order) LastSeen(w *kiosk.Work) string {
	return w.Last().From.In(o.Store.Calendar.Zone).Format(localTime)
}

// Unclosed says whether a job is unclosed by now.
func (o order) Unclosed(w *kiosk.Work) bool { return w.UnclosedAt(o.page.Now) }

// Clocked is how long a job ran, pauses left out.
func (o order) Clocked(w *kiosk.Work) string {
	var sum time.Duration
	for _, s := range w.Spans {
		to := s.To
		if to.IsZero() && w.Running(o.page.Now) {
			to = o.page.Now
		}
		if s.Reason == "" && to.After(s.From) {
			sum += to.Sub(s.From)
		}
	}
	return o.Span(sum)
}

// RevisionReasons lists why a promise may be revised.
func (order) RevisionReasons() []string { return kiosk.RevisionReasons() }

// Outcomes lists how a visit may be closed.
func (order) Outcomes() []string { return kiosk.Outcomes() }

// Wide is how long a stage of the visit lasted and where, for the picture of its day.
type wide struct {
	Stage kiosk.Stage
	X, W  float64
	Text  string
}

// Track is the visit's way through its stages, as parts of a thousand.
func (o order) Track() (out []wide) {
	v := o.Visit
	if !v.Known() {
		return nil
	}
	end := o.page.Now
	if !v.Ended.IsZero() {
		end = v.Ended
	}
	whole := end.Sub(v.Arrived)
	if whole <= 0 {
		return nil
	}
	for i, s := range v.Track {
		from, to := s.At, end
		if i+1 < len(v.Track) {
			to = v.Track[i+1].At
		}
		if from.Before(v.Arrived) {
			from = v.Arrived
		}
		if to.After(end) {
			to = end
		}
		if !to.After(from) {
			continue
		}
		out = append(out, wide{s.Stage, round(float64(from.Sub(v.Arrived)) * 1000 / float64(whole)), round(float64(to.Sub(from)) * 1000 / float64(whole)),
			o.T("stage."+string(s.Stage)) + " " + o.Span(to.Sub(from))})
	}
	return out
}

// PromiseX is where the first promise stands in that picture; below 0: outside.
func (o order) PromiseX() float64 {
	end := o.page.Now
	if !o.Visit.Ended.IsZero() {
		end = o.Visit.Ended
	}
	whole := end.Sub(o.Visit.Arrived)
	if o.First.IsZero() || whole <= 0 || o.First.Before(o.Visit.Arrived) || o.First.After(end) {
		return -1
	}
	return round(float64(o.First.Sub(o.Visit.Arrived)) * 1000 / float64(whole))
}
