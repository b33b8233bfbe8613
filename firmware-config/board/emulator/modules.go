package emulator

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Modules finds kernel modules by name below dir, with all they depend on, in
// the order in which they have to be loaded. Those that dir/modules.builtin lists
// are in the kernel and need no file. A package's kernel has no modules.dep: the
// dependencies are read from the modules themselves.
func Modules(dir string, names ...string) (files []string, err error) {
	all := map[string]string{}
	builtin, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, fmt.Errorf("find kernel modules: %w", err)
	}
	for path := range lines(string(builtin)) {
		all[moduleName(path)] = ""
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("find kernel modules: %w", err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".ko") {
			all[moduleName(path)] = path
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find kernel modules: %w", err)
	}
	var add func(name string) error
	add = func(name string) error {
		path, known := all[strings.ReplaceAll(name, "-", "_")]
		if !known {
			return fmt.Errorf("find kernel modules: no %s below %s", name, dir)
		}
		if path == "" || slices.Contains(files, path) {
			return nil
		}
		needs, err := needs(path)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := add(n); err != nil {
				return err
			}
		}
		files = append(files, path)
		return nil
	}
	for _, n := range names {
		if err := add(n); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// needs reads the modules that a module's own .modinfo names.
func needs(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("read module %s: %w: no .modinfo", path, os.ErrInvalid)
	}
	info, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	return depends(info), nil
}

// depends takes "depends=a,b" out of zero-terminated fields.
func depends(info []byte) []string {
	for field := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := strings.CutPrefix(string(field), "depends="); ok && list != "" {
			return strings.Split(list, ",")
		}
	}
	return nil
}
