package trial

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"baylight/firmware-config/board/agent"
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
