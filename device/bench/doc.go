// Package bench is a workshop's devices without the hardware: a barcode scanner,
// a receipt printer and a bare port at the far end of pseudo terminals, which are real kernel
// ttys. The software under trial opens them as it opens a serial port.
//
// Each device has a stable path, a symlink as udev would make it. Unplug hangs
// the line up and removes the symlink; Replug makes a new terminal under the same
// symlink. Faults (silence, garbage, half frames, no paper, an open cover, a
// reader that does not read) are switched while it runs.
//
//	scanner → host   text 0D
//	host → scanner   1B 37 2C (good)   1B 38 2C (bad)
//	host → printer   ESC/POS; 10 04 n asks for status n, 1D 28 48 06 00 30 30 d1 d2 d3 d4
//	                 asks to be told when everything before it has left the head
//	printer → host   one status byte   37 22 d1 d2 d3 d4 00
//
// Raw lines can be written down (Record) and played again (ReadRecording, Replay).
//
// Goroutines: each device owns one, begun by New… and joined by Close; every
// method may be called from anywhere. Time is real time. Nothing here imports
// testing: the demo uses it too.
package bench
