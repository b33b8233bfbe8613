package cmdtest

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// What the documents may and may not say of a program.
func TestMisfit(t *testing.T) {
	k, err := kong.New(&struct {
		Run struct {
			Config string
		} `cmd:""`
		Lamp struct {
			Test struct{ Bay string } `cmd:""`
		} `cmd:""`
		Pin struct {
			File string `arg:""`
		} `cmd:""`
	}{}, kong.Name("kioskd"))
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"run --config x":       "",
		"run --config=x":       "",
		"lamp test --bay b1":   "",
		"pin run":              "",
		"runs":                 "command runs",
		"lamp test --colour x": "--colour",
		"run --bay b1":         "--bay",
	} {
		if got := misfit(k.Model.Node, strings.Fields(words)); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
	got := shown.FindAllStringSubmatch("sudo systemctl stop kioskd; sudo -u baylight kioskd run --config x && journalctl -u kioskd -n 1; ssh k1 kioskd check", -1)
	if len(got) != 2 || strings.TrimSpace(got[0][2]) != "run --config x" || got[1][2] != "check" {
		t.Errorf("%q", got)
	}
}
