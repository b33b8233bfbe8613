package officeapp

import (
	"context"
	"net/http"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/dashboard"
)

// bookings are the books of the stores by their names.
type bookings map[string]*booking.Book

// open makes the book of one store.
func (b bookings) open(ctx context.Context, on *shelf, s settings.Store, l *storeLine, o Options) (*booking.Book, error) {
	zone := s.Calendar.Zone
	if zone == nil {
		zone = time.UTC
	}
	book, err := booking.Open(ctx, booking.Config{Store: s.Name, Papers: on, Key: s.Key, Zone: zone,
		Now: func() time.Time { return o.Clock.Now().Wall }, Link: l, Log: o.Log})
	if err == nil {
		b[s.Name] = book
	}
	return book, err
}

// handler answers POST /api/v1/bookings.
func (b bookings) handler(f front) http.Handler {
	may := func(r *http.Request) bool {
		_, err := f.who(r, staff.Adviser, staff.Manager)
		return err == nil
	}
	return booking.Handler(may, func(store string) *booking.Book {
		if store == "" && len(b) == 1 {
			store = f.set.Stores[0].Name
		}
		return b[store]
	})
}

// importer is the book of a store for the dashboard's page, nil if there is none.
func (b bookings) importer(store string) dashboard.Importer {
	if book := b[store]; book != nil {
		return book
	}
	return nil
}
