package officeapp

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"

	"baylight/cmd/internal/settings"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/erasure"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/openapi"
	"baylight/sync/backoffice/transfer"
)

// front stands before the dashboard: what has larger bodies, or other rights,
// than its pages. Routes are "METHOD /path"; a path that ends in / is all below it.
type front struct {
	set    *settings.Office
	door   *staff.Door
	routes map[string]http.Handler
}

// before puts the routes before next.
func (f front) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if under := "/schemas/"; strings.HasPrefix(path, under) {
			path = under
		}
		h := f.routes[r.Method+" "+path]
		if h == nil {
			next.ServeHTTP(w, r)
			return
		}
		if err := staff.CheckHost(r, f.set.HTTP.Hosts); err != nil {
			refuse(w, http.StatusMisdirectedRequest, err)
			return
		}
		if err := staff.CheckOrigin(r); r.Method != http.MethodGet && !f.token(r) && err != nil {
			refuse(w, http.StatusForbidden, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}

// refuse writes RFC 9457's problem details.
func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": err.Error()}) // the reader may have gone
}

// token says whether a request brings the office's token.
func (f front) token(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && f.set.Token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(f.set.Token)) == 1
}

// who is the person signed in with one of the roles, or "token".
func (f front) who(r *http.Request, roles ...staff.Role) (string, error) {
	if f.token(r) {
		return "token", nil
	}
	p, _, ok := f.door.Who(staff.CookieToken(r))
	switch {
	case !ok:
		return "", &transfer.Refused{Status: http.StatusUnauthorized, Detail: "sign in, or bring the token: Authorization: Bearer …"}
	case len(roles) > 0 && !p.Has(roles...):
		return "", &transfer.Refused{Status: http.StatusForbidden, Detail: p.ID + " may not do this; it takes " + names(roles)}
	case r.Method != http.MethodGet && staff.CheckOrigin(r) != nil:
		return "", &transfer.Refused{Status: http.StatusForbidden, Detail: staff.CheckOrigin(r).Error()}
	}
	return p.ID, nil
}

func names(roles []staff.Role) string {
	out := make([]string, 0, len(roles))
	for _, r := range roles {
		out = append(out, string(r))
	}
	return strings.Join(out, " or ")
}

// mayTransfer: whoever may read may export; person parts leave, and events are
// brought, by the manager or with the token.
func (f front) mayTransfer(r *http.Request, what string) (string, error) {
	if what == transfer.Export {
		if f.set.Token == "" && local(r) {
			return "this machine", nil
		}
		return f.who(r)
	}
	return f.who(r, staff.Manager)
}

// mayVerify: the manager, or the token; without a token also this machine, which
// may read figures anyway, as long as nothing is repaired.
func (f front) mayVerify(r *http.Request) (status int, why string) {
	if f.set.Token == "" && local(r) && staff.CheckOrigin(r) == nil && r.URL.Query().Get("repair") != "true" {
		return 0, ""
	}
	_, err := f.who(r, staff.Manager)
	if refused := (*transfer.Refused)(nil); errors.As(err, &refused) {
		return refused.Status, refused.Detail
	}
	return 0, ""
}

// mayErase: the manager, or the token.
func (f front) mayErase(r *http.Request) (who string, status int, why string) {
	who, err := f.who(r, staff.Manager)
	if refused := (*transfer.Refused)(nil); errors.As(err, &refused) {
		return "", refused.Status, refused.Detail
	}
	return who, 0, ""
}

// fill makes the routes.
func (f *front) fill(office *backoffice.Office, told *figures.Folder, books bookings, rolls rosters, seen *audit.Log, log *slog.Logger) error {
	imports, exports, err := transfer.New(transfer.Config{Office: office, Dir: f.set.Data, May: f.mayTransfer, Log: log, Room: func() int { return room(f.set.Data) },
		Audit: func(r *http.Request, what, who, store, detail string) error {
			kind := audit.Exported
			if what == transfer.Import {
				kind = audit.Imported
			}
			if what == transfer.ExportPersons {
				detail += ", with person parts"
			}
			return seen.Add(audit.Entry{What: kind, Who: who, From: staff.Address(r), Store: store, Detail: detail})
		}})
	if err != nil {
		return err
	}
	forget := erasure.Handler(erasure.Config{Office: office, May: f.mayErase, Log: log, Audit: func(r *http.Request, who, store, detail string) error {
		return seen.Add(audit.Entry{What: audit.Erased, Who: who, From: staff.Address(r), Store: store, Detail: detail})
	}})
	f.routes = map[string]http.Handler{
		"GET /api/v1/erasures":  forget,
		"POST /api/v1/erasures": forget,
		"POST /api/v1/bookings": books.handler(*f),
		"POST /api/v1/import":   imports,
		"POST /api/v1/verify":   figures.Handler(told, f.mayVerify),
		"GET /api/v1/export":    exports,
		"GET /api/v1/staff":     rolls.handler(*f),
		"POST /api/v1/staff":    rolls.handler(*f),

		"GET /api/v1/openapi.json":  openapi.Handler(),
		"GET /api/v1/asyncapi.json": openapi.Handler(),
		"GET /schemas/":             openapi.Handler(),
	}
	return nil
}

// spare is what an import leaves to the ledger, in bytes.
const spare = 256 << 20

// room is how many bytes the disk of a folder has to spare; as many as it likes
// if that cannot be told.
func room(dir string) int {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return math.MaxInt
	}
	return int(min(s.Bavail*uint64(max(s.Bsize, 0)), math.MaxInt)) - spare
}

func local(r *http.Request) bool {
	ip := net.ParseIP(staff.Address(r))
	return ip != nil && ip.IsLoopback()
}
