package trial

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/disk"
)

func TestPowerVerdicts(t *testing.T) {
	there := []agent.Event{{Type: "job.started", Visit: "v1", Scan: "A"}, {Type: "job.paused", Visit: "v1", Scan: "B"}, {Type: "job.started", Visit: "v2", Scan: "B"}}
	for _, c := range []struct {
		name   string
		told   []string
		events []agent.Event
		fault  error
		want   string
		tally  tally
	}{
		{"all there", []string{"A", "B"}, there, nil, "kept", tally{Kept: 3}},
		{"more is there than was acknowledged", []string{"A"}, there, nil, "kept", tally{Kept: 3}},
		{"one is missing", []string{"A", "C"}, there, nil, "lost: 1 of 2", tally{Lost: 3, Missing: 1}},
		{"nothing is there", []string{"A"}, nil, nil, "lost: 1 of 1", tally{Lost: 3, Missing: 1}},
		{"one twice", []string{"A", "B"}, append(there[:3:3], there[2]), nil, "corrupt: recorded more than once", tally{Corrupt: 3, Twice: 1}},
		{"it does not open", []string{"A"}, there, errors.New("journal is damaged"), "corrupt: journal is damaged", tally{Corrupt: 3}},
	} {
		var got tally
		if v := got.decide(c.told, c.events, c.fault, 3); !strings.HasPrefix(v, c.want) || got != c.tally {
			t.Errorf("%s: %q, %+v, want %q, %+v", c.name, v, got, c.want, c.tally)
		}
	}
}

func TestBeepIsHeardWhole(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("\x06\x1b\x1b7,xx\x1b8,\x1b7"))
	if good, err := beep(in); !good || err != nil {
		t.Errorf("the first is good=%v, %v", good, err)
	}
	if good, err := beep(in); good || err != nil {
		t.Errorf("the second is good=%v, %v", good, err)
	}
	if _, err := beep(in); !errors.Is(err, io.EOF) {
		t.Errorf("half a beep: %v", err)
	}
}

// TestRepair: what a cut may do to the file system itself is mended as at boot,
// and a sound one stays sound.
func TestRepair(t *testing.T) {
	image, err := fileSystem()
	if err != nil {
		t.Fatal(err)
	}
	for _, spoil := range []bool{false, true} {
		d, err := disk.New(image)
		if err != nil {
			t.Fatal(err)
		}
		before := d.Image()
		if spoil {
			clear(before[1024+0x3A : 1024+0x3C]) // the superblock no longer says that it is clean
			clear(before[8192 : 64<<10])         // nor what is in use
			if err := d.Replace(before); err != nil {
				t.Fatal(err)
			}
		}
		p := &power{disk: d}
		if err := p.repair(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, d.Image(), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := admin("e2fsck", "-n", "-f", path); err != nil {
			t.Errorf("spoiled=%v, repaired, and e2fsck still says %v: %s", spoil, err, out)
		}
		if spoil && bytes.Equal(d.Image(), before) {
			t.Error("nothing was mended")
		}
	}
}
