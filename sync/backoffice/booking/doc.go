// Package booking takes the bookings of a dealer's own system (CSV or JSON),
// keeps what boards need of them and publishes it, retained, a topic a day.
//
//	export ─▶ Read ─▶ Days ─▶ Book (a paper a day, in the ledger) ─▶ {store}/bookings/{day}
//
// Boards get masked plates and keyed hashes only (wire.Bookings). Names and
// telephone numbers are read past: nothing here keeps them, so nothing here can
// lose them. An import replaces each day it has bookings for; what is over is
// emptied on the broker and deleted here.
//
// Bookings stand in the ledger (backoffice.Papers), so an office that takes a store
// from another finds them. An office that has not got the store shows them and
// changes nothing.
//
// Read and Days are pure. Book owns no goroutine but that of its Run; times are
// the store's, from Config.Now; how often it looks at the connection is real time.
package booking
