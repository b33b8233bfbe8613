package settings

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"
)

// CheckBroker says whether something takes connections at the broker's address.
func CheckBroker(ctx context.Context, address string, within time.Duration) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("mqtt.url: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme]
	}
	d := net.Dialer{Timeout: within}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("mqtt.url: nothing answers at %s: %w; scans are kept until the broker is back", u.Host, err)
	}
	return c.Close()
}
