package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// maxSupport bounds what is taken of a support bundle, in bytes.
const maxSupport = 32 << 20

type supportCmd struct {
	Socket string `help:"The running kiosk's socket." default:"${socket}" type:"path"`
	File   string `arg:"" help:"Where to, e.g. kiosk.tar.gz; a file that does not exist yet." type:"path"`
}

// Run fetches the bundle. A file that was begun and is not whole is removed.
func (c *supportCmd) Run() (err error) {
	client := &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.Socket)
		}}}
	res, err := client.Get("http://kiosk/support-bundle")
	if err != nil {
		return fmt.Errorf("reach the kiosk at %s: %w; is kioskd running, and may you open its socket?", c.Socket, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 1000)) // the status says enough
		return fmt.Errorf("the kiosk gives no support bundle: %s: %s", res.Status, why)
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the support bundle: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(res.Body, maxSupport))
	if err == nil && n == maxSupport {
		err = fmt.Errorf("more than %d bytes came", maxSupport)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the support bundle: %w", err), os.Remove(c.File))
	}
	fmt.Printf("%s: %d bytes; no personal data, no secrets\n", c.File, n)
	return nil
}
