package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// maxReason bounds why a target is changed, in bytes.
const maxReason = 200

// Target is what the store wants to reach in a figure, as it was changed here. It
// stands whatever the configuration says.
type Target struct {
	Name   string    `json:"name"`   // of kpi.Measures
	Target *int64    `json:"target"` // in the measure's unit; nil: none
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

// ChangeTarget changes a target, as by says, and why. At and By are filled in. It
// returns once the change is durable, and does nothing if the target is that
// already. With ErrNotHeld of the back office nothing was changed.
func (r *Roster) ChangeTarget(ctx context.Context, by string, t Target) error {
	t.Reason = strings.TrimSpace(t.Reason)
	if err := checkTarget(t); err != nil {
		return err
	}
	t.At, t.By = r.Now(), by
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patient)
	defer cancel()
	if err := r.revise(ctx, func(s *state) (bool, error) {
		was, there := s.setup(r).Targets[t.Name]
		if there == (t.Target != nil) && (!there || was == *t.Target) {
			return false, nil
		}
		before := "none"
		if there {
			before = strconv.FormatInt(was, 10)
		}
		s.targets[t.Name] = t
		return true, s.owe(by, "target "+t.Name+": "+before+" → "+t.text()+"; "+t.Reason)
	}); err != nil {
		return err
	}
	r.Log.Info("target changed", "store", r.Store, "target", t.Name, "is", t.text(), "by", by)
	if err := r.settle(ctx); err != nil && !errors.Is(err, backoffice.ErrNotHeld) {
		return fmt.Errorf("record target %s: it is in force, but not in the ledger yet: %w", t.Name, err)
	}
	return nil
}

func checkTarget(t Target) error {
	m, err := kpi.MeasureOf(t.Name)
	if err == nil && t.Target != nil {
		err = kpi.CheckTarget(t.Name, *t.Target)
	}
	switch {
	case err != nil:
		return wrong("target", "%v", err)
	case t.Target != nil && *t.Target > m.Highest():
		return wrong("target", "%s = %d is above %d", t.Name, *t.Target, m.Highest())
	case t.Reason == "":
		return wrong("reason", "a change of a target needs its reason")
	case len(t.Reason) > maxReason:
		return wrong("reason", "the reason has %d bytes, at most %d are allowed", len(t.Reason), maxReason)
	}
	return nil
}

func (t Target) text() string {
	if t.Target == nil {
		return "none"
	}
	return strconv.FormatInt(*t.Target, 10)
}

// Targets are those that were changed here, by name.
func (r *Roster) Targets() []Target {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.listed()
}

func (s state) listed() []Target {
	return slices.SortedFunc(maps.Values(s.targets), func(a, b Target) int { return cmp.Compare(a.Name, b.Name) })
}

// aimed are the targets of a configuration with what was changed here.
func (s state) aimed(configured map[string]int64) map[string]int64 {
	if len(s.targets) == 0 {
		return configured
	}
	out := map[string]int64{}
	maps.Copy(out, configured)
	for name, t := range s.targets {
		if delete(out, name); t.Target != nil {
			out[name] = *t.Target
		}
	}
	return out
}
