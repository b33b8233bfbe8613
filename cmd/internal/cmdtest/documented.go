package cmdtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// manuals are the documents that people copy commands from.
var manuals = []string{"README.md", "firmware-config/UPDATES.md", "sync/backoffice/CLUSTER.md"}

// shown is a program at the beginning of a command, as a person or a shell writes it.
var shown = regexp.MustCompile(`(?:^|[;|&(]\s*|\bdo )(?:sudo (?:-u \S+ )?|ssh \S+ |overlayroot-chroot )*(?:go run \./cmd/|/usr/bin/)?(kioskd|backofficed|baylight) ([^;|&#]*)`)

// Documented holds that each command of the program in the manuals exists, with
// its flags. c is the program's command line; at is the repository's folder.
func Documented(t *testing.T, at string, c any, program string, options ...kong.Option) {
	t.Helper()
	k, err := kong.New(c, append(options, kong.Name(program), kong.Vars{"version": "test"})...)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range manuals {
		text, err := os.ReadFile(filepath.Join(at, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codes(string(text)) {
			for _, m := range shown.FindAllStringSubmatch(code, -1) {
				if m[1] != program {
					continue
				}
				found++
				if wrong := misfit(k.Model.Node, strings.Fields(m[2])); wrong != "" {
					t.Errorf("%s shows %q: %s has no %s", name, code, program, wrong)
				}
			}
		}
	}
	if found == 0 {
		t.Errorf("no command of %s is found in %v", program, manuals)
	}
}

// codes are the lines of a document's code blocks and what stands between backquotes.
func codes(text string) (out []string) {
	block := false
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "```"):
			block = !block
		case block:
			out = append(out, line)
		default:
			for i, part := range strings.Split(line, "`") {
				if i%2 == 1 {
					out = append(out, part)
				}
			}
		}
	}
	return out
}

// misfit is the first word that is no command and no flag, "" if all fit.
func misfit(node *kong.Node, words []string) string {
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			if !hasFlag(node, name) {
				return w
			}
			continue
		}
		if next := child(node, w); next != nil {
			node = next
		} else if !strings.HasPrefix(w, "-") && node.Type == kong.ApplicationNode {
			return "command " + w
		}
	}
	return ""
}

func child(node *kong.Node, name string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func hasFlag(node *kong.Node, name string) bool {
	if name == "manual" { // see task.Parse
		return true
	}
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if f.Name == name {
				return true
			}
		}
	}
	return node.DefaultCmd != nil && hasFlag(node.DefaultCmd, name)
}
