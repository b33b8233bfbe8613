package firstrun

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Machine is what was found at the ends of this machine's wires.
type Machine struct {
	Lines    []string // serial lines by their most stable name
	Printers []string // USB printers, e.g. /dev/usb/lp0
	Chips    []string // GPIO chips, e.g. /dev/gpiochip0; none: no lamps
}

// The names under which serial lines are looked for, the most stable first: our
// own udev names, then those of the adapter's serial number, of its place on
// the hub, and last the kernel's, which change with the order of plugging.
var lineNames = []string{
	"dev/baylight/*", "dev/serial/by-id/*", "dev/serial/by-path/*", "dev/ttyUSB*", "dev/ttyACM*", "dev/ttyAMA*",
}

// Look looks for devices below root, "/" on a board. Each serial line is named
// once, by its most stable name.
func Look(root string) (m Machine) {
	seen := map[string]bool{}
	for _, pattern := range lineNames {
		for _, path := range glob(root, pattern) {
			real, err := filepath.EvalSymlinks(path)
			if err != nil || seen[real] || strings.HasPrefix(filepath.Base(real), "lp") {
				continue
			}
			seen[real] = true
			m.Lines = append(m.Lines, path)
		}
	}
	m.Printers = glob(root, "dev/usb/lp*")
	m.Chips = glob(root, "dev/gpiochip*")
	return m
}

func glob(root, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(cmp.Or(root, "/"), pattern))
	if err != nil {
		return nil // the patterns are ours and well formed
	}
	slices.Sort(found)
	return slices.DeleteFunc(found, func(p string) bool {
		s, err := os.Stat(p)
		return err != nil || s.IsDir()
	})
}
