package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Office is the back office behind; *backoffice.Office is one.
type Office interface {
	Stores() []backoffice.Store
	Ledger() backoffice.Ledger
	TakeIn(ctx context.Context, store string, b backoffice.Batch) (backoffice.Outcome, error)
}

// What somebody wants to do.
const (
	Export        = "export"
	ExportPersons = "export persons"
	Import        = "import"
)

// Config is what the handlers are made of.
type Config struct {
	Office Office
	Dir    string // where imports wait while they are checked
	// May says who asks, or why they may not do what they want.
	May func(r *http.Request, what string) (who string, err error)
	// Room is how many bytes the disk of Dir has to spare; nil: enough.
	Room     func() int
	MaxBytes int64 // of an import; 8 GiB if 0
	// Audit keeps who took events out or brought them, before it happens; an error
	// stops it. nil: nothing is kept.
	Audit func(r *http.Request, what, who, store, detail string) error
	Log   *slog.Logger
}

// MaxImport is the largest import, unless Config says otherwise.
const MaxImport = 8 << 30

// Position is the trailer that says how far an export went.
const Position = "Baylight-Position"

// patience is how long a body may pause.
const patience = 30 * time.Second

// often is after how many bytes a body is given more time.
const often = 256 << 10

type handler struct {
	Config
	one chan struct{} // holds a token while an import runs
}

// New makes the handlers of POST /api/v1/import and GET /api/v1/export.
func New(c Config) (imports, exports http.Handler, err error) {
	if c.Office == nil || c.May == nil || c.Dir == "" {
		return nil, nil, errors.New("make transfer: an office, a folder and who may are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = MaxImport
	}
	if c.Audit == nil {
		c.Audit = func(*http.Request, string, string, string, string) error { return nil }
	}
	h := &handler{Config: c, one: make(chan struct{}, 1)}
	return http.HandlerFunc(h.serveImport), http.HandlerFunc(h.serveExport), nil
}

// problem is RFC 9457's problem details, with the lines that are bad.
type problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail"`
	Parameter string  `json:"parameter,omitempty"`
	Errors    []Fault `json:"errors,omitempty"`
	Bad       int     `json:"bad,omitempty"` // lines; more than errors has, perhaps
}

func refuse(w http.ResponseWriter, status int, parameter, detail string) {
	write(w, problem{Status: status, Detail: detail, Parameter: parameter})
}

func write(w http.ResponseWriter, p problem) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="baylight"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the reader may have gone
}

// Refused is a request that may not do what it asks for.
type Refused struct {
	Status int // 401 or 403
	Detail string
}

func (r *Refused) Error() string { return r.Detail }

// enter says who asks and about which store; it has answered if not ok.
func (h *handler) enter(w http.ResponseWriter, r *http.Request, what string) (who string, store backoffice.Store, ok bool) {
	who, err := h.May(r, what)
	if err != nil {
		status := http.StatusForbidden
		if refused := (*Refused)(nil); errors.As(err, &refused) {
			status = refused.Status
		}
		refuse(w, status, "Authorization", err.Error())
		return "", store, false
	}
	stores := h.Office.Stores()
	name := r.URL.Query().Get("store")
	if name == "" && len(stores) == 1 {
		return who, stores[0], true
	}
	for _, s := range stores {
		if s.Name == name {
			return who, s, true
		}
	}
	if name == "" {
		refuse(w, http.StatusBadRequest, "store", "store is missing: /api/v1/"+what+"?store=…")
	} else {
		refuse(w, http.StatusNotFound, "store", fmt.Sprintf("store %.40q is none of ours", name))
	}
	return who, store, false
}

func (h *handler) serveImport(w http.ResponseWriter, r *http.Request) {
	who, store, ok := h.enter(w, r, Import)
	if !ok {
		return
	}
	select {
	case h.one <- struct{}{}:
		defer func() { <-h.one }()
	default:
		refuse(w, http.StatusConflict, "", "another import is going on; try again when it has ended")
		return
	}
	body := &slow{r: http.MaxBytesReader(w, r.Body, h.MaxBytes), control: http.NewResponseController(w), since: often}
	f, err := h.spool(r.Context(), store.Name, body)
	if err != nil {
		h.failed(w, err)
		return
	}
	defer f.Close()
	if !h.audited(w, r, Import, who, store.Name, "events from a file") {
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	answer, control := json.NewEncoder(w), http.NewResponseController(w)
	last, err := h.commit(r.Context(), store.Name, f, func(p Progress) {
		p.Problems = nil     // said at the end
		_ = answer.Encode(p) // the import goes on without a listener, until its
		_ = control.Flush()  // context ends: what is committed is committed
	})
	if err != nil {
		h.Log.Error("import", "store", store.Name, "by", who, "lines", last.Lines, "err", err)
		last.Error = "the ledger does not take events; the office's log says why. Import again when it does: nothing counts twice"
	}
	h.Log.Info("import ends", "store", store.Name, "by", who, "lines", last.Lines, "added", last.Added, "duplicates", last.Duplicates, "conflicts", last.Conflicts)
	_ = answer.Encode(last)
}

// audited keeps who does what; it has answered if not ok.
func (h *handler) audited(w http.ResponseWriter, r *http.Request, what, who, store, detail string) bool {
	h.Log.Info(what, "store", store, "by", who, "what", detail)
	if err := h.Audit(r, what, who, store, detail); err != nil {
		h.Log.Error("audit log", "err", err)
		refuse(w, http.StatusInternalServerError, "", "nothing was done: the audit log could not be written; the office's log says why")
		return false
	}
	return true
}

// failed answers an import of which nothing was committed.
func (h *handler) failed(w http.ResponseWriter, err error) {
	var faults *Faults
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &faults):
		write(w, problem{Status: http.StatusUnprocessableEntity, Detail: "nothing was imported: " + err.Error(), Errors: faults.First, Bad: faults.Total})
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "", fmt.Sprintf("nothing was imported: the body has more than %d bytes; split the file at a line's end", h.MaxBytes))
	case errors.Is(err, errFull):
		refuse(w, http.StatusInsufficientStorage, "", "nothing was imported: "+errFull.Error())
	default:
		h.Log.Error("import", "err", err)
		refuse(w, http.StatusBadRequest, "", "nothing was imported: the body could not be read to its end")
	}
}

// slow gives a long body as much time as it needs, as long as it moves.
type slow struct {
	r       io.Reader
	control *http.ResponseController
	since   int
}

func (s *slow) Read(b []byte) (int, error) {
	if s.since >= often {
		s.since = 0
		_ = s.control.SetReadDeadline(time.Now().Add(patience)) // a server without deadlines needs none
	}
	n, err := s.r.Read(b)
	s.since += n
	return n, err
}

func (h *handler) serveExport(w http.ResponseWriter, r *http.Request) {
	what := Export
	if r.URL.Query().Get("persons") == "1" {
		what = ExportPersons
	}
	who, store, ok := h.enter(w, r, what)
	if !ok {
		return
	}
	q, ok := h.query(w, r, store)
	if !ok {
		return
	}
	if _, gives := h.Office.Ledger().(PersonReader); q.Persons && !gives {
		refuse(w, http.StatusNotImplemented, "persons", errNoPersons.Error())
		return
	}
	if !h.audited(w, r, what, who, store.Name, fmt.Sprintf("events after position %d through %d", q.After, q.Through)) {
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Trailer", Position)
	out := bufio.NewWriterSize(w, 1<<16)
	last, err := h.export(r.Context(), q, out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		if r.Context().Err() == nil {
			h.Log.Error("export", "store", store.Name, "after", last, "err", err)
		}
		panic(http.ErrAbortHandler) // whoever reads must see that it is not whole
	}
	w.Header().Set(Position, strconv.FormatUint(last, 10))
}

// query reads what to export; it has answered if not ok.
func (h *handler) query(w http.ResponseWriter, r *http.Request, s backoffice.Store) (q Query, ok bool) {
	v := r.URL.Query()
	q = Query{Store: s.Name, Persons: v.Get("persons") == "1"}
	bad := func(parameter, format string, args ...any) (Query, bool) {
		refuse(w, http.StatusBadRequest, parameter, fmt.Sprintf(format, args...))
		return q, false
	}
	if p := v.Get("persons"); p != "" && p != "0" && p != "1" {
		return bad("persons", "persons %.40q is not 0 or 1", p)
	}
	for name, into := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if text := v.Get(name); text != "" {
			day, err := time.ParseInLocation(time.DateOnly, text, s.Calendar.Zone)
			if err != nil {
				return bad(name, "%s %.40q is not a day of the calendar such as 2026-11-30", name, text)
			}
			*into = day
		}
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return bad("to", "to %s is not after from %s; the period runs from from up to, not including, to", v.Get("to"), v.Get("from"))
	}
	if text := v.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return bad("after", "after %.40q is not a position", text)
		}
		q.After = n
	}
	var err error
	if q.Through, err = h.Office.Ledger().Position(r.Context()); err == nil && v.Get("after_event") != "" {
		var row backoffice.Row
		var found bool
		if row, found, err = h.Office.Ledger().Event(r.Context(), s.Name, v.Get("after_event")); err == nil {
			if !found || kiosk.HashOf(row.Bytes).String() != v.Get("after_hash") {
				refuse(w, http.StatusConflict, "after_event", fmt.Sprintf("event %.80q with that hash is not in this ledger: the file is from elsewhere", v.Get("after_event")))
				return q, false
			}
			q.After = row.Position
		}
	}
	if err != nil {
		h.Log.Error("export", "store", s.Name, "err", err)
		refuse(w, http.StatusInternalServerError, "", "the back office could not read its ledger; its log says why")
		return q, false
	}
	return q, true
}
