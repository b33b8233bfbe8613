package roster

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
)

// Person is somebody as the API shows them.
type Person struct {
	ID    string       `json:"id"`
	Name  string       `json:"name"`
	Badge string       `json:"badge,omitempty"` // the ten middle characters
	Code  string       `json:"code,omitempty"`  // what the badge says, to print it
	Roles []staff.Role `json:"roles"`
	Team  string       `json:"team,omitempty"`
	PIN   bool         `json:"pin"` // can sign in
	// Of a person changed here: when and by whom last. Removed people stay listed.
	Changed *time.Time `json:"changed,omitempty"`
	By      string     `json:"by,omitempty"`
	Removed bool       `json:"removed,omitempty"`
}

func (r *Roster) shown(e entry) Person {
	p := person(e.person())
	at := e.At
	p.Changed, p.By, p.Removed = &at, e.By, e.Removed
	return p
}

func person(p staff.Person) Person {
	out := Person{ID: p.ID, Name: p.Name, Badge: p.Badge, Roles: p.Roles, Team: p.Team, PIN: p.PIN != ""}
	if out.Roles == nil {
		out.Roles = []staff.Role{}
	}
	if p.Badge != "" {
		out.Code = kiosk.MakeCode(kiosk.KindBadge, p.Badge)
	}
	return out
}

// List is everybody, by id, also who was removed here.
func (r *Roster) List() (out []Person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.now.people(r) {
		if e, here := r.now.changed[p.ID]; here {
			out = append(out, r.shown(e))
		} else {
			out = append(out, person(p))
		}
	}
	for _, e := range r.now.changed {
		if e.Removed {
			out = append(out, r.shown(e))
		}
	}
	slices.SortFunc(out, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// maxBody bounds a change, in bytes.
const maxBody = 16 << 10

// Handler answers GET and POST /api/v1/staff?store=…. may is the id of the
// manager who is signed in, "" for the token (who speaks is then named in the
// body), or a status and why not; rosters gives the roster of a store.
func Handler(may func(*http.Request) (by string, status int, why string), rosters func(store string) *Roster) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		by, status, why := may(req)
		if status != 0 {
			refuse(w, status, "Authorization", why)
			return
		}
		r := rosters(req.URL.Query().Get("store"))
		if r == nil {
			refuse(w, http.StatusNotFound, "store", "store is missing or is none of ours: /api/v1/staff?store=…")
			return
		}
		if req.Method == http.MethodGet {
			answer(w, map[string]any{"store": r.Store, "people": append([]Person{}, r.List()...)})
			return
		}
		r.change(w, req, by)
	})
}

func (r *Roster) change(w http.ResponseWriter, req *http.Request, by string) {
	var c Change
	dec := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil || dec.More() {
		refuse(w, http.StatusBadRequest, "body", fmt.Sprintf("read body: it is one object of id, name, badge, roles, team, pin, remove and by: %v", err))
		return
	}
	if by == "" {
		p, ok := r.People.Person(c.By)
		manager := slices.ContainsFunc(r.People.All(), func(p staff.Person) bool { return p.Has(staff.Manager) })
		switch {
		case ok && p.Has(staff.Manager):
			by = c.By
		case !manager && c.By == "": // somebody has to be the first
			by = "token"
		default:
			refuse(w, http.StatusForbidden, "by", fmt.Sprintf("by %.40q is no manager of store %s", c.By, r.Store))
			return
		}
	} else if c.By != "" && c.By != by {
		refuse(w, http.StatusForbidden, "by", fmt.Sprintf("%s is signed in and cannot speak as %.40q", by, c.By))
		return
	}
	p, err := r.Change(req.Context(), by, c)
	if bad := (*Wrong)(nil); errors.As(err, &bad) {
		status := http.StatusBadRequest
		if bad.Conflict {
			status = http.StatusConflict
		}
		refuse(w, status, bad.Field, bad.Detail)
		return
	}
	if errors.Is(err, backoffice.ErrNotHeld) {
		refuse(w, http.StatusConflict, "store", err.Error())
		return
	}
	if err != nil {
		r.Log.Error("change staff", "store", r.Store, "err", err)
		refuse(w, http.StatusInternalServerError, "", "the change could not be kept or recorded; the office's log says which")
		return
	}
	answer(w, map[string]any{"store": r.Store, "person": p})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the reader may have gone
}

// refuse answers with RFC 9457's problem details.
func refuse(w http.ResponseWriter, status int, parameter, detail string) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="baylight"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail, "parameter": parameter})
}
