package hostile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"baylight/cmd/internal/task"
	"baylight/kiosk/screen"
)

// pipes is a listener to which connections are handed.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.ended) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// reads is a page that reads what it is sent, as every page that takes a form does.
var reads = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20)); err != nil {
		http.Error(w, "not all of it came", http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "thanks")
})

// TestSlowloris: whoever sends a head, a body or nothing, a byte at a time, is
// left before long, at both servers, and the one who asks properly is answered.
func TestSlowloris(t *testing.T) {
	for name, server := range map[string]func(context.Context, http.Handler) *http.Server{"kiosk": screen.NewServer, "office": task.Server} {
		for attack, send := range map[string]string{
			"head":           "GET / HTTP/1.1\r\nHost: localhost\r\nX-a: " + strings.Repeat("b", 10_000),
			"many headers":   "GET / HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X-a: b\r\n", 10_000),
			"body":           "POST /choose HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("b", 10_000),
			"chunks":         "POST /choose HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nb\r\n", 10_000),
			"nothing":        "",
			"then nothing":   "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"line feeds":     strings.Repeat("\r\n", 10_000),
			"no HTTP at all": strings.Repeat("\x16\x03\x01", 10_000),
		} {
			t.Run(name+" "+attack, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { slowly(t, server, send) })
			})
		}
	}
}

// slowly sends a byte every second until the server hangs up.
func slowly(t *testing.T, server func(context.Context, http.Handler) *http.Server, send string) {
	l := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	srv := server(ctx, reads)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(task.Bound(l, nil)) }()
	ours, theirs := net.Pipe()
	l.conns <- theirs
	began := time.Now()
	hung := make(chan struct{})
	go func() { // what it says does not interest a slow attacker
		defer close(hung)
		_, _ = io.Copy(io.Discard, ours)
	}()
	go func() {
		for i := range send {
			if _, err := ours.Write([]byte(send[i : i+1])); err != nil {
				return
			}
			if strings.HasPrefix(send, "POST") && i < strings.Index(send, "\r\n\r\n")+3 || strings.HasSuffix(send, "localhost\r\n\r\n") {
				continue // the head comes at once, so that the body is what is slow
			}
			select {
			case <-time.After(time.Second):
			case <-hung:
				return
			}
		}
	}()
	select {
	case <-hung:
	case <-time.After(5 * time.Minute):
		t.Errorf("a slow connection stands for %s", time.Since(began))
	}
	ours.Close()
	good, other := net.Pipe()
	l.conns <- other
	if _, err := good.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(good), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("a good request: %v %v", res, err)
	} else if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	good.Close()
	cancel()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	synctest.Wait()
}

// TestEveryServer: no HTTP server of the product is made without limits, and none
// is started past the bounded listener.
func TestEveryServer(t *testing.T) {
	root, found := filepath.Join("..", "..", ".."), 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") && len(e.Name()) > 2 || e.Name() == "testdata" || e.Name() == "firmware-config") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if of(n.Type) == "http.Server" {
					found++
					set := map[string]bool{}
					for _, el := range n.Elts {
						set[fmt.Sprint(el.(*ast.KeyValueExpr).Key)] = true
					}
					if !set["ReadTimeout"] {
						t.Errorf("%s makes a server without limits", path)
					}
				}
			case *ast.CallExpr:
				if name := of(n.Fun); name == "http.ListenAndServe" || name == "http.Serve" || name == "http.ListenAndServeTLS" {
					t.Errorf("%s calls %s", path, name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || found < 5 {
		t.Errorf("%d servers found: %v", found, err)
	}
}

// of is the name of what is selected from a package.
func of(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	return fmt.Sprint(s.X) + "." + s.Sel.Name
}
