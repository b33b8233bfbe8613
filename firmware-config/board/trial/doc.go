// Package trial puts the real daemon on an emulated board and judges it from
// outside: what its lamps did to the wires, what its scanners heard, and what
// its journal holds afterwards.
//
// There are two boards. [Pi] is a Raspberry Pi 3 with Debian's kernel and the
// real pinctrl-bcm2835 and PL011 drivers: lamps on header pins, a scanner on the
// UART. [USB] is a machine with a USB controller: scanners on FTDI adapters that
// are pulled out and put back while others go on.
//
// The conformance suites of the device packages run on both as well, without the
// daemon ([Trial.ConformPi], [Trial.ConformUSB]): inside as package conform, with
// the far end of each wire outside. A suite of which fewer cases ran than it has
// is a failure.
//
// A trial prints one line for each thing that has to hold. Every wait is
// bounded; a trial that cannot go on counts as failed and says why, with the
// daemon's log. Scanning, pins and journal are seen with eyes of their own:
// nothing of the daemon's opinion is taken for what happened on a wire.
//
// The judge was tried on defects put into the daemon: a pin requested at the
// wrong level and mended at once, pins given back without darkening them, a dead
// port kept open. Each is found.
package trial
