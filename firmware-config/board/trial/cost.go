package trial

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/disk"
	"baylight/firmware-config/board/emulator"
)

// What a board may take: memory in kB, and bytes of the card for each byte of
// events.
const (
	maxResident = 20_000
	maxWear     = 15
)

// idleFor is how long the daemon has had nothing to do when it is looked at.
const idleFor = 6 * time.Second

// memory: the idle daemon is small.
func (b *bench) memory() error {
	select {
	case <-time.After(idleFor):
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	a, err := b.do(agent.Request{Do: agent.Read, Path: fmt.Sprintf("/proc/%d/status", b.pid)})
	if err != nil {
		return err
	}
	m, err := resident(a.Out)
	if err == nil && m.all > maxResident {
		err = fmt.Errorf("it has %d kB, want %d at most", m.all, maxResident)
	}
	b.check("the idle daemon is small", err, fmt.Sprintf("RSS %d kB, %d of it its own, %d of files", m.all, m.own, m.files))
	return nil
}

// memory is what a process has of it, in kB.
type memory struct{ all, own, files int }

// resident reads /proc/PID/status.
func resident(status string) (m memory, err error) {
	shared := 0 // files of a file system in memory count as that
	at := map[string]*int{"VmRSS:": &m.all, "RssAnon:": &m.own, "RssFile:": &m.files, "RssShmem:": &shared}
	found := 0
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) != 3 || at[f[0]] == nil {
			continue
		}
		if _, err := fmt.Sscan(f[1], at[f[0]]); err != nil {
			return m, fmt.Errorf("read %q: %w", line, err)
		}
		found++
	}
	m.files += shared
	if found != len(at) {
		return m, fmt.Errorf("read /proc/PID/status: %d of %d lines in %.100q", found, len(at), status)
	}
	return m, nil
}

// cars is how many cars are in the shop while the card's wear is measured.
const cars = 100

// warm and measured are scans: first until the write-ahead log has its full size,
// as it has on a board that runs for days, then those that are counted.
const warm, measured = 600, 500

// Card measures what a thousand events cost the card: bytes and flushes at the
// disk itself, ext4 as the image mounts it, one scan after the other, so that
// each is made durable alone.
func (t *Trial) Card(ctx context.Context) {
	image, err := fileSystem("-b", "4096")
	if err != nil {
		t.check("a file system for the board's disk", err, "")
		return
	}
	d, err := disk.New(image)
	if err != nil {
		t.check("a disk", err, "")
		return
	}
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		t.check("a folder", err, "")
		return
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "nbd")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.check("a disk", err, "")
		return
	}
	gone := d.Serve(l)
	t.on(ctx, onDisk("What a card is written", socket), func(b *bench) error {
		if _, err := b.do(agent.Request{Do: agent.Mount, Path: "/dev/vda", Text: dataPath}); err != nil {
			return err
		}
		if err := b.configure(files(usbConfig())); err != nil {
			return err
		}
		if _, err := b.start(); err != nil {
			return err
		}
		return b.wear(d)
	})
	l.Close() // a machine that never came
	<-gone
}

// wear scans and looks at the disk's counters.
func (b *bench) wear(d *disk.Disk) error {
	s := usbScanners[0]
	wire, err := b.machine.Plug(b.ctx, s.id, s.socket)
	if err != nil {
		return err
	}
	scanner := emulator.NewScanner(wire)
	defer scanner.Close()
	err = b.await(s.id+" is up", func() (bool, error) {
		d, err := b.device(s.id)
		return d.Up, err
	})
	if err != nil {
		return err
	}
	scan := func(n int) error {
		for i := range n {
			ctx, cancel := context.WithTimeout(b.ctx, patience)
			good, err := scanner.Scan(ctx, card(i%cars+1))
			cancel()
			if err == nil && !good {
				err = fmt.Errorf("scan %d is answered with a bad beep", i)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := scan(warm); err != nil {
		return err
	}
	events, bytes, err := b.recorded()
	if err != nil {
		return err
	}
	before := d.Stats()
	if err := scan(measured); err != nil {
		return err
	}
	after := d.Stats()
	n, sum, err := b.recorded()
	if err != nil {
		return err
	}
	n, sum = n-events, sum-bytes
	if n < measured || sum <= 0 {
		return fmt.Errorf("%d scans became %d events of %d bytes", measured, n, sum)
	}
	written := after.Bytes - before.Bytes
	ratio := float64(written) / float64(sum)
	if ratio > maxWear {
		err = fmt.Errorf("%d bytes for %d bytes of events, want %d times at most", written, sum, maxWear)
	}
	b.check("what the card is written for 1,000 events", err, fmt.Sprintf("%d kB, %.1f times the %d kB of the events, in %d writes with %d flushes; measured over %d events",
		written/int64(n), ratio, sum/n, (after.Writes-before.Writes)*1000/n, (after.Flushes-before.Flushes)*1000/n, n))
	return nil
}

// recorded is how many events the journal has, and how many bytes they are.
func (b *bench) recorded() (events, bytes int, err error) {
	a, err := b.do(agent.Request{Do: agent.Size, Path: dataPath + "/journal.db"})
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(a.Out, &events, &bytes); err != nil {
		return 0, 0, fmt.Errorf("read %q: %w", a.Out, err)
	}
	return events, bytes, nil
}
