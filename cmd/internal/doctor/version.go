package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// What the journal's file says in its header; a test holds them to a real one.
const (
	applicationID  = 0x4261794a
	journalVersion = 2
)

// versions looks at what is installed, what runs and what the journal is.
func versions(_ context.Context, f *Facts) (out []Finding) {
	switch {
	case f.State == nil:
		out = append(out, say(OK, "version.tool", f.Version))
	case f.State.Version != f.Version:
		out = append(out, say(Look, "version.differs", f.Version, f.State.Version))
	default:
		out = append(out, say(OK, "version.ok", f.Version))
	}
	if f.SQLite != "" {
		out = append(out, say(OK, "version.sqlite", f.SQLite))
	}
	if f.Settings == nil {
		return out
	}
	name := path.Join(f.Settings.Data, "journal.db")
	application, version, err := header(f.Files, rel(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out = append(out, say(OK, "version.nojournal", name))
	case hidden(err):
		out = append(out, unseen("version", name, err))
	case err != nil || application != applicationID:
		out = append(out, say(Wrong, "version.notjournal", name))
	case version > journalVersion:
		out = append(out, say(Look, "version.newer", name, strconv.Itoa(int(version)), strconv.Itoa(journalVersion)))
	default:
		out = append(out, say(OK, "version.journal", name, strconv.Itoa(int(version))))
	}
	return out
}

// header reads what a SQLite file says of itself, without opening it as a
// database: https://www.sqlite.org/fileformat2.html, user_version at 60,
// application_id at 68. A change that is still in the write-ahead log is not seen.
func header(files fs.FS, name string) (application, version uint32, err error) {
	file, err := files.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	var b [100]byte
	if _, err := io.ReadFull(file, b[:]); err != nil {
		return 0, 0, err
	}
	return binary.BigEndian.Uint32(b[68:]), binary.BigEndian.Uint32(b[60:]), nil
}

// unit is the daemon's.
const unit = "kioskd.service"

// service looks at how systemd runs the kiosk.
func service(ctx context.Context, f *Facts) (out []Finding) {
	p, err := f.Machine.Unit(ctx, unit)
	if err != nil {
		return f.unitFiles(err)
	}
	if p["LoadState"] != "loaded" {
		return []Finding{say(Look, "service.missing", unit)}
	}
	if s := p["UnitFileState"]; s != "enabled" && s != "enabled-runtime" && s != "static" {
		out = append(out, say(Look, "service.disabled", unit, s))
	}
	if w := p["WatchdogUSec"]; w == "" || w == "0" || w == "infinity" {
		out = append(out, say(Look, "service.watchdog", unit))
	}
	if p["ActiveState"] == "failed" {
		out = append(out, say(Wrong, "service.failed", unit, p["Result"]))
	}
	if n, err := strconv.Atoi(p["NRestarts"]); err == nil && n > 0 {
		out = append(out, say(Look, "service.restarts", unit, strconv.Itoa(n)))
	}
	if len(out) == 0 {
		out = append(out, say(OK, "service.ok", unit, p["ActiveState"], p["NRestarts"]))
	}
	return out
}

// unitFiles is what the files tell where systemd does not answer.
func (f *Facts) unitFiles(why error) []Finding {
	for _, dir := range []string{"/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"} {
		text := f.read(dir + unit)
		if text == "" {
			continue
		}
		if !strings.Contains(text, "\nWatchdogSec=") {
			return []Finding{say(Look, "service.watchdog", unit)}
		}
		if _, err := fs.Lstat(f.Files, rel("/etc/systemd/system/multi-user.target.wants/"+unit)); err != nil {
			return []Finding{say(Look, "service.disabled", unit, "")}
		}
		return []Finding{say(OK, "service.files", unit), unseen("service", unit, why)}
	}
	return []Finding{unseen("service", unit, why)}
}
