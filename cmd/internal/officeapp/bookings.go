package officeapp

import (
	"crypto/subtle"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/booking"
	"baylight/sync/link"
)

// bookings are the books of the stores by their names.
type bookings map[string]*booking.Book

// open makes the book of one store.
func (b bookings) open(set *settings.Office, s settings.Store, l *link.Link, o Options) (*booking.Book, error) {
	zone := s.Calendar.Zone
	if zone == nil {
		zone = time.UTC
	}
	book, err := booking.Open(booking.Config{Store: s.Name, Dir: filepath.Join(set.Data, "bookings", s.Name), Key: s.Key, Zone: zone,
		Now: func() time.Time { return o.Clock.Now().Wall }, Link: l, Log: o.Log})
	if err == nil {
		b[s.Name] = book
	}
	return book, err
}

// before puts the import of bookings before the other pages: it has a larger body
// than any of them.
func (b bookings) before(next http.Handler, set *settings.Office, door *staff.Door) http.Handler {
	may := func(r *http.Request) bool {
		if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && set.Token != "" {
			return subtle.ConstantTimeCompare([]byte(given), []byte(set.Token)) == 1
		}
		p, _, ok := door.Who(staff.CookieToken(r))
		return ok && p.Has(staff.Adviser, staff.Manager) && staff.CheckOrigin(r) == nil
	}
	imports := booking.Handler(may, func(store string) *booking.Book {
		if store == "" && len(b) == 1 {
			store = set.Stores[0].Name
		}
		return b[store]
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/bookings" {
			next.ServeHTTP(w, r)
			return
		}
		if err := staff.CheckHost(r, set.HTTP.Hosts); err != nil {
			http.Error(w, err.Error(), http.StatusMisdirectedRequest)
			return
		}
		imports.ServeHTTP(w, r)
	})
}
