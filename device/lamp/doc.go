// Package lamp drives signal towers: lamps of two to five colours, each on one
// GPIO pin through a relay or a transistor.
//
//	          header pin            relay, active low
//	board ──── GPIO17 ────[10k to off]────▷ green ┐
//	      ──── GPIO27 ────[10k to off]────▷ amber ├ tower "b3"
//	      ──── GPIO22 ────[10k to off]────▷ red   ┘
//
// A tower shows one [Signal]: a colour, steady or blinking at 1 Hz. [Lamps]
// keeps what each tower shall show and asserts it: at once when it is set, and
// again every [AssertEvery], because an expander forgets after a brown-out. The
// state is no queue: what was set last is shown. [Lamps.Run] owns one goroutine
// for each tower, so that a stuck driver darkens one tower and no other; time is
// real time. When it ends the towers are dark, which means "not in control".
//
// # Towers with fewer colours
//
// Each colour but dark always shows something. Where a tower has no lamp of a
// colour, the first of these whose lamps it has stands for it (+ together, ~
// blinking):
//
//	white  green+blue · green · blue · amber
//	green  white+blue · amber+blue · white · blue · amber
//	amber  green+red · white+red · blue+red · green~ · white~ · blue~
//	red    amber+green~ · amber+white~ · amber+blue~ · green+blue~ · green+white~ · white+blue~
//	blue   green+white · green+amber · white+amber · green~ · white~ · amber~
//
// So the usual towers show
//
//	              white       green  amber      red  blue
//	R A G         green       green  amber      red  green+amber
//	R A G white   white       green  amber      red  green+white
//	R A G blue    green+blue  green  amber      red  blue
//	R G           green       green  green+red  red  green~
//
// Red never looks like another colour, on any tower. White and green may look
// alike on three lamps and fewer. Colours that stay for hours are steady, for a
// relay lives for some hundred thousand switchings.
//
// # Pins
//
// periph.io's gpio.PinOut is the seam: [Lamps] sees nothing else, and pretend
// pins are in lamptest. On a real board [OpenHost] finds a pin by its name on
// the chip ("GPIO17"), by periph's name of the header ("P1_11") or as chip and
// offset ("gpiochip2:5", also for expanders that have a kernel driver), and
// drives it through the kernel's character device. periph's own drivers are not used: their first Out drives
// low before high, their Read turns an output into an input, and host.Init maps
// guessed memory on a Raspberry Pi 5 and closes descriptor 0 where
// /dev/gpiochip4 is a link. A line is requested with its first level in the
// request, so that nothing flickers, and is never read back.
//
// Pins of I²C expanders without a kernel driver are named model:bus:address:pin,
// "mcp23017:1:0x20:A3" or "pca9555:1:0x21:P07". Each Out writes the whole chip:
//
//	20 05 00   20 0A 00     MCP23017: registers in the order of BANK 0
//	20 14 la lb             latches A, B
//	20 00 da db             directions A, B: 0 is an output
//	21 02 l0 l1  21 06 d0 d1  PCA9555: latches, directions
//
// An expander keeps its levels when a process dies, until [TurnDark] or the next
// start.
//
// When a process dies, mainline kernels return its lines to inputs, and the pull
// resistors darken the tower; Raspberry Pi kernels since 2024-06 leave them as
// they were. [TurnDark] is for after such a death.
package lamp
