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
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

// maxPicture bounds a picture in the repository.
const maxPicture = 150_000

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

// gallery takes pictures of one demo.
type gallery struct {
	browser context.Context
	at      addresses
	out     string
}

// tab is one window of a given size.
type tab struct {
	ctx context.Context
	g   gallery
}

func (g gallery) open(width, height int64, url string) (tab, context.CancelFunc, error) {
	ctx, end := chromedp.NewContext(g.browser)
	t := tab{ctx, g}
	return t, end, t.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
}

func (t tab) do(actions ...chromedp.Action) error {
	if err := chromedp.Run(t.ctx, actions...); err != nil {
		return fmt.Errorf("look at a page: %w", err)
	}
	return nil
}

// sees waits until an expression is true in the page. Asking fails while one page
// follows another; then it asks again.
func (t tab) sees(expression string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); ; {
		var ok bool
		err := chromedp.Run(t.ctx, chromedp.Evaluate("!!("+expression+")", &ok))
		if ok && err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("not within 20 s: %s (%w)", expression, errors.Join(err, errors.New("it is false")))
		}
	}
}

// click clicks what a selector finds and waits for the page that answers.
func (t tab) click(selector string) error {
	return steps(
		func() error { return t.sees("document.querySelector(`" + selector + "`)") },
		func() error {
			return t.do(chromedp.Evaluate("window.before = true; document.querySelector(`"+selector+"`).click()", nil))
		},
		func() error { return t.sees("!window.before && document.readyState === 'complete'") },
	)
}

// shoot writes the picture of what is to be seen.
func (t tab) shoot(name string) error {
	var raw []byte
	if err := t.do(chromedp.Evaluate("document.fonts.ready.then(() => 1)", nil), chromedp.CaptureScreenshot(&raw)); err != nil {
		return err
	}
	small, err := shrink(raw)
	if err != nil {
		return fmt.Errorf("picture %s: %w", name, err)
	}
	if len(small) > maxPicture {
		return fmt.Errorf("picture %s has %d bytes, at most %d are allowed", name, len(small), maxPicture)
	}
	fmt.Printf("%-24s %6d bytes\n", name+".png", len(small))
	return os.WriteFile(filepath.Join(t.g.out, name+".png"), small, 0o644)
}

// steps does one after the other until one fails.
func steps(all ...func() error) error {
	for _, f := range all {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
