package doctor

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"baylight/kiosk/health"
)

// disk looks at the disk that the journal is on.
func disk(_ context.Context, f *Facts) (out []Finding) {
	if f.Settings != nil {
		out = append(out, f.room(f.Settings.Data)...)
		out = append(out, f.mount(f.Settings.Data)...)
	}
	out = append(out, f.wear()...)
	return append(out, f.kernel()...)
}

// room looks at free space and at the reserve.
func (f *Facts) room(dir string) (out []Finding) {
	free, size, err := f.Machine.Room(dir)
	switch {
	case err != nil:
		return []Finding{unseen("disk", dir, err)}
	case free < health.Little/16:
		out = append(out, say(Wrong, "disk.full", dir, inBytes(free), inBytes(size)))
	case free < health.Little:
		out = append(out, say(Look, "disk.low", dir, inBytes(free), inBytes(size)))
	default:
		out = append(out, say(OK, "disk.room", dir, inBytes(free), inBytes(size)))
	}
	journal := path.Join(dir, "journal.db")
	if _, err := f.stat(journal); err != nil {
		return out // not there yet, or not to be seen: permissions says so
	}
	if _, err := f.stat(journal + ".ballast"); err != nil && !hidden(err) {
		out = append(out, say(Look, "disk.reserve", journal+".ballast"))
	}
	return out
}

func inBytes(n uint64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// mount looks at the file system that a folder is on.
func (f *Facts) mount(dir string) (out []Finding) {
	device, kind, options, point := "", "", "", ""
	for l := range strings.Lines(f.read("/proc/mounts")) {
		p := strings.Fields(l)
		if len(p) < 4 {
			continue
		}
		at := strings.NewReplacer(`\040`, " ", `\134`, `\`).Replace(p[1])
		if (at == dir || at == "/" || strings.HasPrefix(dir, at+"/")) && len(at) >= len(point) {
			device, point, kind, options = p[0], at, p[2], p[3]
		}
	}
	switch {
	case point == "":
		return nil
	case kind == "tmpfs" || kind == "ramfs" || kind == "overlay":
		return []Finding{say(Wrong, "disk.memory", dir, kind, point)}
	case strings.HasPrefix(options+",", "ro,"):
		return []Finding{say(Wrong, "disk.readonly", dir, point, device)}
	}
	name := path.Base(device)
	if n, ok := f.number("/sys/fs/ext4/" + name + "/errors_count"); ok && n > 0 {
		out = append(out, say(Wrong, "disk.errors", device, strconv.FormatUint(n, 10)))
	}
	return out
}

// wear is what cards say of their age. An eMMC tells it in tenths of its life
// (JEDEC 5.0: 0x01 is up to a tenth, 0x0b is past its end) for two kinds of cells,
// and how much of its reserve is used (1 normal, 2 four fifths, 3 nearly all).
func (f *Facts) wear() (out []Finding) {
	for _, card := range f.glob("/sys/block/mmcblk[0-9]") {
		name := path.Base(card)
		life, reserve := strings.Fields(f.read(card+"/device/life_time")), f.read(card+"/device/pre_eol_info")
		if len(life) == 0 {
			out = append(out, say(OK, "disk.sd", name, f.read(card+"/device/name")))
			continue
		}
		worst := uint64(0)
		for _, l := range life {
			if n, err := strconv.ParseUint(l, 0, 8); err == nil {
				worst = max(worst, n)
			}
		}
		used, _ := strconv.ParseUint(reserve, 0, 8) // 0: it does not tell
		age := strconv.FormatUint(min(worst, 10)*10, 10)
		switch {
		case worst >= 11 || used >= 3:
			out = append(out, say(Wrong, "disk.worn", name, age))
		case worst >= 9 || used == 2:
			out = append(out, say(Look, "disk.old", name, age))
		default:
			out = append(out, say(OK, "disk.wear", name, age))
		}
	}
	return out
}

// broken are lines of the kernel's log that speak of a failing disk.
var broken = regexp.MustCompile(`(?i)(I/O error|mmc\d+: (error|timeout|card never left busy)|mmcblk\d+: (error|recovery failed)|EXT4-fs error|Remounting filesystem read-only|critical (medium|target) error)`)

// kernel counts what the kernel's log has of failing disks.
func (f *Facts) kernel() []Finding {
	lines, err := f.Machine.Kernel()
	if err != nil {
		return []Finding{unseen("disk", "the kernel's log", err)}
	}
	n, last := 0, ""
	for _, l := range lines {
		if broken.MatchString(l) {
			n, last = n+1, l
		}
	}
	if n > 0 {
		return []Finding{say(Wrong, "disk.kernel", strconv.Itoa(n), last)}
	}
	return []Finding{say(OK, "disk.quiet")}
}
