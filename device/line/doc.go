// Package line keeps one serial line alive over github.com/tarm/serial, which
// nothing else in this module imports.
//
// A Line is opened raw: 8 data bits, no parity, one stop bit, no echo, no
// translation. Bytes from the wire reach the caller as they come, in whatever
// pieces the driver hands over; framing is the caller's business.
//
// tarm/serial reports a silent line and an unplugged one alike, as (0, io.EOF),
// cannot bound a write, knows no flow control and lets two processes share a
// port. So a Line opens the same tty twice: tarm's descriptor is read with a
// short time-out, and a second, non-blocking descriptor carries the writes
// (bounded by the runtime's poller), the lock, the flow control settings and
// the question poll(POLLHUP). An end of file sooner than half the read time-out
// is a dead line, never a reason to read again at once.
//
// When a line dies both descriptors are closed before anything is opened again
// (a descriptor kept on a dead USB adapter makes it come back under another
// name), the configured path is resolved anew (it is normally a udev symlink
// whose target moves) and opening is tried for ever, 50 ms doubling to 1 s with
// jitter. Input that arrived while nobody listened is dropped.
//
// A write that succeeded is in the driver. Whether it left is what Drain asks: a
// device that is switched off behind CTS takes nothing, and the driver's buffer
// holds more than a ticket.
//
// Goroutines: Run owns the line and calls onData, onIdle and onState itself, one
// at a time; they must not block for long, and a slice given to onData is theirs
// only until they return. Write, Drain, State and Ready may be used from anywhere.
// Time is real time: this is the wire. Durations are time.Duration, rates baud.
package line
