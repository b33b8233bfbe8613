package dashboard

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/outlook"
	"baylight/sync/wire"
)

// Office is what the dashboard shows; *backoffice.Office is one.
type Office interface {
	Stores() []backoffice.Store
	Ledger() backoffice.Ledger
	Now() time.Time
	SetupAt(ctx context.Context, store string, position uint64) (wire.Setup, bool, error)
	Record(ctx context.Context, store string, p kiosk.Payload) (kiosk.Event, error)
	Kiosks(store string) ([]backoffice.Kiosk, error)
	Alarms() []backoffice.Alarm
	Counts() backoffice.Counts
	Queued() int
	Watch() (changes <-chan struct{}, stop func())
}

// Config is what a dashboard is made of.
type Config struct {
	Office Office
	Data   Data // nil: a figures.Folder of its own
	// Token opens the API (Authorization: Bearer …). Without one, requests from
	// this machine may read and nobody may record by token.
	Token string
	Door  *staff.Door   // nil: nobody can sign in
	Hosts []string      // host names besides loopback by which the dashboard is reached
	Ready func() error  // nil: always; else why the office is not ready
	Log   *slog.Logger  // nil discards
	Beat  time.Duration // of an idle stream; 15 s if 0

	Metrics  http.Handler                // GET /metrics; nil: there are none
	Audit    *audit.Log                  // nil: sign-ins and exports are not kept
	Bookings func(store string) Importer // nil, or gives nil: no bookings are taken
	Staff    func(store string) Roster   // nil, or gives nil: people and targets are listed and cannot be changed here
	// Risk gives what the open orders of a store risk, by visit; nil: nothing was
	// learnt from history.
	Risk func(ctx context.Context, store string) (map[string]Risk, error)
	// Outlook says how far those can be trusted; nil: nothing was learnt.
	Outlook func(store string) (outlook.Report, error)

	InsecureLAN bool // reached without TLS from beyond loopback: every page says so
}

// Risk is the probability that the promise in force of an open order is missed.
type Risk struct {
	P      float64
	Enough bool   // false: too little history to say
	Reason string // one of Reasons, or ""
}

//go:embed web
var web embed.FS

// Bounds of requests.
const (
	maxBody    = 64 << 10
	maxDays    = 3700
	maxStreams = 256
)

type dashboard struct {
	Config
	pages   *template.Template
	streams chan struct{}
	calls   calls
	once    once
}

// New makes the handler of every path.
func New(cfg Config) (http.Handler, error) {
	if cfg.Office == nil || len(cfg.Office.Stores()) == 0 {
		return nil, errors.New("make dashboard: an office with a store is needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Beat = cmp.Or(cfg.Beat, 15*time.Second)
	if cfg.Data == nil {
		own, err := figures.New(figures.Config{Ledger: cfg.Office.Ledger(), Stores: cfg.Office.Stores(), Now: cfg.Office.Now, Log: cfg.Log})
		if err != nil {
			return nil, fmt.Errorf("make dashboard: %w", err)
		}
		cfg.Data = own
	}
	d := &dashboard{Config: cfg, streams: make(chan struct{}, maxStreams), once: once{make: uuid.NewString}}
	pages, err := template.New("").Funcs(functions()).ParseFS(web, "web/*.html")
	if err != nil {
		return nil, fmt.Errorf("make dashboard: %w", err)
	}
	d.pages = pages
	static, err := fs.Sub(web, "web/static")
	if err != nil {
		return nil, fmt.Errorf("make dashboard: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/{file...}", func(w http.ResponseWriter, r *http.Request) {
		// Only what is there is looked for: a folder is not listed, and no name is an error.
		if st, err := fs.Stat(static, r.PathValue("file")); err != nil || st.IsDir() {
			http.NotFound(w, r)
			return
		}
		http.ServeFileFS(w, r, static, r.PathValue("file"))
	})
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.HandleFunc("GET /signin", d.signinPage)
	mux.HandleFunc("POST /signin", d.signin)
	mux.HandleFunc("POST /signout", d.signout)
	for path, page := range d.paths() {
		mux.HandleFunc(path, d.reading(page.right, page.show))
	}
	mux.HandleFunc("POST /record", d.answering(d.record))
	mux.HandleFunc("POST /bookings", d.answering(d.importBookings))
	mux.HandleFunc("POST /staff", d.answering(d.changeStaff))
	mux.HandleFunc("POST /kpi/targets", d.answering(d.changeTarget))
	mux.HandleFunc("POST /api/v1/events", d.answering(d.postEvent))
	return d.guard(d.knowing(mux)), nil
}

// shown is what may be looked at by who has the right.
type shown struct {
	right Right
	show  func(http.ResponseWriter, *http.Request) error
}

func (d *dashboard) paths() map[string]shown {
	return map[string]shown{
		"GET /{$}": {SeeToday, d.todayPage}, "GET /orders/{id}": {SeeToday, d.orderPage}, "GET /kiosks": {SeeToday, d.kiosksPage},
		"GET /stream": {SeeToday, d.stream}, "GET /metrics": {SeeToday, d.metrics},
		"GET /kpi": {SeeFigures, d.kpiPage}, "GET /kpi/{figure}": {SeeFigures, d.kpiFigure}, "GET /orders": {SeeFigures, d.ordersPage}, "GET /kpi/risk": {SeeFigures, d.riskPage},
		"GET /kpi/appraisal": {SeeScores, d.appraisalPage}, "GET /kpi/reworks": {SeeFigures, d.reworksPage}, "GET /kpi/targets": {SeeFigures, d.targetsPage}, "GET /api/v1/appraisal": {SeeScores, d.apiAppraisal},
		"GET /export/appraisal.csv": {SeeScores, d.exportAppraisal}, "GET /export/appraisal.xlsx": {SeeScores, d.exportAppraisal},
		"GET /report":             {SeeFigures, d.reportPage},
		"GET /export/figures.csv": {SeeFigures, d.exportFigures}, "GET /export/figures.xlsx": {SeeFigures, d.exportFigures},
		"GET /export/orders.csv": {SeeFigures, d.exportOrders}, "GET /export/orders.xlsx": {SeeFigures, d.exportOrders},
		"GET /worklist": {SeeWork, d.worklistPage}, "GET /bookings": {SeeWork, d.importsPage},
		"GET /staff": {SeeStaff, d.staffPage}, "GET /audit": {SeeAudit, d.auditPage},
		"GET /api/v1/kpi": {SeeFigures, d.apiKPI}, "GET /api/v1/orders": {SeeFigures, d.apiOrders}, "GET /api/v1/orders/{id}": {SeeToday, d.apiOrder},
		"GET /api/v1/bays": {SeeToday, d.apiBays}, "GET /api/v1/risk": {SeeFigures, d.apiRisk}, "GET /api/v1/kiosks": {SeeToday, d.apiKiosks}, "GET /api/v1/events": {SeeFigures, d.apiEvents},
	}
}

func (d *dashboard) readyz(w http.ResponseWriter, r *http.Request) {
	err := error(nil)
	if d.Ready != nil {
		err = d.Ready()
	}
	if err == nil {
		_, err = d.Office.Ledger().Position(r.Context())
	}
	if err != nil {
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// metrics are what Config.Metrics says.
func (d *dashboard) metrics(w http.ResponseWriter, r *http.Request) error {
	if d.Metrics == nil {
		return fault(http.StatusNotFound, "", "this back office keeps no metrics")
	}
	d.Metrics.ServeHTTP(w, r)
	return nil
}
