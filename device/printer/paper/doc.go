// Package paper reads ESC/POS bytes back: it parses them on its own, not with
// the code that made them, and draws what a ticket printer would have printed.
//
// One dot of the print head is one pixel of the image, 8 dots are 1 mm. The
// image has the paper's own width: 384 dots and two margins of 40 for 58 mm,
// 576 dots and two margins of 32 for 80 mm. Codes are real: they scan from the
// screen. The commands it knows are those of package printer; see there for
// their bytes.
//
// The glyphs (glyphs.bin.gz: ASCII, GB 2312 and some hanzi of names) are drawn
// from Noto Sans CJK by mkglyphs.py and stay under the SIL Open Font License,
// glyphs.OFL.txt. They are unpacked at first use.
//
// testdata/ticket58.png and ticket80.png show a ticket, manner58.png every
// setting once.
//
// The package starts no goroutines and reads no clock.
package paper
