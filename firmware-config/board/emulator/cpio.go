package emulator

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Initramfs is a file tree for the kernel to start from: a cpio archive in the
// "newc" form (the kernel's Documentation/driver-api/early-userspace). The zero
// value is empty; folders above a file are made as needed. Everything is owned
// by root and carries no time.
type Initramfs struct {
	buf  bytes.Buffer
	seen map[string]bool
	ino  int
}

// Modes of cpio entries.
const (
	modeFile = 0o100755
	modeDir  = 0o040755
	modeChar = 0o020600
)

// File adds an executable file. name has no leading slash.
func (a *Initramfs) File(name string, data []byte) {
	a.dirs(name)
	a.entry(name, modeFile, 0, 0, data)
}

// Device adds a character device.
func (a *Initramfs) Device(name string, major, minor int) {
	a.dirs(name)
	a.entry(name, modeChar, major, minor, nil)
}

// Bytes ends the archive.
func (a *Initramfs) Bytes() []byte {
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	return a.buf.Bytes()
}

func (a *Initramfs) dirs(name string) {
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	d := path.Dir(name)
	if d == "." || a.seen[d] {
		return
	}
	a.dirs(d)
	a.seen[d] = true
	a.entry(d, modeDir, 0, 0, nil)
}

func (a *Initramfs) entry(name string, mode, major, minor int, data []byte) {
	a.ino++
	links := 1
	fmt.Fprintf(&a.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.ino, mode, 0, 0, links, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
	a.buf.WriteString(name + "\x00")
	a.pad()
	a.buf.Write(data)
	a.pad()
}

// pad fills up to a multiple of four.
func (a *Initramfs) pad() { a.buf.WriteString(strings.Repeat("\x00", -a.buf.Len()&3)) }
