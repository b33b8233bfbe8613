package task

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type tool struct {
	Print struct {
		Test struct {
			Paper string `arg:"" help:"What to print."`
			Copy  bool   `help:".So a line cannot begin: it is a request."`
		} `cmd:"" help:"Try the printer."`
	} `cmd:"" help:"The printer."`
	Secret struct{} `cmd:"" hidden:"" help:"Not for people."`
	Wide   int      `help:"Width in mm."`
}

func written(t *testing.T, kind string) string {
	t.Helper()
	k, err := kong.New(&tool{}, kong.Name("tool"), kong.Description("What it does."))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if ok, err := manual(&b, k.Model, []string{"--manual", kind}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return b.String()
}

func TestManPage(t *testing.T) {
	page := written(t, "man")
	for _, want := range []string{".TH TOOL 8", `tool \- What it does`, ".SS tool print test <paper>", `\fB\-\-copy\fR`, `\&.So a line`, `\fB\-\-wide\fR=\fIINT\fR`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "secret") {
		t.Error("a hidden command is in the manual")
	}
}

// A real shell completes.
func TestCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("bash is missing: apt-get install bash")
	}
	if err != nil {
		t.Skip("needs bash: apt-get install bash")
	}
	file := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(file, []byte(written(t, "bash")), 0o600); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{"tool p": "print", "tool print ": "test", "tool print test --c": "--copy", "tool s": ""} {
		list := strings.Split(words, " ")
		script := `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tool; echo "${COMPREPLY[*]}"`
		out, err := exec.Command(bash, append([]string{"-c", script, "-", file}, list...)...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q completes to %q, %v, want %q", words, got, err, want)
		}
	}
}

func TestManualIsAskedFor(t *testing.T) {
	k, err := kong.New(&tool{})
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := manual(&strings.Builder{}, k.Model, []string{"print", "test"}); ok {
		t.Error("an ordinary command was taken for a question for the manual")
	}
	if ok, err := manual(&strings.Builder{}, k.Model, []string{"--manual", "pdf"}); !ok || err == nil {
		t.Errorf("pdf: %v, %v, want an error", ok, err)
	}
}
