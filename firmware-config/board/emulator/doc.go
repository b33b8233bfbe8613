// Package emulator starts an emulated board under QEMU and looks at it from
// outside: its pins, its serial wires, its USB sockets.
//
// QEMU is run as a child process with the slow, portable translator (never KVM),
// without network and without a display. It connects to unix sockets that are
// open before it starts, so nothing has to be guessed or retried:
//
//	console   the guest's second UART: kernel messages, and package agent
//	wires     one socket for each serial device plugged in
//	qmp       QEMU's own monitor, JSON lines
//
// Pins are seen in two independent ways. [Machine.Pins] reads the GPIO block's
// registers as they are now. [Watch] follows every single write to those
// registers, in order and with its time, from QEMU's trace: a pulse of a
// microsecond shows in it, which no sampling would catch.
//
// BCM2835 GPIO block at 0x3f200000 (54 pins; Broadcom's "BCM2835 ARM
// Peripherals", chapter 6):
//
//	00–14  GPFSEL0–5   3 bits a pin: 0 input, 1 output, else another device's
//	1c 20  GPSET0–1    1 bit a pin: drive high
//	28 2c  GPCLR0–1    1 bit a pin: drive low
//	34 38  GPLEV0–1    1 bit a pin: its level
//
// A [Machine] has one goroutine for QEMU's monitor and one that waits for the
// process; Close ends and joins both. Only processes started here are ended.
// Times are real time.
package emulator
