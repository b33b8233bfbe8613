// Package printer turns documents into ESC/POS bytes and prints them on a
// ticket printer at the end of a serial line, a USB line printer or a TCP
// socket.
//
// A [Builder] makes the bytes of one document, a [Printer] sends them and
// says what became of them. The sub-package paper draws the same bytes as an
// image; it carries the font, so that a board that only prints does not.
//
// # Units
//
// A dot is 1/8 mm. Paper of 58 mm has 384 dots or 32 columns, paper of 80 mm
// has 576 dots or 48 columns. A column is 12 dots: an ASCII character takes
// one, every other character takes two.
//
// # Frames to the printer
//
// These are all the commands a document consists of; n is one byte.
//
//	1B 40                       ESC @       reset: settings of the last ticket are forgotten
//	1B 61 n                     ESC a       align: 0 left, 1 centre, 2 right
//	1B 45 n                     ESC E       bold: 0 off, 1 on
//	1D 21 n                     GS !        size: (width-1)<<4 | (height-1), each 1 to 8
//	1C 21 n                     FS !        size of hanzi: 04 double width, 08 double height
//	1C 26 … 1C 2E               FS & FS .   the bytes between are hanzi, two bytes each (GB 18030)
//	0A                          LF          end of a line
//	1D 68 n  1D 77 n  1D 48 02  GS h w H    bar code: height, module width, text below
//	1D 6B 49 n d1…dn            GS k        Code 128, code sets as {B and {C
//	1D 28 6B 04 00 31 41 32 00  GS ( k 165  QR: model 2
//	1D 28 6B 03 00 31 43 n      GS ( k 167  QR: dots a module
//	1D 28 6B 03 00 31 45 31     GS ( k 169  QR: error correction M
//	1D 28 6B pL pH 31 50 30 d…  GS ( k 180  QR: store the text
//	1D 28 6B 03 00 31 51 30     GS ( k 181  QR: print it
//	1B 64 n                     ESC d       feed n lines
//	1D 56 42 00                 GS V 66     feed to the knife and cut
//
// The driver adds, after a document and between documents only (a printer
// obeys DLE EOT inside the data of other commands, too):
//
//	1D 28 48 06 00 30 30 d1…d4  GS ( H 48   answer when everything before has left the head
//	10 04 n                     DLE EOT     status now: 1 printer, 2 offline cause, 3 error, 4 paper
//
// FS C is never sent (Japanese models change their code on it), and nothing
// that opens a cash drawer.
//
// # Frames from the printer
//
// All share one wire and come at any time; fixed bits tell them apart.
//
//	0xx1xx10             answer to DLE EOT
//	0xx1xx00, 3×0xx0xxxx automatic status (ASB)
//	00010001, 00010011   XON, XOFF
//	37 22 d1…d4 00       answer to GS ( H
//
// # Goroutines and time
//
// [Printer.Run] owns the goroutines: the transport, the idle status poll and
// the state reports; all have ended when it returns. [Printer.Print] works in
// the caller's goroutine, one job at a time. Time is real time (waits and
// back-off), never shop time.
package printer
