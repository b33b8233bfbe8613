package journal

import (
	"errors"
	"slices"
	"testing"

	"baylight/kiosk"
)

// Beside gives the events next to a destroyed range under its own epoch, as they
// were recorded, and none where none is.
func TestBeside(t *testing.T) {
	j := fresh(t)
	path := j.path
	want := appendN(t, j, 40)
	must(t, j.SetCursor("paper", 40)) // tells that there were 40
	must(t, j.Close())
	run("DELETE FROM events WHERE pos = 1 OR pos BETWEEN 7 AND 9 OR pos > 38")(t, path)
	j = salvaging(t, path)
	r, _ := j.Salvaged()
	epoch := want[0].Epoch
	if !slices.Equal(r.Lost, []Lost{{epoch, 1, 1}, {epoch, 7, 9}, {epoch, 39, 40}}) {
		t.Fatalf("lost: %v", r.Lost)
	}
	for _, c := range []struct {
		lost          Lost
		before, after uint64
	}{{r.Lost[0], 0, 2}, {r.Lost[1], 6, 10}, {r.Lost[2], 38, 0}, {Lost{epoch, 8, 8}, 6, 10}, {Lost{epoch, 1, maxPos}, 0, 0},
		{Lost{"no-such-epoch", 1, 3}, 0, 0}, {Lost{epoch, 0, 3}, 0, 0}, {Lost{epoch, 3, 2}, 0, 0}, {Lost{epoch, 1, 1<<64 - 1}, 0, 0}} {
		before, after, err := j.Beside(c.lost)
		must(t, err)
		for _, e := range []struct {
			got kiosk.Event
			seq uint64
		}{{before, c.before}, {after, c.after}} {
			if e.seq == 0 {
				if e.got.Data != nil {
					t.Errorf("beside %v is %s", c.lost, e.got.ID())
				}
				continue
			}
			if e.got.Epoch != epoch || e.got.Seq != e.seq || !e.got.Moment.Wall.Equal(want[e.seq-1].Moment.Wall) {
				t.Errorf("beside %v is %s of %v, want %d", c.lost, e.got.ID(), e.got.Moment.Wall, e.seq)
			}
		}
	}
	must(t, j.Close())
	if _, _, err := j.Beside(r.Lost[0]); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
