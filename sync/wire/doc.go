// Package wire is what a board and a back office say to each other over MQTT:
// topics, connection states, receipts, person parts and health, each with
// strict, bounded reading.
//
// An event itself is bytes made and read by package kiosk; wire never
// re-encodes them. Messages of this package are JSON objects. Unknown members
// are ignored, so that v1 can grow; a known member of the wrong form is an
// error that names it.
//
// Sequences count from 1 within an epoch, sessions are numbers that grow with
// every connection a client makes, durations are milliseconds as the name
// says, hashes are 64 lower-case hex digits. The package has no goroutines and
// reads no clock.
package wire
