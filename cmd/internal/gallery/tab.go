package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

// maxPicture bounds a picture in the repository, patience what one step takes.
const (
	maxPicture = 150_000
	patience   = time.Minute
)

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
	if err := chromedp.Run(ctx); err != nil { // attaches; what it starts has to outlive each call of do
		end()
		return t, end, fmt.Errorf("open a window: %w", err)
	}
	return t, end, t.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
}

func (t tab) do(actions ...chromedp.Action) error { return t.within(patience, actions...) }

func (t tab) within(limit time.Duration, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(t.ctx, limit)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
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
		err := t.within(time.Second, chromedp.Evaluate("!!("+expression+")", &ok)) // an answer may go down with the page that was asked
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
			return t.do(chromedp.Evaluate("window.before = true; setTimeout(() => document.querySelector(`"+selector+"`).click()); null", nil))
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
