package backoffice

import (
	"context"
	"errors"
	"fmt"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// ErrOlder is the error of Run when a receipt stands on the broker that this
// ledger gave and that covers more than it holds: an older copy of its file was
// put in its place. The boards ignore lower receipts of one ledger, so it needs a
// new id before it can go on.
var ErrOlder = errors.New("the ledger is an older copy of itself")

// compare holds a retained receipt against the ledger.
func (o *Office) compare(ctx context.Context, t wire.Topic, payload []byte) {
	r, err := wire.DecodeReceipt(payload)
	if err != nil || o.rooms[t.Store] == nil || !o.rooms[t.Store].ours(o.cfg.Ledger.ID(), r) {
		return
	}
	source := kiosk.KioskSource(t.Store, t.Kiosk)
	have, err := o.cfg.Ledger.Epochs(ctx, source)
	if err != nil {
		return // the ledger will say so again
	}
	held := wire.Receipt{Epochs: have}
	for _, e := range r.Epochs {
		if h, _ := held.Find(e.Epoch); h.Through < e.Through {
			select {
			case o.older <- fmt.Errorf("%w: %s was receipted through event %d of epoch %s, here it ends at %d", ErrOlder, source, e.Through, e.Epoch, h.Through):
			default:
			}
			return
		}
	}
}
