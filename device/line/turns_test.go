package line

import (
	"context"
	"testing"
)

// Turns tells a line that is listened to, or tried, from one that hangs.
func TestTurns(t *testing.T) {
	l := New(Config{Device: "/dev/of-no-such-name", Baud: 9600}, nil, func([]byte) {}, nil)
	tries := make(chan struct{})
	l.open = func(Config) (port, error) {
		tries <- struct{}{}
		return nil, errHungUp
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	for want := uint64(1); want <= 3; want++ {
		<-tries
		if got := l.Turns(); got != want {
			t.Errorf("%d turns after %d attempts", got, want)
		}
	}
	cancel()
	for {
		select {
		case <-tries:
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}
