package backoffice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestTogether: while one question is on its way the others gather, and each is
// given its own answer; who asks twice is asked for once.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked [][]int
		x := newTogether(func(_ context.Context, qs []int) (map[int]string, error) {
			slices.Sort(qs)
			asked = append(asked, qs)
			time.Sleep(time.Second) // of the bubble's clock
			out := map[int]string{}
			for _, q := range qs {
				out[q] = fmt.Sprint("answer ", q)
			}
			return out, nil
		})
		var work sync.WaitGroup
		ask := func(q int) {
			work.Go(func() {
				if a, err := x.of(t.Context(), q); err != nil || a != fmt.Sprint("answer ", q) {
					t.Errorf("%d: %q (%v)", q, a, err)
				}
			})
			synctest.Wait()
		}
		for _, q := range []int{1, 4, 2, 3, 2} {
			ask(q)
		}
		work.Wait()
		if fmt.Sprint(asked) != "[[1] [2 3 4]]" {
			t.Errorf("asked %v, want 1 alone and the others together", asked)
		}
	})
}

// TestTogetherLeft: if whoever asks for all leaves, the others ask again; what
// fails for all fails for each; who leaves does not wait.
func TestTogetherLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		x := newTogether(func(ctx context.Context, qs []int) (map[int]int, error) {
			if slices.Contains(qs, 9) {
				return nil, broken
			}
			select {
			case <-time.After(time.Second):
				return map[int]int{1: 10, 2: 20}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		var work sync.WaitGroup
		ask := func(ctx context.Context, q, want int, fails error) {
			work.Go(func() {
				if a, err := x.of(ctx, q); a != want || !errors.Is(err, fails) {
					t.Errorf("%d: %d (%v), want %d (%v)", q, a, err, want, fails)
				}
			})
			synctest.Wait()
		}
		first, leave := context.WithCancel(t.Context())
		second, leaveToo := context.WithCancel(t.Context())
		ask(first, 1, 0, context.Canceled)  // on its way
		ask(second, 2, 0, context.Canceled) // leads those who gather behind it
		ask(t.Context(), 1, 10, nil)        // gathers
		leaveToo()
		synctest.Wait()
		leave()
		work.Wait()
		ask(t.Context(), 9, 0, broken)
		work.Wait()
	})
}
