package backoffice

import (
	"context"
	"errors"
	"slices"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// bookingPapers is what papers of bookings are called (package booking).
const bookingPapers = "bookings"

// forgetBookings takes the bookings of a list's vehicles and plates out, as far as
// they were imported before the request, and says how many they were. They hold
// keyed hashes and masked plates only; an empty day stays, so that boards are told.
func (o *Office) forgetBookings(ctx context.Context, r *room, list []kiosk.Erasure) (n int, err error) {
	for range 5 { // somebody may import at this moment
		var changed []Paper
		papers, revision, err := o.cfg.Ledger.Papers(ctx, r.Name, bookingPapers)
		if err != nil {
			return 0, err
		}
		n = 0
		for _, p := range papers {
			d, err := wire.DecodeBookings(p.Bytes)
			if err != nil {
				continue // nobody can use it either
			}
			was := len(d.Bookings)
			d.Bookings = slices.DeleteFunc(d.Bookings, func(b wire.Booking) bool {
				return slices.ContainsFunc(list, func(e kiosk.Erasure) bool {
					return !p.At.After(e.At) && (b.Vehicle != "" && b.Vehicle == e.Vehicle || b.PlateKey != "" && slices.Contains(e.Plates, b.PlateKey))
				})
			})
			if len(d.Bookings) == was {
				continue
			}
			n += was - len(d.Bookings)
			if p.Bytes, err = d.Encode(); err != nil {
				return 0, err
			}
			changed = append(changed, p)
		}
		if len(changed) == 0 {
			return 0, nil
		}
		_, err = o.cfg.Ledger.KeepPapers(ctx, r.Name, bookingPapers, revision, changed)
		if err == nil && o.cfg.Forgotten != nil {
			err = o.cfg.Forgotten(ctx, r.Name)
		}
		if !errors.Is(err, ErrPapers) {
			return n, err
		}
	}
	return 0, ErrPapers
}
