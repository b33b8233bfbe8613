// Command gallery takes the README's pictures: it starts the demo, looks at its
// pages with a headless Chromium as the people who use them do, and writes each
// as a small PNG with a palette.
//
//	gallery -baylight bin/baylight -out kiosk/screen/gallery
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	program := flag.String("baylight", "bin/baylight", "the program that has the demo")
	out := flag.String("out", "kiosk/screen/gallery", "folder for the pictures")
	chromium := flag.String("chromium", "chromium", "the browser")
	flag.Parse()
	if err := run(*program, *out, *chromium); err != nil {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

func run(program, out, chromium string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	at, stop, err := demo(ctx, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true))
	browser, end := chromedp.NewExecAllocator(ctx, options...)
	defer end()
	first, end := chromedp.NewContext(browser)
	defer end()
	if err := chromedp.Run(first); err != nil {
		return fmt.Errorf("start %s: %w", chromium, err)
	}
	g := gallery{first, at, out}
	for _, part := range []func() error{g.customer, g.workshop, g.staff, g.office} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// addresses are where the demo's pages are.
type addresses struct{ demo, kiosk, office string }

// address finds the URLs in what the demo prints, by the words after them.
var address = regexp.MustCompile(`(http://[0-9.:]+)/\s+(the demo|customer kiosk|back office)`)

// demo starts the demo and waits for its addresses.
func demo(ctx context.Context, program string) (at addresses, stop func() error, err error) {
	c := exec.CommandContext(ctx, program, "demo")
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.Stderr = os.Stderr
	lines, err := c.StdoutPipe()
	if err != nil {
		return at, nil, err
	}
	if err := c.Start(); err != nil {
		return at, nil, fmt.Errorf("start the demo: %w", err)
	}
	stop = func() error {
		_ = c.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_, _ = io.Copy(io.Discard, lines)
		if err := c.Wait(); err != nil && c.ProcessState.ExitCode() > 0 {
			return fmt.Errorf("the demo: %w", err)
		}
		return nil
	}
	for in := bufio.NewScanner(lines); in.Scan(); {
		if m := address.FindStringSubmatch(in.Text()); m != nil {
			*map[string]*string{"the demo": &at.demo, "customer kiosk": &at.kiosk, "back office": &at.office}[m[2]] = m[1]
		}
		if strings.HasPrefix(in.Text(), "Ctrl-C") {
			return at, stop, nil
		}
	}
	return at, nil, errors.Join(errors.New("the demo ended before it told its addresses"), stop())
}
