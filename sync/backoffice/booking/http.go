package booking

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"baylight/sync/backoffice"
)

// problem is RFC 9457's problem details with the lines that are wrong.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors Faults `json:"errors,omitempty"`
}

// Handler answers POST /api/v1/bookings?store=…: the body is an import. may says
// whether a request may import; books gives the book of a store, nil if there is none.
func Handler(may func(*http.Request) bool, books func(store string) *Book) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		book := books(r.URL.Query().Get("store"))
		switch {
		case !may(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="baylight"`)
			refuse(w, http.StatusUnauthorized, "sign in as adviser or manager, or bring the token: Authorization: Bearer …", nil)
			return
		case book == nil:
			refuse(w, http.StatusNotFound, "store is missing or is none of ours: /api/v1/bookings?store=…", nil)
			return
		}
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBytes))
		if err != nil {
			status := http.StatusBadRequest
			if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
				status = http.StatusRequestEntityTooLarge
			}
			refuse(w, status, "read body: "+err.Error(), nil)
			return
		}
		counts, ignored, err := book.Import(raw)
		var faults Faults
		switch {
		case errors.As(err, &faults):
			refuse(w, http.StatusUnprocessableEntity, "nothing was imported", faults)
			return
		case errors.Is(err, backoffice.ErrNotHeld):
			refuse(w, http.StatusConflict, err.Error(), nil)
			return
		case err != nil:
			book.Log.Error("import bookings", "store", book.Store, "error", err)
			refuse(w, http.StatusInternalServerError, "it is open whether the bookings are kept; the log says why, import them again", nil)
			return
		}
		write(w, "application/json", http.StatusOK, map[string]any{"store": book.Store, "days": counts, "ignored": append([]string{}, ignored...)})
	})
}

func refuse(w http.ResponseWriter, status int, detail string, faults Faults) {
	write(w, "application/problem+json", status, problem{"about:blank", http.StatusText(status), status, detail, faults})
}

func write(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader may have gone
}
