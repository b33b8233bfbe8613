package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// maxBody bounds a request in bytes.
const maxBody = 4 << 10

// Office is what is asked; *backoffice.Office is one.
type Office interface {
	Erase(ctx context.Context, store, vin, by string) (backoffice.Erased, error)
	Erasures(store string) ([]kiosk.Erasure, error)
	Ageing(store string) (backoffice.Ageing, error)
	AgeTo(ctx context.Context, store string, before time.Time, by string) error
	Kiosks(store string) ([]backoffice.Kiosk, error)
	Stores() []backoffice.Store
}

// Request asks to forget who came with a vehicle. The VIN comes in the body: an
// address is written into logs on its way.
type Request struct {
	VIN string `json:"vin,omitempty"`
	// AgedBefore instead of it says that the clock is right: person parts of visits
	// that ended before this day may go by their age. A date, as the store's day.
	AgedBefore string `json:"aged_before,omitempty"`
}

// Retention says how far person parts have gone by their age.
type Retention struct {
	Days   int    `json:"days"`   // they are kept so long after their visit ended; 0: for ever
	Before string `json:"before"` // visits that ended before have none left, RFC 3339; "": none went
	At     string `json:"at"`     // when that was last moved, "": never
	Parts  int    `json:"parts"`  // removed by the last run that removed any, since the start
	Held   int    `json:"held"`   // as old, and kept: their visits are open, or being done again
	Wait   string `json:"wait"`   // why it goes no further, "" if it does
}

// Answer says what became of one.
type Answer struct {
	Store   string    `json:"store"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Vehicle string    `json:"vehicle"` // keyed hash of the VIN
	Visits  int       `json:"visits"`  // that the request names
	Parts   int       `json:"parts"`   // removed from the ledger just now
	// Bookings that were taken out just now.
	Bookings int     `json:"bookings"`
	Boards   []Board `json:"boards"`
}

// Board says how far a board is with the erasures of its store.
type Board struct {
	Name   string `json:"name"`
	Erased int    `json:"erased"` // requests it has applied, as it last said
	Open   int    `json:"open"`   // requests that it has not
}

// Config is what a Handler is made of.
type Config struct {
	Office Office
	// May says who asks, or why they may not: an HTTP status and a sentence.
	May func(*http.Request) (who string, status int, why string)
	// Audit writes down that somebody asked, before it is done.
	Audit func(r *http.Request, who, store, detail string) error
	Log   *slog.Logger
}

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// Handler answers POST and GET /api/v1/erasures?store=…
func Handler(c Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, status, why := c.May(r)
		if status != 0 {
			refuse(w, status, why)
			return
		}
		store := r.URL.Query().Get("store")
		if all := c.Office.Stores(); store == "" && len(all) == 1 {
			store = all[0].Name
		}
		if _, err := c.Office.Erasures(store); err != nil {
			refuse(w, http.StatusNotFound, "store is missing or is none of ours: /api/v1/erasures?store=…")
			return
		}
		if r.Method == http.MethodGet {
			c.list(w, store)
			return
		}
		c.erase(w, r, store, who)
	})
}

func (c Config) erase(w http.ResponseWriter, r *http.Request, store, who string) {
	var in Request
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil || in.VIN != "" && in.AgedBefore != "" {
		refuse(w, http.StatusBadRequest, `the body is {"vin":"…"} or {"aged_before":"yyyy-mm-dd"}`)
		return
	}
	if in.AgedBefore != "" {
		c.age(w, r, store, who, in.AgedBefore)
		return
	}
	if err := c.Audit(r, who, store, "a vehicle's person parts"); err != nil {
		c.Log.Error("erasure not begun: it cannot be written down", "store", store, "err", err)
		refuse(w, http.StatusInternalServerError, "nothing was erased: it cannot be written down; the log says why")
		return
	}
	// Whoever asked may have gone: what has begun is ended.
	out, err := c.Office.Erase(context.WithoutCancel(r.Context()), store, in.VIN, who)
	switch {
	case errors.Is(err, backoffice.ErrBadVIN):
		refuse(w, http.StatusUnprocessableEntity, backoffice.ErrBadVIN.Error())
	case err != nil:
		c.Log.Error("erasure not finished", "store", store, "err", err)
		refuse(w, http.StatusInternalServerError, "the request is kept, but not all of it is done; ask again, the log says why")
	default:
		a := c.answer(store, out.Erasure)
		a.Parts, a.Bookings = out.Parts, out.Bookings
		write(w, "application/json", http.StatusOK, a)
	}
}

// age lets person parts go by their age where the clock alone is not believed.
func (c Config) age(w http.ResponseWriter, r *http.Request, store, who, day string) {
	i := slices.IndexFunc(c.Office.Stores(), func(s backoffice.Store) bool { return s.Name == store })
	before, err := time.ParseInLocation(time.DateOnly, day, c.Office.Stores()[i].Calendar.Zone)
	if err != nil {
		refuse(w, http.StatusBadRequest, "aged_before is no day, as 2026-11-03")
		return
	}
	if err := c.Audit(r, who, store, "person parts of visits that ended before "+day+" may go by their age"); err != nil {
		c.Log.Error("nothing removed by its age: it cannot be written down", "store", store, "err", err)
		refuse(w, http.StatusInternalServerError, "nothing was removed: it cannot be written down; the log says why")
		return
	}
	err = c.Office.AgeTo(context.WithoutCancel(r.Context()), store, before, who)
	switch {
	case errors.Is(err, backoffice.ErrNotOld):
		refuse(w, http.StatusUnprocessableEntity, err.Error())
	case err != nil:
		c.Log.Error("removing by age not finished", "store", store, "err", err)
		refuse(w, http.StatusInternalServerError, "not all of it is done; it is tried again, the log says why")
	default:
		write(w, "application/json", http.StatusOK, map[string]any{"store": store, "retention": c.retention(store)})
	}
}

func (c Config) retention(store string) Retention {
	a, _ := c.Office.Ageing(store) // the store is ours
	out := Retention{Days: a.Days, Parts: a.Parts, Held: a.Held, Wait: a.Wait}
	if !a.Before.IsZero() {
		out.Before = a.Before.Format(time.RFC3339)
	}
	if !a.At.IsZero() {
		out.At = a.At.Format(time.RFC3339)
	}
	return out
}

func (c Config) list(w http.ResponseWriter, store string) {
	all, err := c.Office.Erasures(store)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	out := make([]Answer, 0, len(all))
	for _, e := range all {
		out = append(out, c.answer(store, e))
	}
	write(w, "application/json", http.StatusOK, map[string]any{"store": store, "erasures": out, "retention": c.retention(store)})
}

func (c Config) answer(store string, e kiosk.Erasure) Answer {
	a := Answer{Store: store, At: e.At, By: e.By, Vehicle: e.Vehicle, Visits: len(e.Visits), Boards: []Board{}}
	all, _ := c.Office.Erasures(store)
	boards, _ := c.Office.Kiosks(store) // the store is ours
	for _, k := range boards {
		a.Boards = append(a.Boards, Board{k.Name, k.Health.Erased, max(0, len(all)-k.Health.Erased)})
	}
	return a
}

func refuse(w http.ResponseWriter, status int, detail string) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="baylight"`)
	}
	write(w, "application/problem+json", status, problem{"about:blank", http.StatusText(status), status, detail})
}

func write(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader may have gone
}
