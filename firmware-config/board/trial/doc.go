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
// [Trial.Power] cuts the power of the second board while three scanners scan. Its
// journal lies on an ext4 file system on a disk that forgets what was not flushed
// (package disk). The cut comes with a certain write or flush, or at a certain
// time, in one of five cuts already while the daemon starts. Every scan whose
// beep was heard before has to be in the journal after the next start, once; every
// page, hash and link of the chain is checked by the judge's own reading. A cut
// that took nothing acknowledged is repeated. What a cut has taken stays away, so
// a start decides all cuts before it that nobody has judged. A daemon built to
// run with synchronous=OFF goes through the same and has to be found out.
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
