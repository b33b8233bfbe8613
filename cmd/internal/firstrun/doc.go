// Package firstrun is what a board serves before it has a configuration: pages
// on which an IT person names the store, the board and the broker, tries each
// device that was found on the machine, and gets a configuration written.
//
//	Machine ──▶ Draft ──pages──▶ Draft ──Write──▶ kiosk.toml, staff.toml, store.key
//
// A configuration that is there but broken is never set up anew; [Fault] shows
// what is wrong with it until it is mended, and likewise why a kiosk cannot record.
//
// Only who can read the board's console, or stands at its printer, gets in: the
// pages ask for a one-time code printed there, and lock after five wrong ones.
// They listen on loopback unless told otherwise. Nothing but a
// certificate that is asked for is written before the last page says so; then each file is complete or absent (written beside,
// synced, renamed), kiosk.toml last, and a file that is there is never replaced.
//
// Run owns its goroutines: the server's and one for each device that is tried;
// all have ended when it returns. Time is real time.
package firstrun
