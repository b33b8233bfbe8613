package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A start runs through most of the program once, and the kernel maps what it read
// in large pieces: afterwards nearly the whole file counts as resident, and is the
// last to be taken back when memory is short. lean gives those mappings up. What is
// needed comes back with the next access, from the page cache; what only the start
// needed does not.

// span is a piece of memory.
type span struct{ from, to uintptr }

// clean are the mappings of a program's file that hold nothing but what is in the
// file: they cannot be written to, and no page of them is the process's own.
func clean(smaps io.Reader, program string) (out []span) {
	var now span
	take := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) >= 6 && strings.Contains(f[0], "-"):
			_, err := fmt.Sscanf(f[0], "%x-%x", &now.from, &now.to)
			take = err == nil && (f[1] == "r-xp" || f[1] == "r--p") && strings.Join(f[5:], " ") == program
		case len(f) >= 5 && strings.Contains(f[0], "-"):
			take = false // of no file
		case take && len(f) == 3 && f[0] == "Anonymous:":
			if f[1] == "0" {
				out = append(out, now)
			}
			take = false
		}
	}
	return out
}

// smallPages asks the kernel for no huge pages: where it gives them unasked, as
// Debian's kernels do, a heap of a few megabytes grows by 2 MB for a single page.
// Refused, nothing is lost but memory.
func smallPages() {
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0)
}

// lean gives up the mappings of this program's file. Where that is not possible
// nothing is lost but memory.
func lean() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	for _, s := range clean(smaps, program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, s.from, s.to-s.from, unix.MADV_DONTNEED) // refused: it stays resident
	}
}
