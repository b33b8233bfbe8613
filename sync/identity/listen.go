package identity

import (
	"crypto/tls"
	"net"
	"sync"
)

// Listen makes the listener of the enrolment server at host:port: TLS, and a
// bounded number of connections at once.
func (a *Authority) Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(&bounded{Listener: l, free: make(chan struct{}, maxHandshakes), ended: make(chan struct{})}, a.ServerTLS()), nil
}

// bounded lets so many connections stand at once; the others wait to be accepted.
type bounded struct {
	net.Listener
	free  chan struct{}
	ended chan struct{}
	once  sync.Once
}

// Accept waits for a place and a connection.
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.free <- struct{}{}:
	case <-b.ended:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.free
		return nil, err
	}
	return &place{Conn: c, leave: sync.OnceFunc(func() { <-b.free })}, nil
}

// Close ends the listener and who waits for a place.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.ended) })
	return b.Listener.Close()
}

// place is a connection that has one.
type place struct {
	net.Conn
	leave func()
}

// Close gives the place up.
func (p *place) Close() error {
	defer p.leave()
	return p.Conn.Close()
}
