// Package updates holds samples for boards with two systems on one card, of which
// one runs while the other is replaced: RAUC's configuration, the bootloader's
// autoboot.txt, "tryboot", through which RAUC speaks to that bootloader, and
// "confirm", which keeps a new system or goes back. UPDATES.md, a folder above,
// says how they fit. There is no code; the tests run the scripts on fabricated
// boards.
package updates
