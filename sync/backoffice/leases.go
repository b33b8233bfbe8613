package backoffice

import "errors"

// ErrNotHeld is what a ledger that several offices share answers to a commit of
// events of a store that belongs to another office.
var ErrNotHeld = errors.New("the store belongs to another back office")
