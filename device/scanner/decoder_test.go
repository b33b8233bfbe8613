package scanner

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// collector is an emit that remembers.
type collector []Scan

func (c *collector) emit(s Scan) { *c = append(*c, s) }

func (c *collector) next(t *testing.T) Scan {
	t.Helper()
	if len(*c) == 0 {
		t.Fatal("no scan came")
	}
	s := (*c)[0]
	*c = (*c)[1:]
	return s
}

func TestStreams(t *testing.T) {
	files, err := filepath.Glob("testdata/streams/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no streams: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playStream(t, file) })
	}
}

func playStream(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var d *Decoder
	var got collector
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		op, rest, _ := strings.Cut(lines.Text(), " ")
		where := fmt.Sprintf("%s:%d", file, n)
		switch op {
		case "#":
		case "term":
			var term Terminator
			if err := term.UnmarshalText([]byte(rest)); err != nil {
				t.Fatal(where, err)
			}
			d = NewDecoder(term)
		case ">":
			d.Feed([]byte(unquote(t, where, rest)), got.emit)
		case ".":
			gap, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(where, err)
			}
			d.Silent(gap, got.emit)
		case "<":
			if r := string(d.Replies()); r != unquote(t, where, rest) {
				t.Errorf("%s: answered % x, want %s", where, r, rest)
			}
		case "=":
			symbology, text, _ := strings.Cut(rest, " ")
			want := Scan{Text: unquote(t, where, text), Symbology: strings.TrimPrefix(symbology, "-")}
			if s := got.next(t); s != want {
				t.Errorf("%s: got %+v, want %+v", where, s, want)
			}
		case "!":
			i := strings.Index(rest, `" "`)
			why, raw := unquote(t, where, rest[:i+1]), unquote(t, where, rest[i+2:])
			if s := got.next(t); !strings.Contains(s.Malformed, why) || s.Text != raw {
				t.Errorf("%s: got %+v, want malformed %q with %q", where, s, why, raw)
			}
		default:
			t.Fatalf("%s: unknown line %q", where, lines.Text())
		}
	}
	if len(got) > 0 {
		t.Errorf("%s: more scans than expected: %+v", file, got)
	}
	if r := d.Replies(); len(r) > 0 {
		t.Errorf("%s: more answers than expected: % x", file, r)
	}
}

func unquote(t *testing.T, where, s string) string {
	t.Helper()
	text, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("%s: %s: %v", where, s, err)
	}
	return text
}

func TestEndlessFrameIsReportedOnceAndLeft(t *testing.T) {
	for _, term := range []Terminator{CR, CRLF, LF, TAB, STXETX, None} { // a packet has a length
		t.Run(term.String(), func(t *testing.T) {
			d := NewDecoder(term)
			var got collector
			for range 100 {
				d.Feed([]byte(strings.Repeat("7", 1000)), got.emit)
			}
			if len(got) != 1 || got[0].Malformed == "" || len(got[0].Text) != MaxRaw {
				t.Fatalf("100,000 bytes without an end gave %d scans", len(got))
			}
			if cap(d.frame) > 2*MaxFrame {
				t.Errorf("decoder holds %d bytes", cap(d.frame))
			}
			d.Feed([]byte(strings.TrimPrefix(frameOf(term, ""), "\x02")), got.emit)
			if term == None {
				d.Silent(idleGap, got.emit)
			}
			d.Feed([]byte(frameOf(term, "V0A7")), got.emit)
			d.Silent(staleTime, got.emit)
			if len(got) != 2 || got[1] != (Scan{Text: "V0A7"}) {
				t.Errorf("then a good frame gave %+v", got[1:])
			}
		})
	}
}

func TestFrameOfExactlyTheBound(t *testing.T) {
	d := NewDecoder(CR)
	var got collector
	d.Feed([]byte(strings.Repeat("7", MaxFrame)+"\r"), got.emit)
	if len(got) != 1 || got[0].Malformed != "" || len(got[0].Text) != MaxFrame {
		t.Errorf("a frame of %d bytes: %d scans, malformed %q", MaxFrame, len(got), got[0].Malformed)
	}
}

// frameOf is how a scanner with that terminator sends text.
func frameOf(term Terminator, text string) string {
	switch term {
	case CRLF:
		return text + "\r\n"
	case LF:
		return text + "\n"
	case TAB:
		return text + "\t"
	case STXETX:
		return "\x02" + text + "\x03"
	case None:
		return text
	case SSI:
		p := append([]byte{byte(5 + len(text)), ssiData, 0, 0, 3}, text...)
		return string(p) + string([]byte{byte(ssiSum(p) >> 8), byte(ssiSum(p))})
	}
	return text + "\r"
}

func TestResetForgetsAFrameBegun(t *testing.T) {
	d := NewDecoder(CR)
	var got collector
	d.Feed([]byte("LSVAA"), got.emit)
	d.Reset()
	d.Feed([]byte("V0A7\r"), got.emit)
	if len(got) != 1 || got[0].Text != "V0A7" {
		t.Errorf("got %+v", got)
	}
}

func TestNamesReadBack(t *testing.T) {
	for i := range terminatorNames {
		var back Terminator
		if err := back.UnmarshalText([]byte(Terminator(i).String())); err != nil || int(back) != i {
			t.Errorf("terminator %v read back as %v, %v", Terminator(i), back, err)
		}
	}
	for i := range beepNames {
		var back Beep
		if err := back.UnmarshalText([]byte(Beep(i).String())); err != nil || int(back) != i {
			t.Errorf("beep %v read back as %v, %v", Beep(i), back, err)
		}
	}
	var term Terminator
	if err := term.UnmarshalText([]byte("return")); err == nil || !strings.Contains(err.Error(), "want cr, crlf") {
		t.Errorf("unknown terminator: %v", err)
	}
}

// FuzzDecoder: whatever the bytes and however cut, scans are the same, bounded
// and clean, and the next good frame is read.
func FuzzDecoder(f *testing.F) {
	files, err := filepath.Glob("testdata/streams/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b, uint8(7))
	}
	f.Add(uint8(STXETX), []byte("\x02]Q1\x03\x03\x02\x02a\r\n\x03"), uint8(1))
	f.Add(uint8(LF), []byte("a\r\r\n\n"), uint8(2))
	f.Add(uint8(SSI), []byte("\xff"+frameOf(SSI, "V0A7")+frameOf(SSI, "")+"\x04\xf6\x00"), uint8(3))
	f.Fuzz(func(t *testing.T, which uint8, stream []byte, cut uint8) {
		term := Terminator(which % uint8(len(terminatorNames)))
		whole, pieces := NewDecoder(term), NewDecoder(term)
		var a, b collector
		whole.Feed(stream, a.emit)
		step := int(cut%16) + 1
		for rest := stream; len(rest) > 0; rest = rest[min(step, len(rest)):] {
			pieces.Feed(rest[:min(step, len(rest))], b.emit)
		}
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("whole: %+v\nin pieces of %d: %+v", a, step, b)
		}
		if r := whole.Replies(); len(r) > len(stream)+7 {
			t.Fatalf("%d bytes answered to %d", len(r), len(stream))
		}
		whole.Silent(staleTime, a.emit)
		for _, s := range a {
			checkScan(t, s)
		}
		n := len(a)
		whole.Feed([]byte(frameOf(term, "V0A7")), a.emit)
		whole.Silent(staleTime, a.emit)
		if len(a) != n+1 || a[n].Text != "V0A7" || a[n].Malformed != "" {
			t.Fatalf("a good frame afterwards gave %+v", a[n:])
		}
		if held := cap(whole.frame) + cap(whole.packets.buf) + cap(whole.packets.text); held > 4*MaxFrame {
			t.Fatalf("the decoder holds %d bytes", held)
		}
	})
}

func checkScan(t *testing.T, s Scan) {
	t.Helper()
	switch {
	case s.Malformed != "":
		if len(s.Text) > MaxRaw {
			t.Fatalf("%d bytes kept of a malformed frame", len(s.Text))
		}
	case s.Text == "" || len(s.Text) > MaxFrame || !utf8.ValidString(s.Text) || strings.ContainsFunc(strings.TrimSuffix(s.Text, "\x04"), isControl):
		t.Fatalf("scan passes as good: %+v", s)
	}
	if len(s.Symbology) > 10 {
		t.Fatalf("symbology %q", s.Symbology)
	}
}
