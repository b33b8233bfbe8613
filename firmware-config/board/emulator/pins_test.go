package emulator

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// trace writes lines as QEMU does and gives a watch on them.
func trace(t *testing.T) (*Watch, func(at int, addr, value uint32)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWatch(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(); w.close() })
	return w, func(at int, addr, value uint32) {
		fmt.Fprintf(f, "4711@1700000000.%06d:memory_region_ops_write cpu 0 mr 0x7f28d8e6b850 addr %#x value %#x size 4 name 'bcm2835_gpio'\n", at, addr, value)
		fmt.Fprintf(f, "4711@1700000000.%06d:memory_region_ops_write cpu 0 mr 0x7f28d8e6b851 addr %#x value %#x size 4 name 'bcm2835-aux'\n", at, addr, ^value)
	}
}

// A pulse of one microsecond shows, and so does its absence.
func TestWatch(t *testing.T) {
	const set, clr, fsel1 = gpioBase + 0x1c, gpioBase + 0x28, gpioBase + 0x04
	for _, c := range []struct {
		name   string
		writes [][2]uint32
		want   []Level
	}{
		{"output at its level at once", [][2]uint32{{set, 1 << 17}, {fsel1, 1 << 21}}, []Level{Floating, High}},
		{"low before high", [][2]uint32{{clr, 1 << 17}, {fsel1, 1 << 21}, {set, 1 << 17}}, []Level{Floating, Low, High}},
		{"a pulse", [][2]uint32{{set, 1 << 17}, {fsel1, 1 << 21}, {clr, 1 << 17}, {set, 1 << 17}}, []Level{Floating, High, Low, High}},
		{"other pins", [][2]uint32{{set, 1 << 16}, {fsel1, 1 << 18}, {clr, 1 << 16}}, []Level{Floating}},
		{"given back", [][2]uint32{{set, 1 << 17}, {fsel1, 1 << 21}, {fsel1, 0}}, []Level{Floating, High, Floating}},
		{"another device's", [][2]uint32{{fsel1, 4 << 21}}, []Level{Floating, Other}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, write := trace(t)
			for i, x := range c.writes {
				write(i, x[0], x[1])
			}
			h, err := w.Since(time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Of(17); !slices.Equal(got, c.want) {
				t.Errorf("pin 17 went %v, want %v", got, c.want)
			}
		})
	}
}

// Since gives the state at that time and what followed, also of lines that
// came in two pieces.
func TestWatchSince(t *testing.T) {
	w, write := trace(t)
	write(10, gpioBase+0x04, 1<<21)
	write(20, gpioBase+0x1c, 1<<17)
	if _, err := w.Since(time.Time{}); err != nil {
		t.Fatal(err)
	}
	write(30, gpioBase+0x28, 1<<17)
	h, err := w.Since(time.Unix(1700000000, 25000))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Of(17); !slices.Equal(got, []Level{High, Low}) {
		t.Errorf("pin 17 went %v, want high, low", got)
	}
	at, ok := h.First(func(p Pins) bool { return p[17] == Low })
	if want := time.Unix(1700000000, 30000); !ok || !at.Equal(want) {
		t.Errorf("low first at %v (%v), want %v", at, ok, want)
	}
	if h.Last()[17] != Low {
		t.Errorf("pin 17 is %v at the end, want low", h.Last()[17])
	}
}

func TestParseDump(t *testing.T) {
	got, err := parseDump("000000003f200000: 0x00000001 0x00200000 0x00000000 0xffffffff\r\n000000003f200010: 0x00000024 0x00000000\r\n")
	if want := []uint32{1, 0x200000, 0, 0xffffffff, 0x24, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %#x, %v, want %#x", got, err, want)
	}
	if got, err := parseDump("Cannot access memory"); err == nil {
		t.Errorf("read words out of an error: %#x", got)
	}
}

// The archive, read by the kernel's rules: fields of eight hex digits, names
// and data padded to four.
func TestInitramfs(t *testing.T) {
	var a Initramfs
	a.Device("dev/console", 5, 1)
	a.File("init", []byte("hello"))
	a.File("bin/x", nil)
	rest := string(a.Bytes())
	if len(rest)%4 != 0 {
		t.Errorf("the archive has %d bytes, no multiple of four", len(rest))
	}
	var got []string
	for rest != "" {
		var f [13]int
		for i := range f {
			if _, err := fmt.Sscanf(rest[6+8*i:14+8*i], "%x", &f[i]); err != nil {
				t.Fatalf("field %d of %.120q: %v", i, rest, err)
			}
		}
		name := rest[110 : 110+f[11]-1]
		data := (110 + f[11] + 3) &^ 3
		got = append(got, fmt.Sprintf("%s %o %d:%d %q", name, f[1], f[9], f[10], rest[data:data+f[6]]))
		rest = rest[(data+f[6]+3)&^3:]
	}
	want := []string{`dev 40755 0:0 ""`, `dev/console 20600 5:1 ""`, `init 100755 0:0 "hello"`, `bin 40755 0:0 ""`, `bin/x 100755 0:0 ""`, `TRAILER!!! 0 0:0 ""`}
	if !slices.Equal(got, want) {
		t.Errorf("the archive holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDepends(t *testing.T) {
	for _, c := range []struct{ info, want string }{
		{"license=GPL\x00depends=usbserial,usbcore\x00retpoline=Y\x00", "usbserial usbcore"},
		{"depends=\x00name=x\x00", ""},
		{"license=GPL\x00", ""},
	} {
		if got := strings.Join(depends([]byte(c.info)), " "); got != c.want {
			t.Errorf("%q depends on %q, want %q", c.info, got, c.want)
		}
	}
}
