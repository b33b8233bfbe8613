// Command bill writes what a packaged program is made of, from the build
// information inside the binary: a CycloneDX 1.5 bill of materials, and the
// licences of every module in it, from the module cache.
//
//	bill sbom BINARY…       →  JSON on standard output
//	bill licences BINARY…   →  text on standard output
//
// The same binaries give the same bytes: there is no time and no serial number
// in them.
package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bill:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, args []string) error {
	if len(args) < 2 {
		return errors.New(`usage: bill sbom|licences BINARY…`)
	}
	modules, err := modules(args[1:])
	if err != nil {
		return err
	}
	switch args[0] {
	case "sbom":
		return sbom(w, modules)
	case "licences":
		return licences(w, modules)
	}
	return fmt.Errorf("%q is neither sbom nor licences", args[0])
}

// modules are those in any of the binaries, by path: each once.
func modules(binaries []string) (all []*debug.Module, err error) {
	seen := map[string]bool{}
	for _, path := range binaries {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read what %s is made of: %w", path, err)
		}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			if !seen[m.Path] {
				seen[m.Path] = true
				all = append(all, m)
			}
		}
		if !seen["std"] {
			seen["std"] = true
			all = append(all, &debug.Module{Path: "std", Version: info.GoVersion})
		}
	}
	slices.SortFunc(all, func(a, b *debug.Module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

func sbom(w io.Writer, modules []*debug.Module) error {
	bill := struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Components []component `json:"components"`
	}{"CycloneDX", "1.5", 1, nil}
	for _, m := range modules {
		c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version}
		// go.sum's "h1:" is the SHA-256 of the list of the module's files and their hashes.
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == 32 {
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
		}
		bill.Components = append(bill.Components, c)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	return out.Encode(bill)
}
