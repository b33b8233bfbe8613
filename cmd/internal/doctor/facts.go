package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/kiosk"
)

// Machine is what cannot be read from a file. None of it changes anything.
type Machine interface {
	// Ask asks the running kiosk how it is.
	Ask(ctx context.Context, socket string) (*kioskapp.State, error)
	// Line says why a serial line cannot be opened, nil if it can.
	Line(device string) error
	// Reach says why nothing takes connections at host:port.
	Reach(ctx context.Context, address string) error
	// Lamps says which pins cannot be driven, and why.
	Lamps(set *settings.Kiosk) []error
	// Broker says how far a board gets with its broker.
	Broker(ctx context.Context, set *settings.Kiosk) error
	// Room is what is free on the disk of a folder, and its size, in bytes.
	Room(dir string) (free, size uint64, err error)
	// Moment is the system's clock as the kiosk would read it.
	Moment() (kiosk.Moment, error)
	// Unit are properties of a unit, as systemctl show names them.
	Unit(ctx context.Context, name string) (map[string]string, error)
	// Kernel are the last lines of the kernel's log.
	Kernel() ([]string, error)
}

// DefaultConfig is the configuration that kioskd takes if it is told of none.
const DefaultConfig = "/etc/baylight/kiosk.toml"

// Facts are what the checks look at.
type Facts struct {
	Config   string          // path of the configuration
	Settings *settings.Kiosk // nil: it could not be read, and Bad says why
	Bad      error           // beside Settings: a secret is missing, and is not in them
	Files    fs.FS           // of the machine, from its root
	State    *kioskapp.State // what the running kiosk says, nil if it does not
	Deaf     error           // why it does not
	Running  bool            // a kiosk runs, whether or not it answers
	Version  string          // of this program
	Built    time.Time       // no true time lies before
	SQLite   string          // version of the module that this program was built with
	Now      time.Time
	Machine  Machine
}

// held says that a device may be open in a running kiosk and must not be touched.
func (f *Facts) held() bool { return f.Running || f.State != nil }

// read gives a small file without white space around it, "" if it cannot be read.
func (f *Facts) read(name string) string {
	b, err := fs.ReadFile(f.Files, rel(name))
	if err != nil || len(b) > 1<<20 {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// rel is an absolute path as an fs.FS wants it.
func rel(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

func (f *Facts) stat(name string) (fs.FileInfo, error) { return fs.Stat(f.Files, rel(name)) }

// glob lists absolute paths.
func (f *Facts) glob(pattern string) (out []string) {
	found, _ := fs.Glob(f.Files, rel(pattern)) // the patterns are well formed
	for _, name := range found {
		out = append(out, "/"+name)
	}
	return out
}

// number reads a file that holds a number, decimal or 0x….
func (f *Facts) number(name string) (uint64, bool) {
	n, err := strconv.ParseUint(f.read(name), 0, 64)
	return n, err == nil
}

// owner are the ids that own a file.
func owner(st fs.FileInfo) (uid, gid uint32, ok bool) {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return s.Uid, s.Gid, true
}

// account is a user of this machine.
type account struct {
	name   string
	uid    uint32
	groups map[uint32]bool
}

// account finds a user and its groups.
func (f *Facts) account(name string) (account, bool) {
	a := account{name: name, groups: map[uint32]bool{}}
	found := false
	for l := range strings.Lines(f.read("/etc/passwd")) {
		p := strings.Split(strings.TrimSpace(l), ":")
		if len(p) < 4 || p[0] != name {
			continue
		}
		uid, errU := strconv.ParseUint(p[2], 10, 32)
		gid, errG := strconv.ParseUint(p[3], 10, 32)
		if errU == nil && errG == nil {
			a.uid, found = uint32(uid), true
			a.groups[uint32(gid)] = true
		}
	}
	f.eachGroup(func(_ string, gid uint32, members []string) {
		for _, m := range members {
			if m == name {
				a.groups[gid] = true
			}
		}
	})
	return a, found
}

// group is the name of a group, its number if it has none.
func (f *Facts) group(gid uint32) string {
	name := strconv.FormatUint(uint64(gid), 10)
	f.eachGroup(func(n string, g uint32, _ []string) {
		if g == gid {
			name = n
		}
	})
	return name
}

func (f *Facts) eachGroup(do func(name string, gid uint32, members []string)) {
	for l := range strings.Lines(f.read("/etc/group")) {
		p := strings.Split(strings.TrimSpace(l), ":")
		if len(p) < 4 {
			continue
		}
		if gid, err := strconv.ParseUint(p[2], 10, 32); err == nil {
			do(p[0], uint32(gid), strings.Split(p[3], ","))
		}
	}
}

// kioskRuns says whether a kioskd with this configuration runs, as far as the
// processes' command lines tell: one that was started from elsewhere with a
// relative name counts.
func (f *Facts) kioskRuns() bool {
	for _, comm := range f.glob("/proc/[0-9]*/comm") {
		if f.read(comm) != "kioskd" {
			continue
		}
		named := DefaultConfig
		args := strings.Split(f.read(path.Join(path.Dir(comm), "cmdline")), "\x00")
		for i, arg := range args {
			if value, ok := strings.CutPrefix(arg, "--config="); ok {
				named = value
			} else if arg == "--config" && i+1 < len(args) {
				named = args[i+1]
			}
		}
		if named == f.Config || !path.IsAbs(named) && path.Base(named) == path.Base(f.Config) {
			return true
		}
	}
	return false
}

// hidden says that something is there and may not be read.
func hidden(err error) bool { return errors.Is(err, fs.ErrPermission) }
