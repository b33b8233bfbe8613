package bench

import "fmt"

// Port is the device's end of a serial port and nothing more: bytes as they are.
type Port struct{ wire wire }

// NewPort plugs a port in under the symlink path. receive takes what the host
// sends, on the port's goroutine; the slice is only lent.
func NewPort(path string, receive func(p []byte)) (*Port, error) {
	path, err := cleanPath(path)
	if err != nil {
		return nil, fmt.Errorf("new port: %w", err)
	}
	p := &Port{wire: wire{path: path, receive: receive, pace: func(int, <-chan struct{}) {}}}
	if err := p.wire.plug(); err != nil {
		return nil, err
	}
	return p, nil
}

// Path is the stable name of the port.
func (p *Port) Path() string { return p.wire.path }

// Send puts bytes on the wire.
func (p *Port) Send(b []byte) error { return p.wire.send(b) }

// Unplug hangs the port up: its path vanishes.
func (p *Port) Unplug() error { return p.wire.unplug() }

// Replug makes a new port under the same path.
func (p *Port) Replug() error { return p.wire.plug() }

// Close unplugs the port for good and joins its goroutine.
func (p *Port) Close() error { return p.wire.unplug() }
