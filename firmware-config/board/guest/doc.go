// Command guest is the init program of the emulated board: the first and, with
// the daemon under test, only process on a real kernel.
//
// It mounts proc, sys, dev, tmp and run, loads the modules listed in
// /modules/order, brings the loopback network up, keeps stable names of USB
// serial lines below /dev/serial as udev would, from the kernel's own uevents,
// and then does what the judge outside asks for over the console (package
// agent). It judges nothing itself. It refuses to run as anything but process 1.
//
// Goroutines: one follows the kernel's uevents for ever; the console is served
// by the main one. Should the console end, the machine is switched off.
package main
