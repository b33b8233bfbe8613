package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	entry := func(span, perms, path, anonymous string) string {
		return fmt.Sprintf("%s %s 00000000 fe:00 1234 %s\nSize: 8 kB\nRss: 8 kB\nPrivate_Dirty: 0 kB\nAnonymous: %s kB\nAnonHugePages: 0 kB\nVmFlags: rd mr\n", span, perms, path, anonymous)
	}
	smaps := entry("400000-c00000", "r-xp", "/usr/bin/kioskd", "0") + // its text
		entry("c00000-1400000", "r--p", "/usr/bin/kioskd", "0") + // its constants
		entry("1400000-1402000", "r--p", "/usr/bin/kioskd", "4") + // relocated: no longer what the file has
		entry("1402000-1500000", "rw-p", "/usr/bin/kioskd", "0") +
		entry("7f0000000000-7f0000100000", "r-xp", "/lib/libc.so.6", "0") +
		entry("7f0000200000-7f0000300000", "r--p", "/usr/bin/kioskd (deleted)", "0") +
		"7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0 [vdso]\nAnonymous: 0 kB\n" +
		"500000-600000 r--p 00000000 00:00 0\nAnonymous: 0 kB\n" + "nonsense\nzz-1 r-xp 0 0 0 /usr/bin/kioskd\nAnonymous: 0 kB\n"
	got := fmt.Sprintf("%x", clean(strings.NewReader(smaps), "/usr/bin/kioskd"))
	if got != "[{400000 c00000} {c00000 1400000}]" {
		t.Errorf("clean mappings: %s", got)
	}
	if got := clean(strings.NewReader(smaps), "/usr/bin/kioskd (deleted)"); len(got) != 1 {
		t.Errorf("of a program that was replaced: %x", got)
	}
}

// The program goes on as it was, and its mappings are where they were.
func TestLean(t *testing.T) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Skip(err)
	}
	count := func() int {
		smaps, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Skip(err)
		}
		return len(clean(strings.NewReader(string(smaps)), program))
	}
	before := count()
	if before == 0 {
		t.Error("nothing of this program is found in its own mappings")
	}
	for range 3 {
		lean()
	}
	if after := count(); after != before {
		t.Errorf("%d mappings before, %d after", before, after)
	}
}

func TestSmallPages(t *testing.T) {
	smallPages()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("only Linux tells in /proc/self/status: ", err)
	}
	if _, after, ok := strings.Cut(string(status), "THP_enabled:"); ok && strings.Fields(after)[0] != "0" {
		t.Error("this process still gets huge pages")
	}
}
