package hostile_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sinks is everything that the product writes texts from outside to, and the test
// and the fuzz target that drive it through with the corpus.
var sinks = []struct{ sink, test, fuzz string }{
	{"SQL of a board", "TestJournal", "FuzzJournal"},
	{"SQL of the back office", "TestLedger", "FuzzLedger"},
	{"PostgreSQL", "TestPostgres", "FuzzLedger"}, // the same rows; a server for each input is too dear
	{"HTML of a kiosk", "TestKioskPages", "FuzzKioskPages"},
	{"HTML of the back office", "TestOfficePages", "FuzzOfficePages"},
	{"HTTP headers", "TestOfficePages", "FuzzOfficePages"},
	{"ESC/POS", "TestPaper", "FuzzPaper"},
	{"MQTT topics", "TestTopics", "FuzzTopics"},
	{"CSV", "TestCSV", "FuzzTable"},
	{"XLSX", "TestXLSX", "FuzzXLSX"},
	{"tables on a terminal", "TestTextTable", "FuzzTable"},
	{"logs", "TestLogs", "FuzzLogs"},
	{"terminal", "TestTerminal", "FuzzTerminal"},
	{"support bundle", "TestSupportBundle", "FuzzSupportBundle"},
	{"file names", "TestFileNames", "FuzzFileNames"},
	{"names in configuration", "TestNames", "FuzzNames"},
	{"metrics", "TestMetrics", "FuzzMetrics"},
}

// functions are the test functions of a folder.
func functions(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", dir, err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				out = append(out, fn.Name.Name)
			}
		}
	}
	return out
}

// TestSinks: every sink has its test and its fuzz target, every fuzz target its
// sink, and DESIGN.md speaks of each; every test that it names exists where it says.
func TestSinks(t *testing.T) {
	page, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	ours := functions(t, ".")
	var fuzzed []string
	for _, s := range sinks {
		if !slices.Contains(ours, s.test) || !slices.Contains(ours, s.fuzz) {
			t.Errorf("%s: %s or %s is not there", s.sink, s.test, s.fuzz)
		}
		if !strings.Contains(string(page), "| "+s.sink+" |") || !strings.Contains(string(page), "`"+s.test+"`") || !strings.Contains(string(page), "`"+s.fuzz+"`") {
			t.Errorf("DESIGN.md has no line for %s with %s and %s", s.sink, s.test, s.fuzz)
		}
		fuzzed = append(fuzzed, s.fuzz)
	}
	for _, f := range ours {
		if strings.HasPrefix(f, "Fuzz") && !slices.Contains(fuzzed, f) {
			t.Errorf("%s is of no sink", f)
		}
	}
	named := 0
	for _, m := range regexp.MustCompile("`(?:([a-z/]+)\\.)?((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1) {
		named++
		all := ours
		if m[1] != "" {
			all = functions(t, filepath.Join("..", "..", "..", m[1]))
		}
		if !slices.Contains(all, m[2]) {
			t.Errorf("DESIGN.md names %s, which is not there", m[0])
		}
	}
	if named < 2*len(sinks) {
		t.Errorf("DESIGN.md names %d tests", named)
	}
}
