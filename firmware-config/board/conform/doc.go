// Package conform runs the conformance suites of the device packages inside an
// emulated board: the cases that run on pretend devices and ptys run here on the
// kernel's real drivers of UART, xhci, FTDI and GPIO.
//
// The suites are this package's tests, cross-built into one program that the
// judge (package trial) starts in the guest. What happens at the far end of a
// wire happens outside: the tests ask for it over a serial line of their own, in
// lines of JSON, one [Message] each:
//
//	→ {"n":3,"do":"plug"}
//	← {"n":3}
//	→ {"do":"send","bytes":"TFNWQQ0="}
//	← {"do":"got","device":3,"bytes":"BtAE"}
//
// A message with n wants an answer with the same n; what happens by itself has
// none. So a lamp is lit if the emulator's GPIO registers say so, and a ticket
// is printed if the pretend printer outside has cut it.
//
// [Client] has one goroutine, which lives as long as the program. Times are real
// time. Without the flag -far the tests are skipped.
package conform
