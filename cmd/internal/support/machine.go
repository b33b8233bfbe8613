package support

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxEntries bounds how much of a folder a bundle lists.
const maxEntries = 200

// About is what runs here, and since when.
func About(version string, running time.Duration) map[string]any {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	out := map[string]any{
		"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		"processors": runtime.NumCPU(), "goroutines": runtime.NumGoroutine(), "heap_bytes": mem.HeapAlloc, "from_system_bytes": mem.Sys,
		"running_for": running.Round(time.Second).String(),
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		out["kernel"] = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		modules := map[string]string{}
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
		out["modules"] = modules
		for _, s := range info.Settings { // the others may name folders of the machine it was built on
			if strings.HasPrefix(s.Key, "vcs.") || s.Key == "CGO_ENABLED" || s.Key == "GOARM" || s.Key == "-race" {
				out[s.Key] = s.Value
			}
		}
	}
	return out
}

// DiskUse is how full the disk of a folder is, and by what.
func DiskUse(dir string) map[string]any {
	out := map[string]any{"folder": dir}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		out["error"] = err.Error()
		return out
	}
	out["free_bytes"], out["size_bytes"], out["free_inodes"] = fs.Bavail*uint64(fs.Bsize), fs.Blocks*uint64(fs.Bsize), fs.Ffree
	entries, err := os.ReadDir(dir)
	if err != nil {
		out["error"] = err.Error()
	}
	files := map[string]int64{}
	for _, e := range entries[:min(len(entries), maxEntries)] {
		st, err := os.Stat(filepath.Join(dir, e.Name()))
		switch {
		case err != nil:
		case st.IsDir():
			inside, _ := os.ReadDir(filepath.Join(dir, e.Name()))
			files[e.Name()+"/ (files)"] = int64(len(inside))
		default:
			files[e.Name()] = st.Size()
		}
	}
	out["entries"], out["bytes"] = len(entries), files
	return out
}

// Without is an address without the user and the password that may stand in it.
func Without(address string) string {
	scheme, rest, has := strings.Cut(address, "://")
	if !has {
		scheme, rest = "", address
	}
	if host, path, _ := strings.Cut(rest, "/"); strings.Contains(host, "@") {
		rest = host[strings.LastIndex(host, "@")+1:]
		if path != "" {
			rest += "/" + path
		}
	}
	if scheme == "" {
		return rest
	}
	return scheme + "://" + rest
}
