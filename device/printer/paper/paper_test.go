package paper

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"baylight/device/printer"

	"github.com/boombuler/barcode/code128"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// ticket is what a customer gets.
func ticket(w printer.Width) []byte {
	b := printer.NewPaper(w)
	b.Align(1)
	b.Bold(true)
	b.Text("晨光汽车服务中心")
	b.Bold(false)
	b.Size(4, 4)
	b.Text("A017")
	b.Size(1, 1)
	b.Text("到店时间 2026-03-02 09:14 +08:00")
	b.Rule()
	b.Align(0)
	b.Text("车牌 粤B·1***5")
	b.Size(2, 2)
	b.Text("保养 Service")
	b.Size(1, 1)
	b.Text("交车时间:待服务顾问确认。请在休息区等候叫号,谢谢!")
	b.Text("Delivery time: to be confirmed by your adviser")
	b.Align(1)
	b.Code128("V7K2A0G7M3QX")
	b.QR("https://example.invalid/t/V7K2A0G7M3QX?s=5QZ1")
	b.Cut()
	return b.Bytes()
}

// manner shows every setting once: places, sizes, bold, wrapping, a missing
// glyph and text that tries to command.
func manner(w printer.Width) []byte {
	b := printer.NewPaper(w)
	for a, word := range []string{"left 左", "centre 中", "right 右"} {
		b.Align(a)
		b.Text(word)
	}
	b.Align(0)
	for n := 1; n <= 3; n++ {
		b.Size(n, n)
		b.Text(fmt.Sprint(n, "×", n))
	}
	b.Size(2, 1)
	b.Text("宽 wide")
	b.Size(1, 2)
	b.Text("高 tall")
	b.Size(1, 1)
	b.Bold(true)
	b.Text("补打 reprint")
	b.Bold(false)
	b.Text("一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十")
	b.Text("é是 😀 \x1b@\x1dV\x00 ——【】…→")
	b.Text("GBK only: 堃 龢")
	b.Rule()
	b.Align(2)
	b.Code128("20260302")
	b.Feed(2)
	b.Cut()
	return b.Bytes()
}

func TestGoldenPaper(t *testing.T) {
	for _, c := range []struct {
		name  string
		width printer.Width
		job   []byte
	}{
		{"ticket58", printer.Width58, ticket(printer.Width58)},
		{"ticket80", printer.Width80, ticket(printer.Width80)},
		{"manner58", printer.Width58, manner(printer.Width58)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := WritePNG(&got, c.job, c.width); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", c.name+".png")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := difference(t, got.Bytes(), want); d != "" {
				t.Errorf("paper differs from %s (-update rewrites it): %s", file, d)
			}
		})
	}
}

// difference compares pixels, not bytes: how a PNG is packed may change.
func difference(t *testing.T, got, want []byte) string {
	t.Helper()
	a, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	b, err := png.Decode(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if a.Bounds() != b.Bounds() {
		return fmt.Sprintf("size %v, want %v", a.Bounds(), b.Bounds())
	}
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				return fmt.Sprintf("first at %d,%d", x, y)
			}
		}
	}
	return ""
}

// TestCodesScan reads the drawn codes with a reader that is not ours.
func TestCodesScan(t *testing.T) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		const how = "zbarimg is missing: apt-get install zbar-tools"
		if os.Getenv("CI") != "" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	long := "https://example.invalid/" + strings.Repeat("0123456789abcdef", 30)
	for _, w := range []printer.Width{printer.Width58, printer.Width80} {
		for _, c := range []struct {
			name string
			job  func(*printer.Builder)
			want []string
		}{
			{"letters", func(b *printer.Builder) { b.Code128("V7K2A0G7M3QX") }, []string{"CODE-128:V7K2A0G7M3QX"}},
			{"digits", func(b *printer.Builder) { b.Code128("1234567890123") }, []string{"CODE-128:1234567890123"}},
			{"mixed", func(b *printer.Builder) { b.Code128("X123456{a") }, []string{"CODE-128:X123456{a"}},
			{"real-time digits", func(b *printer.Builder) { b.Code128("16041605") }, []string{"CODE-128:16041605"}},
			{"hanzi", func(b *printer.Builder) { b.QR("取车码 A017") }, []string{"QR-Code:取车码 A017"}},
			{"longest", func(b *printer.Builder) { b.QR(long) }, []string{"QR-Code:" + long}},
			{"whole ticket", func(b *printer.Builder) {
				b.Code128("V7K2A0G7M3QX")
				b.QR("https://example.invalid/t/V7K2A0G7M3QX")
				b.Text("谢谢")
			}, []string{"CODE-128:V7K2A0G7M3QX", "QR-Code:https://example.invalid/t/V7K2A0G7M3QX"}},
		} {
			t.Run(fmt.Sprint(c.name, " ", w), func(t *testing.T) {
				b := printer.NewPaper(w)
				b.Align(1)
				c.job(b)
				b.Cut()
				if got := scan(t, zbar, b.Bytes(), w); !slices.Equal(got, c.want) {
					t.Errorf("read back %q, want %q", got, c.want)
				}
			})
		}
	}
}

func scan(t *testing.T, zbar string, job []byte, w printer.Width) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "paper.png")
	var img bytes.Buffer
	if err := WritePNG(&img, job, w); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, img.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(zbar, "-q", file).Output()
	if err != nil {
		t.Fatalf("zbarimg read nothing: %v", err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	slices.Sort(lines)
	return lines
}

// TestCode128AgainstBoombuler compares our modules with another coder's where
// both use set B only.
func TestCode128AgainstBoombuler(t *testing.T) {
	for _, text := range []string{"ABC", "V7K2A0G7M3QX", " !\"#$%&'()*+,-./:;<=>?@[\\]^_`", "abcxyz|}~"} {
		bars, back, ok := code128bars(text)
		if !ok || back != text {
			t.Fatalf("code128({B%q) = %q, %v", text, back, ok)
		}
		other, err := code128.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(bars) != other.Bounds().Dx() {
			t.Fatalf("%q: %d modules, boombuler %d", text, len(bars), other.Bounds().Dx())
		}
		for x, black := range bars {
			if r, _, _, _ := other.At(x, 0).RGBA(); (r == 0) != black {
				t.Fatalf("%q: module %d differs", text, x)
			}
		}
	}
}

func code128bars(text string) ([]bool, string, bool) {
	return code128Modules([]byte("{B" + text))
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, hex, want string }{
		{"text", "1b40 4130 0a", "reset 0; text 0 4130; line feed 0"},
		{"hanzi", "1c26 b3b5 1c2e", "hanzi on 0; text 0 b3b5; hanzi off 0"},
		{"hanzi double", "1c5701 1c2108 1c2104 1c5700", "hanzi size 17; hanzi size 1; hanzi size 16; hanzi size 0"},
		{"bar code", "1d6b4903 7b4258", "bar code 73 7b4258"},
		{"qr", "1d286b0400 31413200 1d286b0300314306 1d286b0300314531 1d286b0500 3150304142 1d286b0300315130",
			"qr model 50; qr module 6; qr level 49; qr store 0 4142; qr print 0"},
		{"report", "1d284806003030 31323334", "report 0 31323334"},
		{"cut", "1d564200 1d5600", "cut 66; cut 0"},
		{"status", "100404", "status 4"},
		{"unknown", "41 1b70 00", "text 0 41; unknown 0 1b70; unknown 0 00"},
		{"unknown long", "1d284c0200 3031 41", "unknown 0 1d284c02003031; text 0 41"},
		{"cut short", "1d6b4909 7b", "unknown 0 1d6b4909; text 0 7b"},
		{"ends in a command", "1b", "unknown 0 1b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			job, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, op := range parse(job) {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d %x", op.Kind, op.N, op.Data)))
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("parse:\n got %s\nwant %s", s, c.want)
			}
			if _, err := Parse(job); (err != nil) != strings.Contains(c.want, "unknown") {
				t.Errorf("Parse error: %v", err)
			}
		})
	}
}

func TestPaperIsBounded(t *testing.T) {
	for name, job := range map[string][]byte{
		"feeds": bytes.Repeat([]byte{esc, 'd', 255}, 100),
		"lines": bytes.Repeat([]byte{lf}, 10_000),
		"text":  append([]byte{gs, '!', 0x77}, bytes.Repeat([]byte("W"), 10_000)...),
	} {
		if _, err := Render(job, printer.Width58); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: error %v, want %v", name, err, ErrTooLong)
		}
	}
}

func TestLastSizeCommandDecides(t *testing.T) {
	hanzi := []byte{fs, '&', 0xb3, 0xb5, fs, '.', lf}
	for _, c := range []struct {
		name   string
		job    []byte
		height int
	}{
		{"plain", nil, lineDots},
		{"FS W", []byte{fs, 'W', 1}, 48},
		{"FS ! then GS !", []byte{fs, '!', 0x0c, gs, '!', 0x33}, 96},
		{"GS ! then FS !", []byte{gs, '!', 0x33, fs, '!', 0x0c}, 48},
		{"reset", []byte{gs, '!', 0x33, esc, '@'}, lineDots},
	} {
		img, err := Render(append(c.job, hanzi...), printer.Width58)
		if err != nil {
			t.Fatal(err)
		}
		if got := img.Bounds().Dy() - 2*edgeDots; got != c.height {
			t.Errorf("%s: line of %d dots, want %d", c.name, got, c.height)
		}
	}
}

func TestGlyphs(t *testing.T) {
	f, err := face()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range "晨粤AWg0~堃。,【】…—→□·￥Ａ" {
		code := characters([]byte(encode(t, string(r))), true)[0]
		rows, _ := f.bitmap(code)
		if code != missing && (len(bytes.Trim(rows, "\x00")) == 0 || bytes.Equal(rows, f[missing])) {
			t.Errorf("no glyph for %c (%x)", r, code)
		}
	}
	for _, cut := range []int{0, 1, 10, len(packed) / 2, len(packed) - 9} {
		if _, err := unpack(packed[:cut]); err == nil {
			t.Errorf("font cut at %d of %d bytes accepted", cut, len(packed))
		}
	}
}

// encode gives the bytes of one character as the builder writes them.
func encode(t *testing.T, s string) []byte {
	t.Helper()
	b := printer.NewPaper(printer.Width58)
	b.Text(s)
	for _, op := range parse(b.Bytes()) {
		if op.Kind == Text {
			return op.Data
		}
	}
	t.Fatalf("no text in the line of %q", s)
	return nil
}

func FuzzRender(f *testing.F) {
	f.Add(ticket(printer.Width58), true)
	f.Add(manner(printer.Width58), false)
	f.Add([]byte("\x1d!\x77\x1c&\xb3\x1c.\x1d(k\xff\xff1P0"), false)
	f.Add([]byte("\x1d(k\x04\x001P0\xff\x1d(k\x03\x001Q0\x1dkI\x04{C\x64{"), false)
	f.Fuzz(func(t *testing.T, job []byte, broad bool) {
		if len(job) > 4096 {
			return
		}
		w := printer.Width58
		if broad {
			w = printer.Width80
		}
		ops := parse(job)
		at := 0
		for i, op := range ops {
			if op.At != at {
				t.Fatalf("op %d at %d, the one before ends at %d", i, op.At, at)
			}
			_, n := next(job[at:])
			at += n
		}
		if at != len(job) {
			t.Fatalf("parsed %d of %d bytes", at, len(job))
		}
		img, err := Render(job, w)
		if err != nil {
			if !errors.Is(err, ErrTooLong) {
				t.Fatal(err)
			}
			return
		}
		if p := img.(*image.Paletted); p.Rect.Dx() <= int(w) || p.Rect.Dy() > maxDots+2*edgeDots {
			t.Fatalf("paper of %v", p.Rect)
		}
	})
}
