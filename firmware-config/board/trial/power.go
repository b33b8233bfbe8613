package trial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/disk"
)

// power is one kind of daemon under power cuts.
type power struct {
	*Trial
	ctx    context.Context
	daemon string // its file in the cache
	rand   *rand.Rand
	image  []byte // an empty file system
	tally  tally

	// the board on the bench, until it gets another disk
	disk *disk.Disk
	told []string // codes that were acknowledged by a beep, in all its lives
	open []cut    // not judged yet
	used int      // codes so far; none is used twice
	cuts int      // of this disk
	slow int      // starts in a row that took too long
}

// tally is what the judge says of the cuts.
type tally struct {
	Kept, Lost, Corrupt, Undecided int
	Told, Missing, Twice           int // scans: acknowledged, not there afterwards, counted more than once
	Unflushed                      int // cuts that took something from the disk's cache
	Booting                        int // cuts before the daemon was ready
	Repaired                       int // cuts after which e2fsck had to help
}

func (t tally) decided() int { return t.Kept + t.Lost + t.Corrupt }

// perDisk is after how many cuts a board gets a new disk.
const perDisk = 10

// calibrateWithin bounds the cuts after which a daemon that does not wait for
// its disk must have been found out.
const calibrateWithin = 8

// Power cuts the power of a machine whose disk forgets what was not flushed,
// while the daemon records scans, until the judge has decided that many cuts;
// then it does the same to a daemon that does not wait for the disk, which the
// judge has to find out.
func (t *Trial) Power(ctx context.Context, cuts int, seed uint64) {
	began := time.Now()
	image, err := fileSystem()
	if err != nil {
		t.check("a file system for the board's disk", err, "")
		return
	}
	t.powerOf(ctx, "kioskd", image, seed, func(p *power) {
		p.run(cuts, func() bool { return p.tally.decided() >= cuts || p.tally.Lost+p.tally.Corrupt > 0 })
		n := p.tally
		err := p.ctx.Err()
		if n.Lost+n.Corrupt+n.Twice > 0 || n.Kept < cuts {
			err = fmt.Errorf("of %d cuts %d were judged: %s", cuts, n.decided(), n)
		}
		t.check(fmt.Sprintf("%d power cuts take nothing that was acknowledged", cuts), err, n.String())
	})
	t.powerOf(ctx, "kioskd-unsafe", image, seed, func(p *power) {
		p.run(calibrateWithin, func() bool { return p.tally.Lost+p.tally.Corrupt > 0 })
		var err error
		if n := p.tally; n.Lost+n.Corrupt == 0 {
			err = fmt.Errorf("nothing was noticed: %s", n)
		}
		t.check("the judge finds out a daemon with synchronous=OFF", err, p.tally.String())
	})
	fmt.Fprintf(t.Out, "--- power cuts took %.0f s, seed %d\n", time.Since(began).Seconds(), seed)
}

func (t *Trial) powerOf(ctx context.Context, daemon string, image []byte, seed uint64, judge func(*power)) {
	judge(&power{Trial: t, ctx: ctx, daemon: daemon, image: image, rand: rand.New(rand.NewPCG(seed, uint64(len(daemon))))})
}

func (t tally) String() string {
	return fmt.Sprintf("kept %d, lost %d, corrupt %d; no verdict %d (retried); %d cuts before the daemon was ready, %d took writes from the disk's cache, %d needed e2fsck; %d scans acknowledged, %d missing, %d counted twice",
		t.Kept, t.Lost, t.Corrupt, t.Undecided, t.Booting, t.Unflushed, t.Repaired, t.Told, t.Missing, t.Twice)
}

// size is that of the board's disk: room for the journal, its ballast and the
// file system's own log.
const size = "64M"

// fileSystem makes an empty one; args are further ones for mke2fs.
func fileSystem(args ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "board")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk")
	if out, err := admin("mke2fs", append(append([]string{"-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0"}, args...), path, size)...); err != nil {
		return nil, fmt.Errorf("mke2fs: %w: %s", err, out)
	}
	return os.ReadFile(path)
}

// run cuts until enough of them were judged. A cut without a verdict is
// repeated, but not for ever.
func (p *power) run(cuts int, enough func() bool) {
	for tries := 0; !enough() && tries < 2*cuts+perDisk && p.ctx.Err() == nil; tries++ {
		err := p.cut(tries + 1)
		if err == nil && (p.tally.decided()+len(p.open) >= cuts || p.cuts == perDisk) {
			err = p.settle()
		}
		if err != nil {
			p.check(fmt.Sprintf("%s, cut %d", p.daemon, tries+1), err, "")
			return
		}
	}
}

// cut gives the board power, which has it judge the cuts before, and cuts it.
func (p *power) cut(n int) error {
	if p.disk == nil {
		d, err := disk.New(p.image)
		if err != nil {
			return err
		}
		p.disk, p.told, p.open, p.cuts = d, nil, nil, 0
	}
	began := time.Now()
	c := cut{n: n, before: len(p.told)}
	if err := p.live(&c); err != nil || p.disk == nil {
		return err
	}
	lost := p.disk.Lose(p.rand)
	p.cuts++
	c.fresh = len(p.told) - c.before
	p.tally.Told += c.fresh
	if lost.Lost > 0 {
		p.tally.Unflushed++
	}
	if !c.ready {
		p.tally.Booting++
	}
	decides := c.fresh > 0 || !c.ready && c.before > 0
	note := ""
	if decides {
		p.open = append(p.open, c)
	} else {
		p.tally.Undecided++
		note = "; no verdict"
	}
	fmt.Fprintf(p.Out, "      %s, cut %d: %d scans acknowledged and %d before; %d writes were not flushed, %d of their %d sectors are gone; %.1f s%s\n",
		p.daemon, n, c.fresh, c.before, lost.Pending, lost.Lost, lost.Sectors, time.Since(began).Seconds(), note)
	return nil
}

// cut is a power cut that has to be judged.
type cut struct {
	n             int
	before, fresh int  // scans acknowledged in the disk's earlier lives, and in this one
	ready         bool // the daemon was, when the power went
}

// settle boots the board once more, judges, and gives it a new disk.
func (p *power) settle() error {
	if p.disk == nil || len(p.open) == 0 {
		p.disk = nil
		return nil
	}
	for len(p.open) > 0 {
		err := p.powered(func(b *bench) error {
			if err := p.setUp(b); err != nil {
				return err
			}
			_, fault := b.start()
			if err := p.judge(b, fault); err != nil {
				return err
			}
			return b.machine.Close()
		})
		if err != nil {
			return err
		}
		if p.disk != nil {
			p.disk.Lose(p.rand)
		}
	}
	p.disk = nil
	return nil
}

// judge looks at the journal of a daemon that has started, or at why it did not;
// it decides all cuts that wait for it: what a cut has taken stays away. An error
// says that it could not look.
func (p *power) judge(b *bench, fault error) error {
	slow := fault != nil && p.runs(b)
	var events []agent.Event
	if fault == nil && len(p.open) > 0 {
		var a agent.Response
		a, fault = b.do(agent.Request{Do: agent.Check, Path: dataPath + "/journal.db"})
		events, slow = a.Events, errors.Is(fault, context.DeadlineExceeded)
	}
	if closed(b.ctx.Done()) || errors.Is(fault, agent.ErrGone) {
		return fault
	}
	if slow && p.slow < patient {
		// Nobody could look: the machine below has too much else to do.
		p.slow++
		fmt.Fprintf(p.Out, "      %s: %d cuts are not judged yet: %v\n", p.daemon, len(p.open), fault)
		p.disk.Cut()
		return nil
	}
	if len(p.open) == 0 {
		return fault
	}
	p.slow = 0
	log := b.log()
	if fault == nil && strings.Contains(log, "journal is damaged") {
		fault = errors.New("the daemon had to salvage its journal")
	}
	verdict := p.tally.decide(p.told, events, fault, len(p.open))
	fmt.Fprintf(p.Out, "      %s, cuts up to %d: %s; %d events\n", p.daemon, p.open[len(p.open)-1].n, verdict, len(events))
	p.open = nil
	if verdict == kept {
		return nil
	}
	fmt.Fprintln(p.Out, log)
	p.disk = nil // what it holds is known to be wrong
	return nil
}

// patient is how many starts in a row may take too long before that is a fault.
const patient = 3

// runs says whether the daemon is still there.
func (p *power) runs(b *bench) bool {
	_, err := b.do(agent.Request{Do: agent.Signal, Signal: 0, Within: 1000})
	return err != nil
}

// kept is the good verdict; the others name what is wrong.
const kept = "kept"

// decide judges n cuts: told are all acknowledged scans of the disk, fault is why
// the journal could not be read.
func (t *tally) decide(told []string, events []agent.Event, fault error, n int) string {
	gone, twice := missing(told, events), repeated(events)
	switch {
	case fault != nil:
		t.Corrupt += n
		return "corrupt: " + fault.Error()
	case len(gone) > 0:
		t.Missing += len(gone)
		t.Lost += n
		return fmt.Sprintf("lost: %d of %d acknowledged scans, %s and so on", len(gone), len(told), gone[0])
	case len(twice) > 0:
		t.Twice += len(twice)
		t.Corrupt += n
		return fmt.Sprintf("corrupt: recorded more than once: %v", twice)
	}
	t.Kept += n
	return kept
}

// repeated are the cars whose job was started more than once. No card is scanned
// twice.
func repeated(events []agent.Event) (twice []string) {
	seen := map[string]bool{}
	for _, e := range events {
		if e.Type != "job.started" {
			continue
		}
		if seen[e.Visit] {
			twice = append(twice, e.Visit)
		}
		seen[e.Visit] = true
	}
	return twice
}

// powered runs a machine with the disk until cases returns, and cuts its power
// then at the latest. A file system that the kernel will not mount as it is gets
// what a board does to it at boot.
func (p *power) powered(cases func(*bench) error) error {
	err := p.attempt(cases)
	if !errors.Is(err, errUnclean) {
		return err
	}
	p.disk.Lose(p.rand) // the machine wrote nothing
	p.tally.Repaired++
	if err := p.repair(); err != nil {
		return err
	}
	return p.attempt(cases)
}

// errUnclean says that the file system has to be repaired before it is mounted.
var errUnclean = errors.New("the file system is unclean")

// repair does what a board does at boot (fsck.repair=yes).
func (p *power) repair() error {
	dir, err := os.MkdirTemp("", "fsck")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk")
	if err := os.WriteFile(path, p.disk.Image(), 0o600); err != nil {
		return err
	}
	out, err := admin("e2fsck", "-y", path)
	// Its exit status is 1 or 2 when it has repaired everything (e2fsck(8)).
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 2 || err != nil && exit == nil {
		return fmt.Errorf("e2fsck: %w: %s", err, out)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return p.disk.Replace(image)
}

// admin runs a program that Debian keeps where only root looks.
func admin(name string, args ...string) (out []byte, err error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name)
	}
	return exec.Command(path, args...).CombinedOutput()
}

// attempt is powered without a repair.
func (p *power) attempt(cases func(*bench) error) error {
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "nbd")
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	gone := p.disk.Serve(l)
	b := onDisk(p.daemon, socket)
	b.daemon, b.quiet = p.daemon, true
	err = p.Trial.run(p.ctx, b, cases)
	l.Close() // a machine that never came
	<-gone
	return err
}

// onDisk is a machine with USB scanners and the disk that is served at socket.
func onDisk(name, socket string) board {
	b := usbBoard(name)
	b.modules = append(b.modules, "virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
	b.args = append(b.args, "-blockdev", "driver=nbd,node-name=disk,server.type=unix,server.path="+socket,
		"-device", "virtio-blk-pci,drive=disk,write-cache=on")
	return b
}

// setUp mounts the disk and writes what a store's IT person would write.
func (p *power) setUp(b *bench) error {
	_, err := b.do(agent.Request{Do: agent.Mount, Path: "/dev/vda", Text: dataPath})
	if err != nil && strings.Contains(err.Error(), syscall.EUCLEAN.Error()) {
		return fmt.Errorf("%w: %w", errUnclean, err)
	}
	if err != nil {
		return err
	}
	return b.configure(files(usbConfig()))
}
