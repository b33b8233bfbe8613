// Package cmdtest runs a program as its users do, by scripts in testdata/*.txtar
// (see github.com/rogpeppe/go-internal/testscript). Besides testscript's own
// commands a script has:
//
//	exits N program [args…]   runs it and expects this exit code
//	expand FILE               writes FILE from FILE.in with $NAME replaced
//	device NAME               plugs a pretend scanner in at $WORK/NAME
//	await URL [STATUS]        waits until a GET is answered with 200 or STATUS, at most 20 s
//
// and besides its variables $TAKEN, an address where something listens and says
// nothing, $CLOSED, an address where nothing does, and $TESTDATA, the folder of
// the scripts.
package cmdtest

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"baylight/device/bench"
)

// Run runs all scripts of the package.
func Run(t *testing.T) {
	t.Helper()
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: addresses, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "expand": expand, "device": device, "await": await}})
}

func addresses(env *testscript.Env) error {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { taken.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	data, err := filepath.Abs("testdata")
	if err != nil {
		return err
	}
	env.Setenv("TESTDATA", data)
	env.Setenv("TAKEN", taken.Addr().String())
	env.Setenv("CLOSED", closed.Addr().String())
	return closed.Close()
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%v ended with %d, want %d", args[1:], got, want)
	}
}

func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	text := os.Expand(ts.ReadFile(args[0]+".in"), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func device(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: device NAME")
	}
	s, err := bench.NewScanner(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(s.Close()) })
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await URL [STATUS]")
	}
	want := http.StatusOK
	if len(args) == 2 {
		var err error
		want, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	client := &http.Client{Timeout: time.Second}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		res, err := client.Get(args[0])
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == want {
			return
		}
	}
	ts.Fatalf("%s does not answer with %d", args[0], want)
}
