package natstest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
)

// startTime bounds how long a node may take until it is part of the cluster.
const startTime = 90 * time.Second

// Cluster is three nodes.
type Cluster struct{ Nodes []*Node }

// Node is one server.
type Node struct {
	Addr string // host:port for MQTT, the same after a restart

	tb      testing.TB
	program string
	dir     string
	health  string
	cmd     *exec.Cmd
	gone    chan struct{}
}

// Start builds the server, starts three of them and returns when they have found
// each other. They end with the test.
func Start(tb testing.TB) *Cluster {
	tb.Helper()
	program := build(tb)
	const nodes = 3
	var values [nodes]Values
	var routes []string
	for i := range values {
		values[i] = Values{Name: fmt.Sprintf("n%d", i+1), Clients: cmdtest.Address(tb), MQTT: cmdtest.Address(tb), Peers: cmdtest.Address(tb), Health: cmdtest.Address(tb)}
		routes = append(routes, values[i].Peers)
	}
	c := &Cluster{}
	for _, v := range values {
		n := &Node{Addr: v.MQTT, tb: tb, program: program, dir: tb.TempDir(), health: "http://" + v.Health + "/healthz"}
		v.Data, v.Routes = filepath.Join(n.dir, "data"), routes
		if err := os.WriteFile(filepath.Join(n.dir, "nats.conf"), []byte(v.Text()), 0o600); err != nil {
			tb.Fatal(err)
		}
		c.Nodes = append(c.Nodes, n)
		tb.Cleanup(n.end)
	}
	for _, n := range c.Nodes {
		n.launch()
	}
	for _, n := range c.Nodes {
		n.await()
	}
	return c
}

// build makes the program from the module beside this package. What go build
// needs for it is pinned there, as what the product needs is in its own go.mod.
func build(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "baylight/cmd/internal/officeapp/natstest").Output()
	if err != nil {
		tb.Fatalf("find the module of the NATS server: %v", err)
	}
	program := filepath.Join(tb.TempDir(), "nats-server")
	cmd := exec.Command("go", "build", "-mod=readonly", "-o", program, "github.com/nats-io/nats-server/v2")
	cmd.Dir = filepath.Join(strings.TrimSpace(string(out)), "server")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build the NATS server: %v\n%s", err, out)
	}
	return program
}

// Start starts the node and returns when it is part of the cluster and knows
// what the others know.
func (n *Node) Start() {
	n.tb.Helper()
	n.launch()
	n.await()
}

func (n *Node) launch() {
	n.tb.Helper()
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.tb.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(n.program, "-c", filepath.Join(n.dir, "nats.conf"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, gone := make(chan error), make(chan struct{})
	go func() { // the signal at the end of the parent comes when this thread ends
		runtime.LockOSThread()
		defer close(gone)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it was killed, or says so in its log
		}
	}()
	if err := <-started; err != nil {
		n.tb.Fatal(err)
	}
	n.cmd, n.gone = cmd, gone
}

// await waits until the node says that it is well.
func (n *Node) await() {
	n.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !n.well(ctx) {
		select {
		case <-tick.C:
		case <-n.gone:
			n.tb.Fatalf("the NATS server ended at its start\n%s", n.log())
		case <-ctx.Done():
			n.tb.Fatalf("the NATS server at %s is not well after %v\n%s", n.Addr, startTime, n.log())
		}
	}
}

func (n *Node) well(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.health, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (n *Node) log() []byte {
	b, _ := os.ReadFile(filepath.Join(n.dir, "log")) // what cannot be read is not shown
	return b[max(0, len(b)-4000):]
}

// Kill ends the node as a power cut does, but for what the kernel still writes.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill() // it may have ended by itself
	<-n.gone
	n.cmd = nil
}

func (n *Node) end() {
	n.Kill()
	if n.tb.Failed() {
		n.tb.Logf("node at %s:\n%s", n.Addr, n.log())
	}
}
