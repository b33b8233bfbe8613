// Package settings reads the configuration files of the two daemons:
// strict TOML, in which an unknown key is an error that names the file, the
// line and what was probably meant. Secrets never stand in a configuration
// file; it names the files that hold them, or systemd passes them as credentials.
//
// The files are read once, at start. Every value is checked here and turned
// into the types the rooms use, so that nothing behind this package sees TOML.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"
)

// Schema is the version of the configuration this program reads, the first
// line of each file.
const Schema = 1

// load decodes the file at path into v, strictly.
func load(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	return decode(path, b, v)
}

func decode(path string, b []byte, v any) error {
	dec := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	err := dec.Decode(v)
	var strict *toml.StrictMissingError
	var broken *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		var all []string
		for _, e := range strict.Errors {
			all = append(all, describe(path, b, &e, "unknown key "+quoteKey(e.Key())+meant(v, e.Key())))
		}
		return errors.New(strings.Join(all, "\n"))
	case errors.As(err, &broken):
		return errors.New(describe(path, b, broken, strings.TrimPrefix(broken.Error(), "toml: ")))
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// describe is "file:line:column: what", the line itself and a caret under the place.
func describe(path string, b []byte, e *toml.DecodeError, what string) string {
	row, col := e.Position()
	line := ""
	if lines := strings.Split(string(b), "\n"); row >= 1 && row <= len(lines) {
		line = strings.TrimRight(lines[row-1], "\r")
	}
	if len(line) > 400 {
		line = strings.ToValidUTF8(line[:400], "") + "…"
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:min(max(col-1, 0), len(line))])
	line = strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return '\ufffd' // a terminal would obey it
		}
		return r
	}, line)
	return fmt.Sprintf("%s:%d:%d: %s\n    %s\n    %s^", path, row, col, what, line, pad)
}

func quoteKey(k toml.Key) string { return fmt.Sprintf("%q", strings.Join(k, ".")) }

// meant names the known key beside an unknown one that is nearest to it.
func meant(v any, k toml.Key) string {
	t := reflect.TypeOf(v)
	for _, part := range k[:len(k)-1] {
		t = field(t, part)
	}
	best, dist := "", 4
	names := keys(t)
	for _, n := range names {
		if d := distance(n, k[len(k)-1]); d < dist {
			best, dist = n, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(names) > 0:
		return "; known here: " + strings.Join(names, ", ")
	}
	return ""
}

func under(t reflect.Type) reflect.Type {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	return t
}

func field(t reflect.Type, name string) reflect.Type {
	if t = under(t); t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("toml") == name {
			return f.Type
		}
	}
	return nil
}

func keys(t reflect.Type) (names []string) {
	if t = under(t); t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if n := f.Tag.Get("toml"); n != "" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// distance is the number of single-character edits between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// problems collects what is wrong with a file, so that all of it is said at once.
type problems struct {
	path string
	list []string
	vault
}

func (p *problems) add(format string, args ...any) {
	p.list = append(p.list, fmt.Sprintf("%s: %s", p.path, fmt.Sprintf(format, args...)))
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.list, "\n"))
}

// visible is a value within a sentence: what a terminal would obey is escaped, and
// a long one is cut.
func visible(s string) string {
	q := strconv.Quote(s)
	if r := []rune(q[1 : len(q)-1]); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return q[1 : len(q)-1]
}
