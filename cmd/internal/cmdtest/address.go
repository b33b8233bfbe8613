package cmdtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports below those that a system gives out by itself (Linux: from 32768 on), so
// that no connection and no listener of another test takes one of them between
// here and its use.
const firstPort, lastPort = 20_000, 32_000

// Address is one on this machine that nobody listens on, for what opens it later.
func Address(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return l.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}
