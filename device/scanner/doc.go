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
//	05 E6 04 00 00 FF 11   Zebra SSI  one short high     05 E6 04 00 12 FE FF four long low
//
// # Makers
//
// Zebra's simple serial mode is plain text with a terminator. Its packet protocol
// (SSI, the default of many models) is terminator "ssi":
//
//	0B F3 00 00 03 56 30 41 37 … cc cc   length, DECODE_DATA, from the scanner, status,
//	                                     code type (03 Code 128), text, checksum
//	04 D0 04 00 FF 28                    our ACK, at once     05 D1 04 00 01 FF 25 NAK: again
//
// The checksum is the two's complement of the sum of all bytes before it. Status
// bit 0 marks a packet sent again (our ACK was lost: it is acknowledged and not
// given twice), bit 1 that more packets of the message follow. The ACK says that
// the bytes came, no more; the business result is a beep of its own.
//
// Honeywell's default is text with CR (LF is added by the "Windows" plug and play
// codes). Newland's default is text with CR too; its serial models answer no
// result, so Beep stays none. Datalogic's is CR LF on most models, which is read
// as CR; B, F and E act only where "host commands" or "beep on ASCII BEL" of the
// model are enabled.
//
// A code with several fields (Data Matrix by ISO/IEC 15434: [)> RS 06 GS … RS EOT;
// GS1-128: GS) keeps its separators in Text; what is in the fields is the
// caller's business.
//
// Decoder is pure: the length of a silence is handed to it. Scanner is a Task: it
// runs a line and a goroutine for beeps, and calls onScan and onState on the
// line's goroutine, within the same call in which the terminator arrived. It uses
// real time, for the rate limit only.
package scanner
