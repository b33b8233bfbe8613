package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// licences prints the licence files of every module, in full: most licences ask
// for it. A module without one is an error.
func licences(w io.Writer, modules []*debug.Module) error {
	var out bytes.Buffer
	for _, m := range modules {
		dir, err := folder(m)
		if err != nil {
			return err
		}
		texts, err := licenceFiles(dir)
		if err != nil {
			return fmt.Errorf("licence of %s %s: %w", m.Path, m.Version, err)
		}
		fmt.Fprintf(&out, "=== %s %s\n\n%s\n\n", m.Path, m.Version, strings.Join(texts, "\n\n"))
	}
	_, err := out.WriteTo(w)
	return err
}

func folder(m *debug.Module) (string, error) {
	args := []string{"list", "-m", "-f", "{{.Dir}}", m.Path}
	if m.Path == "std" {
		args = []string{"env", "GOROOT"}
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w", m.Path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func licenceFiles(dir string) (texts []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE"}, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(string(b)))
	}
	if len(texts) == 0 {
		return nil, errors.New("no file names one")
	}
	return texts, nil
}
