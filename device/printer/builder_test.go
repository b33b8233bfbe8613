package printer

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"
)

// What the writers of documents ask of paper.
var _ interface {
	Columns() int
	Align(a int)
	Size(w, h int)
	Bold(on bool)
	Text(s string)
	Rule()
	Code128(s string)
	QR(s string)
	Feed(n int)
	Cut()
} = (*Builder)(nil)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// sample is a ticket with everything a document can hold.
func sample(w Width) *Builder {
	b := NewPaper(w)
	b.Align(1)
	b.Bold(true)
	b.Text("晨光汽车服务中心")
	b.Bold(false)
	b.Size(3, 3)
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
	b.Feed(2)
	b.Cut()
	return b
}

func TestSampleBytes(t *testing.T) {
	for _, w := range []Width{Width58, Width80} {
		t.Run(fmt.Sprint(w.Columns(), " columns"), func(t *testing.T) {
			got := []byte(hex.Dump(sample(w).Bytes()))
			file := filepath.Join("testdata", fmt.Sprintf("ticket%d.hex", w))
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("bytes differ from %s (-update rewrites it):\n%s", file, got)
			}
		})
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "粤B·12345 OK", "粤B·12345 OK"},
		{"commands", "a\x1b@b\x1dV\x00c\x10\x04\x01d", "a□@b□V□c□□□d"},
		{"second control set and delete", "a\u009bb\x7fc", "a□b□c"},
		{"white space", "a\tb\nc\u2028d\u00a0e", "a b c d e"},
		{"direction overrides", "ab\u202Ecd\u2066ef\u200f", "abcdef"},
		{"broken UTF-8", "a\xff\xfeb", "a□□b"},
		{"outside the set", "é是a😀𠀀한", "é是a□□□"},
		{"private use", "\ue000", "□"},
		{"look-alikes", "• ¥ −", "· ￥ -"},
		{"rare but two bytes", "堃喆玥", "堃喆玥"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Clean(c.in)
			if got != c.want {
				t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
			}
			if again := Clean(got); again != got {
				t.Errorf("Clean(%q) = %q: cleaning twice changes it", got, again)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, in string
		width    int
		want     string
	}{
		{"short", "abc", 4, "abc"},
		{"empty", "", 4, ""},
		{"hanzi count two", "一二三", 4, "一二|三"},
		{"no half hanzi", "a一二", 4, "a一|二"},
		{"word kept whole", "abcdef ghij", 9, "abcdef|ghij"},
		{"word too long", "abcdefghij", 4, "abcd|efgh|ij"},
		{"space at the edge", "abcd efgh", 4, "abcd|efgh"},
		{"no line begins with a full stop", "一二三。四", 6, "一二|三。四"},
		{"figures not torn from hanzi only", "车位12号", 6, "车位12|号"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			for line, rest := wrap([]rune(c.in), c.width); ; line, rest = wrap(rest, c.width) {
				lines = append(lines, string(line))
				if len(rest) == 0 {
					break
				}
			}
			if got := strings.Join(lines, "|"); got != c.want {
				t.Errorf("wrap(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
			}
		})
	}
}

func TestCode128Data(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		modules        int
	}{
		{"letters", "ABC", "{BABC", 11*5 + 13},
		{"all digits", "123456", "{C\x0c\x22\x38", 11*5 + 13},
		{"odd digits at the start", "12345X", "{C\x0c\x22{B5X", 11*7 + 13},
		{"odd digits at the end", "X12345", "{BX1{C\x17\x2d", 11*7 + 13},
		{"few digits in the middle", "A1234B", "{BA1234B", 11*8 + 13},
		{"brace doubled", "A{B", "{BA{{B", 11*5 + 13},
		{"digits that spell DLE EOT", "1604", "{B1604", 11*6 + 13},
		{"digits that spell DLE DC4", "001620", "{B001620", 11*8 + 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, modules, ok := code128(c.in)
			if string(data) != c.want || modules != c.modules || !ok {
				t.Errorf("code128(%q) = %q, %d, %v; want %q, %d", c.in, data, modules, ok, c.want, c.modules)
			}
		})
	}
	for _, bad := range []string{"", "车", "a\x1b", strings.Repeat("x", 65)} {
		if _, _, ok := code128(bad); ok {
			t.Errorf("code128(%q) accepted", bad)
		}
	}
}

func TestCode128FitsThePaper(t *testing.T) {
	for _, c := range []struct {
		width  Width
		in     string
		module byte // 0: printed as text
	}{
		{Width58, "V7K2A0G7M3QX", 2},
		{Width80, "V7K2A0G7M3QX", 3},
		{Width58, "12345678", 3},
		{Width58, strings.Repeat("W", 13), 2},
		{Width58, strings.Repeat("W", 20), 0},
		{Width80, strings.Repeat("W", 20), 2},
	} {
		b := NewPaper(c.width)
		b.Code128(c.in)
		at := bytes.Index(b.Bytes(), []byte{gs, 'w'})
		switch {
		case c.module == 0 && at >= 0:
			t.Errorf("%q on %d dots printed as a code that cannot fit", c.in, c.width)
		case c.module == 0 && !bytes.Contains(b.Bytes(), []byte(c.in)):
			t.Errorf("%q on %d dots neither code nor text", c.in, c.width)
		case c.module > 0 && (at < 0 || b.Bytes()[at+2] != c.module):
			t.Errorf("%q on %d dots: module not %d in % x", c.in, c.width, c.module, b.Bytes())
		}
	}
}

// TestQRRoom checks our table of capacities against another coder.
func TestQRRoom(t *testing.T) {
	for i, room := range qrBytes {
		code, err := qr.Encode(strings.Repeat("a", room), qr.M, qr.Unicode)
		if err != nil {
			t.Fatal(err)
		}
		if side := code.Bounds().Dx(); side != 21+4*i || qrModules(room) != side {
			t.Errorf("%d bytes: %d modules, we say %d", room, side, qrModules(room))
		}
	}
	if n := qrModules(qrBytes[len(qrBytes)-1] + 1); n != 0 {
		t.Errorf("too many bytes take %d modules", n)
	}
}

func TestQRFitsThePaper(t *testing.T) {
	for n := 1; n <= 505; n++ {
		b := NewPaper(Width58)
		b.QR(strings.Repeat("a", n))
		at := bytes.Index(b.Bytes(), []byte{gs, '(', 'k', 3, 0, '1', 'C'})
		if n == 505 {
			if at >= 0 {
				t.Error("505 bytes became a code")
			}
			continue
		}
		module := int(b.Bytes()[at+7])
		if module < 3 || module*(qrModules(n)+qrQuiet) > int(Width58) {
			t.Errorf("%d bytes: modules of %d dots", n, module)
		}
	}
}
