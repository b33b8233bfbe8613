package task

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Signals gives a context that ends at Ctrl-C or when the service is stopped.
func Signals() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// Logger logs to stderr, where systemd takes it: a record is a line, and nothing
// in it steers the terminal of who reads it.
func Logger() *slog.Logger { return slog.New(slog.NewTextHandler(Err(), nil)) }

// Version is the program's version as it was built.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Report writes what a check found, one line each, and says whether all is well.
func Report(w io.Writer, findings []error) bool {
	for _, f := range findings {
		fmt.Fprintln(w, f)
	}
	if len(findings) == 0 {
		fmt.Fprintln(w, "all is well")
	}
	return len(findings) == 0
}

// Parse reads the command line into c. A mistake in it is told with what would
// be right, and ends the program with 2.
func Parse(c any, name, what string, options ...kong.Option) *kong.Context {
	k, err := kong.New(c, append(options, kong.Name(name), kong.Description(what), kong.UsageOnError(), kong.Vars{"version": Version()},
		kong.Exit(func(code int) {
			if code != 0 {
				code = 2
			}
			os.Exit(code)
		}))...)
	if err != nil {
		panic(err) // the command's own definition is wrong: no input can cause it
	}
	if asked, err := manual(os.Stdout, k.Model, os.Args[1:]); asked {
		k.FatalIfErrorf(err)
		os.Exit(0)
	}
	ctx, err := k.Parse(os.Args[1:])
	k.FatalIfErrorf(err)
	return ctx
}
