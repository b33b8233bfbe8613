// Package scanner turns the bytes of a barcode scanner on a serial line into
// scans. It knows nothing of what the codes mean.
//
// Frames, as scanners send them (terminator as configured in the scanner):
//
//	4C 53 56 … 0D          CR     text, CR; a LF right behind is swallowed (so CRLF works too)
//	4C 53 56 … 0D 0A       CRLF   the same
//	4C 53 56 … 0A          LF     text, LF; a CR right before it is dropped
//	4C 53 56 … 09          TAB    text, TAB
//	02 4C 53 56 … 03       STX    text between STX and ETX; CR and LF between frames are ignored
//	4C 53 56 … (silence)   none   text ended by 100 ms without a byte
//
// A frame may come in any pieces (USB hands over 8 bytes, then 10). It is bounded
// at MaxFrame bytes; beyond, and after a frame left unfinished for a second, one
// malformed Scan is given and the decoder waits for the next frame's beginning.
//
// Text may carry an AIM identifier (ISO/IEC 15424) in front: ]A0 Code 39, ]C0 and
// ]C1 Code 128, ]Q1 QR, ]d2 Data Matrix. It is stripped and kept as Symbology.
//
// The scanner can sound the result of the business, not only of the reading:
//
//	1B 37 2C   1B 38 2C    Honeywell  ESC 7 , good    ESC 8 , bad (razz)
//	42         46 45       Datalogic  B good          F not on file, then E: F disables some models
//
// Zebra's simple serial mode is plain text with a terminator; its packet protocol
// (SSI, acknowledged by default) is not spoken here: set the scanner to simple.
// Newland's default is text with CR.
//
// Decoder is pure: the length of a silence is handed to it. Scanner is a Task: it
// runs a line and a goroutine for beeps, and calls onScan and onState on the
// line's goroutine, within the same call in which the terminator arrived. It uses
// real time, for the rate limit only.
package scanner
