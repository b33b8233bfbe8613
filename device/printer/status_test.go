package printer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestReceiver(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"answers to DLE EOT", "\x12\x16\x1a\x72", "status 12; status 16; status 1a; status 72"},
		{"flow", "\x13\x11", "xoff; xon"},
		{"automatic status", "\x10\x00\x00\x0f", "auto 1000000f"},
		{"automatic status, all bits", "\x7c\x6f\x6f\x6f", "auto 7c6f6f6f"},
		{"completion", "\x37\x22abcd\x00", "done 61626364"},
		{"completion of digits that look like a head", "\x37\x227777\x00", "done 37373737"},
		{"XOFF inside automatic status", "\x10\x00\x13\x00\x0f", "xoff; auto 1000000f"},
		{"XOFF inside completion", "\x37\x22ab\x13cd\x00", "xoff; done 61626364"},
		{"answer inside automatic status", "\x10\x00\x12\x00\x0f", "status 12; auto 1000000f"},
		{"answer inside completion", "\x37\x22ab\x16cd\x00", "status 16; done 61626364"},
		{"automatic status begun twice", "\x10\x00\x10\x00\x00\x0f", "auto 1000000f"},
		{"completion cuts automatic status off", "\x10\x00\x37\x22abcd\x00\x00\x0f", "done 61626364"},
		{"noise that opens a block in front of a completion", "\x37\x81\x37\x22abcd\x00", "done 61626364"},
		{"another block", "\x37\x25abcd\x00", ""},
		{"block of a wrong length", "\x37\x22abc\x00\x37\x22abcde\x00", ""},
		{"endless block, then an answer", "\x37\x22" + strings.Repeat("a", 100) + "\x12", "status 12"},
		{"garbage", "\xff\x80\x00\x0fhello\x92\x1b@", ""},
		{"all in a row", "\x12\x10\x00\x00\x0f\x37\x22abcd\x00\x13", "status 12; auto 1000000f; done 61626364; xoff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(listen([]byte(c.in)), "; "); got != c.want {
				t.Errorf("% x:\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

func listen(in []byte) []string {
	var r receiver
	var out []string
	for _, b := range in {
		m, ok := r.next(b)
		if !ok {
			continue
		}
		switch m.kind {
		case statusByte:
			out = append(out, fmt.Sprintf("status %x", m.data[0]))
		case autoStatus:
			out = append(out, fmt.Sprintf("auto %x", m.data))
		case pauseSending:
			out = append(out, "xoff")
		case resumeSending:
			out = append(out, "xon")
		case done:
			out = append(out, fmt.Sprintf("done %x", m.data))
		}
	}
	return out
}

func TestConditionBits(t *testing.T) {
	for _, c := range []struct {
		n, b byte
		want condition
	}{
		{1, 0x12, condition{}},
		{1, 0x16, condition{}}, // the drawer's pin
		{1, 0x1a, condition{offline: true}},
		{2, 0x16, condition{coverOpen: true}},
		{2, 0x32, condition{stopped: true}},
		{3, 0x1a, condition{cutter: true}},
		{3, 0x32, condition{failed: true}},
		{3, 0x52, condition{failed: true}},
		{4, 0x1e, condition{nearEnd: true}},
		{4, 0x72, condition{paperOut: true}},
		{4, 0x7e, condition{nearEnd: true, paperOut: true}},
	} {
		var got condition
		got.answer(c.n, c.b)
		if got != c.want {
			t.Errorf("DLE EOT %d: %#x means %+v, want %+v", c.n, c.b, got, c.want)
		}
	}
	for _, c := range []struct {
		b    [4]byte
		want condition
	}{
		{[4]byte{0x10, 0, 0, 0x0f}, condition{}},
		{[4]byte{0x18, 0, 0, 0x0f}, condition{offline: true}},
		{[4]byte{0x38, 0, 0, 0x0f}, condition{offline: true, coverOpen: true}},
		{[4]byte{0x10, 0x08, 0, 0x0f}, condition{cutter: true}},
		{[4]byte{0x10, 0x20, 0, 0x0f}, condition{failed: true}},
		{[4]byte{0x10, 0, 0x03, 0x0f}, condition{nearEnd: true}},
		{[4]byte{0x18, 0, 0x0f, 0x0f}, condition{offline: true, nearEnd: true, paperOut: true}},
	} {
		got := condition{failed: true}
		got.auto(c.b)
		if got != c.want {
			t.Errorf("automatic status % x means %+v, want %+v", c.b, got, c.want)
		}
	}
}

// FuzzReceiver: whatever comes, the receiver stays small, and the next whole
// message after a quiet start byte is understood.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte("\x12\x10\x00\x00\x0f\x37\x22abcd\x00\x13"))
	f.Add([]byte("\x37\x37\x10\x37\x22"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var r receiver
		for _, b := range in {
			r.next(b)
			if len(r.auto) > 4 || len(r.block) > maxBlock {
				t.Fatalf("keeps %d and %d bytes", len(r.auto), len(r.block))
			}
		}
		// 00 ends an open block, 10 begins an automatic status anew.
		got := listen(slices.Concat(in, []byte{0, 0x10, 0, 0, 0x0f}))
		if len(got) == 0 || got[len(got)-1] != "auto 1000000f" {
			t.Fatalf("after % x automatic status was not understood: %v", in, got)
		}
		if bytes.IndexByte(in, xoff) >= 0 && !slices.Contains(got, "xoff") {
			t.Fatal("XOFF was missed")
		}
	})
}
