// Package pgtest starts a private PostgreSQL for tests: its own cluster in a
// temporary folder, on a Unix socket only, with the durable settings that a shop
// has. Where PostgreSQL is not installed tests are skipped, in CI they fail. Only
// tests import it.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL server of one test.
type Server struct {
	tb   testing.TB
	bin  string
	sock string // folder of the socket: its path must be short
	data string
	cred *syscall.Credential
	cmd  *exec.Cmd
	gone chan struct{}
}

// Start makes a cluster and starts its server; it ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := prepare(tb)
	s.data = filepath.Join(s.sock, "d")
	s.initialize()
	tb.Cleanup(s.Kill)
	s.Start()
	return s
}

// In starts the server of a cluster that stays in a folder, which is made if it
// is not there yet. It is stopped in order with the test.
func In(tb testing.TB, dir string) *Server {
	tb.Helper()
	s := prepare(tb)
	s.data = dir
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err != nil {
		s.initialize()
	}
	tb.Cleanup(s.Stop)
	s.Start()
	return s
}

// prepare finds the programs and makes a folder for the socket.
func prepare(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{tb: tb, bin: programs(tb)}
	var err error
	if s.sock, err = os.MkdirTemp("", "pg"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(s.sock) })
	if os.Geteuid() == 0 { // the server refuses to run as root
		s.become(s.sock)
	}
	return s
}

// initialize makes the cluster.
func (s *Server) initialize() {
	s.tb.Helper()
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		s.tb.Fatal(err)
	}
	if s.cred != nil {
		s.own(s.data)
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data, "-U", "baylight", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.tb.Fatalf("make a PostgreSQL cluster: %v\n%s", err, out)
	}
}

// become chooses a user that the server may run as, and gives it the folder.
func (s *Server) become(dir string) {
	s.tb.Helper()
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		s.tb.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	s.own(dir)
}

func (s *Server) own(dir string) {
	s.tb.Helper()
	if err := os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
		s.tb.Fatal(err)
	}
}

// programs is the folder of initdb and postgres, of the newest version there is.
func programs(tb testing.TB) string {
	tb.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	slices.SortFunc(found, func(a, b string) int { return len(a)*4 - len(b)*4 + bytes.Compare([]byte(a), []byte(b)) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	if os.Getenv("CI") != "" {
		tb.Fatal("postgresql is not installed: .ci/tools does that")
	}
	tb.Skip("postgresql is not installed: apt-get install postgresql")
	return ""
}

// URL is how to connect.
func (s *Server) URL() string {
	return "host=" + s.sock + " user=baylight dbname=postgres"
}

// Start starts the server and returns when it takes connections. Right after a
// Kill, processes of the old one may still be ending: it tries again.
func (s *Server) Start() {
	s.tb.Helper()
	limit := time.After(60 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.cmd == nil {
			s.launch()
		}
		conn, err := pgx.Connect(context.Background(), s.URL())
		if err == nil {
			_ = conn.Close(context.Background())
			return
		}
		select {
		case <-s.gone:
			s.cmd = nil
		case <-tick.C:
		case <-limit:
			text, _ := os.ReadFile(s.log())
			s.tb.Fatalf("PostgreSQL takes no connections: %v\n%s", err, text[max(0, len(text)-3000):])
		}
	}
}

func (s *Server) log() string { return filepath.Join(s.sock, "log") }

func (s *Server) launch() {
	s.tb.Helper()
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data, "-k", s.sock, "-c", "listen_addresses=", "-c", "max_connections=60")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
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
		s.tb.Fatal(err)
	}
	s.cmd, s.gone = cmd, gone
}

// Kill ends the server as a power cut does, but for what the kernel still
// writes: kill -9 of all its processes.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // each of its processes is of its group, or notices
	<-s.gone
	s.cmd = nil
}

// Stop ends the server in order and at once, as an administrator's restart does:
// whoever is connected is told so and thrown out.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT) // it may have ended by itself
	<-s.gone
	s.cmd = nil
}

// PID is the number of the server's first process, whose children do its work.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Processor is how long this program and the server's processes that live have had
// a processor.
func (s *Server) Processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		s.tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) + s.Served()
}

// Served is how long the server's processes that live have had a processor.
func (s *Server) Served() (sum time.Duration) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.PID(), s.PID()))
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, pid := range strings.Fields(string(children)) {
		stat, err := os.ReadFile("/proc/" + pid + "/schedstat") // nanoseconds at work, first
		if err != nil {
			continue // it ended
		}
		if ns, err := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64); err == nil {
			sum += time.Duration(ns)
		}
	}
	return sum
}

// Exec runs statements as the owner of everything.
func (s *Server) Exec(statements ...string) {
	s.tb.Helper()
	conn, err := pgx.Connect(context.Background(), s.URL())
	if err != nil {
		s.tb.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, q := range statements {
		if _, err := conn.Exec(context.Background(), q); err != nil {
			s.tb.Fatal(fmt.Errorf("%s: %w", q, err))
		}
	}
}

// Empty makes the ledger of a database one that is new. Making a schema takes
// longer than most tests.
func (s *Server) Empty() {
	s.Exec(`DO $$ DECLARE t text; BEGIN
	SET LOCAL session_replication_role = replica; -- or its triggers would keep the trail
	FOR t IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'baylight' AND table_name NOT IN ('meta', 'head') LOOP
		EXECUTE 'DELETE FROM baylight.' || t;
	END LOOP;
	UPDATE baylight.head SET ledger = gen_random_uuid()::text, n = 0, run = 0;
END $$`)
}

// Keep copies the ledger as it stands, and Bring brings it back, as a backup does.
func (s *Server) Keep() {
	s.Exec(`DO $$ DECLARE t text; BEGIN
	DROP SCHEMA IF EXISTS kept CASCADE;
	CREATE SCHEMA kept;
	FOR t IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'baylight' LOOP
		EXECUTE 'CREATE TABLE kept.' || t || ' AS TABLE baylight.' || t;
	END LOOP;
END $$`)
}

// Bring brings back what Keep copied.
func (s *Server) Bring() {
	s.Exec(`DO $$ DECLARE t text; BEGIN
	SET LOCAL session_replication_role = replica;
	FOR t IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'baylight' LOOP
		EXECUTE 'DELETE FROM baylight.' || t;
		EXECUTE 'INSERT INTO baylight.' || t || ' OVERRIDING SYSTEM VALUE SELECT * FROM kept.' || t;
	END LOOP;
END $$`)
}
