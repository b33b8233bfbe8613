// Package kioskapp puts one kiosk together: settings in, running parts out. The
// daemon and the demo use the same wiring; they differ in the clock, in the pins
// and in how ids are made.
//
//	settings ─▶ journal, station, scanners, printer, lamps, link, uplink, pages
//
// This is the only place where devices, the shop and the network meet, through
// the small interfaces each of them declares.
package kioskapp
