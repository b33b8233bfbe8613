package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"baylight/sync/backoffice"
)

// Verified is the answer to POST /api/v1/verify.
type Verified struct {
	Store       string   `json:"store"`
	AsOf        uint64   `json:"as_of"` // position
	Visits      int      `json:"visits"`
	Days        int      `json:"days"`
	Differences []string `json:"differences"` // what was found, at most 1,000 by name
	More        int      `json:"more"`        // found beside those named
	Repaired    bool     `json:"repaired"`    // it was folded anew, and then nothing was found
	Error       string   `json:"error"`       // why it ended early; "" if it did not
	Damaged     []string `json:"damaged"`     // events that are not what came, at most 1,000 by name; then nothing is compared or repaired
}

// Handler answers POST /api/v1/verify?store=…&repair=true|false. may says with
// which status and why somebody may not; 0 if they may. The answer begins at once
// and ends when the verification does.
func Handler(f *Folder, may func(r *http.Request) (status int, why string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, why := may(r)
		store, repair := r.URL.Query().Get("store"), r.URL.Query().Get("repair")
		if store == "" && len(f.cfg.Stores) == 1 {
			store = f.cfg.Stores[0].Name
		}
		parameter := ""
		switch {
		case status != 0:
		case f.rooms[store] == nil:
			var names []string
			for _, s := range f.cfg.Stores {
				names = append(names, s.Name)
			}
			slices.Sort(names)
			status, why, parameter = http.StatusBadRequest, fmt.Sprintf("store %.60q is not one of %s", store, strings.Join(names, ", ")), "store"
		case !slices.Contains([]string{"", "true", "false"}, repair):
			status, why, parameter = http.StatusBadRequest, fmt.Sprintf("repair %.20q is not true or false", repair), "repair"
		}
		if status != 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": why, "parameter": parameter})
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = http.NewResponseController(w).Flush() // the reader sees that it has begun
		_ = json.NewEncoder(w).Encode(f.verified(r, store, repair == "true"))
	})
}

func (f *Folder) verified(r *http.Request, store string, repair bool) (out Verified) {
	out = Verified{Store: store, Differences: []string{}, Damaged: []string{}}
	report, err := f.Verify(r.Context(), store)
	if out.damaged(err) {
		return out
	}
	if err != nil && (!repair || r.Context().Err() != nil) {
		out.Error = err.Error()
		return out
	}
	if err != nil { // what is kept cannot be read, a table is gone perhaps: that is a difference, too
		report = &Report{Differences: []Difference{{What: err.Error()}}}
	}
	out.AsOf, out.Visits, out.Days, out.More = report.AsOf, report.Visits, report.Days, report.More
	for _, d := range report.Differences {
		out.Differences = append(out.Differences, d.String())
	}
	if !repair || len(out.Differences) == 0 {
		return out
	}
	f.log.Warn("figures are folded anew", "store", store, "differences", len(out.Differences)+out.More)
	report, err = f.Repair(r.Context(), store)
	if err == nil {
		out.AsOf, out.Visits, out.Days = report.AsOf, report.Visits, report.Days
	}
	switch {
	case out.damaged(err):
	case err != nil:
		out.Error = err.Error()
	case len(report.Differences) > 0:
		out.Error = fmt.Sprintf("folded anew, %d differences are left; the first: %s", len(report.Differences)+report.More, report.Differences[0])
	default:
		out.Repaired = true
	}
	return out
}

// damaged takes over what is wrong with events, if that is why something ended.
func (v *Verified) damaged(err error) bool {
	var damage *backoffice.DamageError
	if !errors.As(err, &damage) {
		return false
	}
	for _, d := range damage.Found {
		v.Damaged = append(v.Damaged, d.String())
	}
	v.Error = fmt.Sprintf("%d events are damaged; figures are neither compared nor repaired, and those that are kept stay as they are. %s", len(damage.Found)+damage.More, backoffice.Mend)
	return true
}
