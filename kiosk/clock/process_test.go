package clock

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"baylight/kiosk"
)

// childEnv makes the test binary a child that follows descriptor 3.
const childEnv = "BAYLIGHT_TEST_CLOCK_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runChild follows its parent and prints its time for every line of its input.
func runChild() error {
	conn, err := Inherit(3)
	if err != nil {
		return err
	}
	f, err := NewFollow(context.Background(), conn, nil)
	if err != nil {
		return err
	}
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			fmt.Println(f.Now())
		}
	}()
	return f.Run(context.Background())
}

func TestAnotherProcessFollowsAndMayBeKilled(t *testing.T) {
	l := begin(t, nil)
	parent, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := l.Add(parent); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stdout)
	for i := range time.Duration(100) {
		want := at(nine.Add(i*time.Hour), time.Hour+i*time.Hour, kiosk.Synced)
		if err := l.Set(want, 0); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(stdin, "time?")
		if line, err := said.ReadString('\n'); err != nil || line != want.String()+"\n" {
			t.Fatalf("the child says %q (%v), want %s", line, err, want)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // its error is the kill
	if err := l.Advance(time.Hour); err != nil || len(l.children) != 0 {
		t.Errorf("after the kill: %v, %d children", err, len(l.children))
	}
}
