package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// user is whom the packages make for the daemons.
const user = "baylight"

// permissions looks at who may use what.
func permissions(_ context.Context, f *Facts) (out []Finding) {
	if f.Settings == nil {
		return nil
	}
	who, there := f.account(user)
	if there {
		out = append(out, f.groups(who)...)
	} else {
		out = append(out, say(Look, "permissions.user", user))
	}
	out = append(out, f.folder(f.Settings.Data, who, there)...)
	return append(out, f.secrets()...)
}

// devices are the files behind the configured devices that are there.
func (f *Facts) devices() (files []string) {
	for _, s := range f.Settings.Scanners {
		files = append(files, s.Line.Device)
	}
	if p := f.Settings.Printer; p != nil {
		files = append(files, p.USB, p.Line.Device)
	}
	for _, b := range f.Settings.Bays {
		for _, pin := range b.Pins {
			chip := "/dev/gpiochip0"
			switch p := strings.Split(pin, ":"); len(p) {
			case 2:
				chip = "/dev/" + p[0]
			case 4:
				chip = "/dev/i2c-" + p[1]
			}
			files = append(files, chip)
		}
	}
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), func(name string) bool { return !strings.HasPrefix(name, "/") })
}

// groups says which devices the daemon's user may not use.
func (f *Facts) groups(who account) (out []Finding) {
	var missing []string
	for _, name := range f.devices() {
		st, err := f.stat(name)
		if err != nil {
			continue // wiring says so
		}
		uid, gid, ok := owner(st)
		mode := st.Mode().Perm()
		if !ok || mode&0o006 == 0o006 || uid == who.uid && mode&0o600 == 0o600 || who.groups[gid] && mode&0o060 == 0o060 {
			continue
		}
		group := f.group(gid)
		if mode&0o060 != 0o060 || gid == 0 {
			out = append(out, say(Wrong, "permissions.device", name, fmt.Sprintf("%04o", mode), group))
		} else if !slices.Contains(missing, group) {
			missing = append(missing, group)
			out = append(out, say(Wrong, "permissions.group", who.name, group, name))
		}
	}
	if len(out) == 0 {
		out = append(out, say(OK, "permissions.groups", who.name))
	}
	return out
}

// folder looks at the folder of the journal.
func (f *Facts) folder(dir string, who account, there bool) []Finding {
	st, err := f.stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{say(Look, "permissions.nodata", dir)}
	case err != nil:
		return []Finding{unseen("permissions", dir, err)}
	case !st.IsDir():
		return []Finding{say(Wrong, "permissions.nofolder", dir)}
	}
	mode := st.Mode().Perm()
	if mode&0o077 != 0 {
		return []Finding{say(Wrong, "permissions.open", dir, fmt.Sprintf("%04o", mode))}
	}
	if uid, _, ok := owner(st); ok && there && uid != who.uid {
		return []Finding{say(Wrong, "permissions.owner", dir, who.name)}
	}
	return []Finding{say(OK, "permissions.data", dir)}
}

// secrets looks for files beside the configuration that everybody may read.
func (f *Facts) secrets() (out []Finding) {
	dir := path.Dir(f.Config)
	if st, err := f.stat(dir); err == nil && st.Mode().Perm()&0o001 == 0 {
		return nil // nobody else gets that far
	}
	for _, pattern := range []string{"*.key", "*password*", "staff.toml"} {
		for _, name := range f.glob(path.Join(dir, pattern)) {
			if st, err := f.stat(name); err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o007 != 0 {
				out = append(out, say(Wrong, "permissions.secret", name, fmt.Sprintf("%04o", st.Mode().Perm())))
			}
		}
	}
	return out
}
