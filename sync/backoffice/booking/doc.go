// Package booking takes the bookings of a dealer's own system (CSV or JSON),
// keeps what boards need of them and publishes it, retained, a topic a day.
//
//	export ─▶ Read ─▶ Days ─▶ Book (a file a day) ─▶ {store}/bookings/{day}
//
// Boards get masked plates and keyed hashes only (wire.Bookings). Names and
// telephone numbers are read past: nothing here keeps them, so nothing here can
// lose them. An import replaces each day it has bookings for; what is over is
// deleted here and emptied on the broker.
//
// Read and Days are pure. Book owns no goroutine but that of its Run; times are
// the store's, from Config.Now; how often it looks at the connection is real time.
package booking
