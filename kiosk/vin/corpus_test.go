package vin_test

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"baylight/kiosk/vin"
)

// classify says what a text is, in the words of the corpus, the way a counter
// asks: a VIN, else VINs within it, else a plate of a known form.
func classify(text string) (what, value string) {
	v, finding, err := vin.Parse(text)
	switch {
	case err == nil && finding.Stripped:
		return "stripped", string(v)
	case err == nil:
		return finding.Kind.String(), string(v)
	}
	var all []string
	for _, c := range vin.Candidates(text) {
		all = append(all, string(c))
	}
	switch len(all) {
	case 0:
	case 1:
		return "one", all[0]
	default:
		return "several", strings.Join(all, " ")
	}
	if p, form, err := vin.ParsePlate(text); err == nil {
		return "plate", form.String() + " " + string(p)
	}
	return "nothing", ""
}

func TestCorpus(t *testing.T) {
	f, err := os.Open("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kinds := map[string]int{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 3 {
			t.Fatalf("line %d: %d fields", n, len(fields))
		}
		text, err := strconv.Unquote(fields[2])
		if err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		if what, value := classify(text); what != fields[0] || value != fields[1] {
			t.Errorf("line %d: %q is %s %q, want %s %q", n, text, what, value, fields[0], fields[1])
		}
		kinds[fields[0]]++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"ok", "confirm", "advisory", "stripped", "one", "several", "plate", "nothing"} {
		if kinds[k] == 0 {
			t.Errorf("the corpus has no %s", k)
		}
	}
}
