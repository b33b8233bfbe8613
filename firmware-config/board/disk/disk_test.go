package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// machine is the other end of the wire, written from the protocol's document.
type machine struct {
	t    *testing.T
	conn net.Conn
	done <-chan struct{}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// attach connects as QEMU does: structured replies are asked for first.
func attach(t *testing.T, d *Disk, size int) *machine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nbd")
	l, err := net.Listen("unix", path)
	must(t, err)
	m := &machine{t: t, done: d.Serve(l)}
	m.conn, err = net.Dial("unix", path)
	must(t, err)
	if got := m.read(18); string(got[:16]) != "NBDMAGICIHAVEOPT" || got[17]&1 == 0 {
		t.Fatalf("the greeting is %q", got)
	}
	m.write([]byte{0, 0, 0, 1})
	m.option(8, nil)
	if got := m.read(20); binary.BigEndian.Uint32(got[12:]) != 0x80000001 {
		t.Fatalf("structured replies: %x", got)
	}
	m.option(7, []byte{0, 0, 0, 0, 0, 0})
	if got := m.read(20 + 12); binary.BigEndian.Uint64(got[22:]) != uint64(size) || got[31]&4 == 0 {
		t.Fatalf("the export is %x", got)
	}
	if got := m.read(20); binary.BigEndian.Uint32(got[12:]) != 1 {
		t.Fatalf("no acknowledgement: %x", got)
	}
	return m
}

func (m *machine) write(b []byte) {
	m.t.Helper()
	_, err := m.conn.Write(b)
	must(m.t, err)
}

func (m *machine) read(n int) []byte {
	m.t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(m.conn, b)
	must(m.t, err)
	return b
}

func (m *machine) option(n uint32, data []byte) {
	b := binary.BigEndian.AppendUint32([]byte("IHAVEOPT"), n)
	m.write(append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...))
}

func (m *machine) ask(command uint16, at uint64, length int, data []byte) {
	b := []byte{0x25, 0x60, 0x95, 0x13, 0, 0}
	b = append(binary.BigEndian.AppendUint16(b, command), "handle!!"...)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, at), uint32(length))
	m.write(append(b, data...))
}

// answer reads a reply that brings n bytes.
func (m *machine) answer(n int) (code uint32, data []byte) {
	m.t.Helper()
	b := m.read(16)
	if !bytes.Equal(b[:4], []byte{0x67, 0x44, 0x66, 0x98}) || string(b[8:]) != "handle!!" {
		m.t.Fatalf("the reply is %x", b)
	}
	if code = binary.BigEndian.Uint32(b[4:]); code == 0 {
		data = m.read(n)
	}
	return code, data
}

func (m *machine) gone() {
	m.conn.Close()
	<-m.done
}

func sectors(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n*Sector) }

func TestFlushedStaysAndTheRestMayGo(t *testing.T) {
	d, err := New(sectors(16, 0))
	must(t, err)
	m := attach(t, d, 16*Sector)
	m.ask(cmdWrite, 0, 4*Sector, sectors(4, 'a'))
	m.answer(0)
	m.ask(cmdFlush, 0, 0, nil)
	m.answer(0)
	m.ask(cmdWrite, 2*Sector, 4*Sector, sectors(4, 'b'))
	m.answer(0)
	m.ask(cmdRead, 0, 6*Sector, nil)
	if _, got := m.answer(6 * Sector); !bytes.Equal(got, append(sectors(2, 'a'), sectors(4, 'b')...)) {
		t.Error("a read does not see the cache")
	}
	d.Cut()
	m.gone()
	s := d.Lose(rand.New(rand.NewPCG(1, 2)))
	if s.Pending != 1 || s.Sectors != 4 {
		t.Errorf("the cut says %+v, want one write of four sectors", s)
	}
	m = attach(t, d, 16*Sector)
	defer m.gone()
	m.ask(cmdRead, 0, 16*Sector, nil)
	_, got := m.answer(16 * Sector)
	lost := 0
	for i := range 16 {
		want := map[bool]string{true: "a", false: "\x00"}[i < 4]
		if i >= 2 && i < 6 && got[i*Sector] == 'b' {
			want = "b"
		} else if i >= 2 && i < 6 {
			lost++
		}
		if !bytes.Equal(got[i*Sector:(i+1)*Sector], sectors(1, want[0])) {
			t.Errorf("sector %d begins with %q, want %q as a whole", i, got[i*Sector], want)
		}
	}
	if lost != s.Lost {
		t.Errorf("%d sectors are lost, the cut says %d", lost, s.Lost)
	}
}

func TestTheCutRequestIsNeverAnswered(t *testing.T) {
	for _, command := range []uint16{cmdWrite, cmdFlush} {
		d, err := New(sectors(4, 0))
		must(t, err)
		m := attach(t, d, 4*Sector)
		d.CutAfter(2)
		m.ask(cmdWrite, 0, Sector, sectors(1, 'a'))
		m.answer(0)
		var data []byte
		if command == cmdWrite {
			data = sectors(1, 'b')
		}
		m.ask(command, 0, len(data), data)
		<-d.WasCut()
		m.ask(cmdRead, 0, Sector, nil)
		must(t, m.conn.(*net.UnixConn).CloseWrite())
		if b, err := io.ReadAll(m.conn); len(b) != 0 || err != nil {
			t.Errorf("command %d: after the cut came %x, %v", command, b, err)
		}
		m.gone()
		if s := d.Lose(rand.New(rand.NewPCG(1, 1))); s.Pending != map[uint16]int{cmdWrite: 2, cmdFlush: 1}[command] {
			t.Errorf("command %d: %d writes were not flushed", command, s.Pending)
		}
		select {
		case <-d.WasCut():
			t.Error("the disk stays dead for the next machine")
		default:
		}
	}
}

func TestBadRequests(t *testing.T) {
	d, err := New(sectors(4, 0))
	must(t, err)
	m := attach(t, d, 4*Sector)
	for _, q := range []struct {
		command uint16
		at      uint64
		length  int
	}{{cmdRead, 4 * Sector, Sector}, {cmdRead, 1 << 63, Sector}, {cmdRead, 1, Sector}, {cmdRead, 0, 100}, {cmdWrite, 4 * Sector, Sector}, {77, 0, 0}} {
		var data []byte
		if q.command == cmdWrite {
			data = make([]byte, q.length)
		}
		m.ask(q.command, q.at, q.length, data)
		if code, _ := m.answer(0); code != errInvalid {
			t.Errorf("%+v: error %d, want %d", q, code, errInvalid)
		}
	}
	m.ask(cmdRead, 0, maxRequest+1, nil)
	if _, err := m.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a request without bound: %v, want the end", err)
	}
	m.gone()
	if _, err := New(make([]byte, 100)); err == nil {
		t.Error("a disk of 100 bytes was made")
	}
}

func TestReplace(t *testing.T) {
	d, err := New(sectors(2, 'a'))
	must(t, err)
	must(t, d.write(0, sectors(1, 'b')))
	d.Lose(rand.New(rand.NewPCG(1, 1)))
	if err := d.Replace(sectors(3, 'c')); err == nil {
		t.Error("a larger image was taken")
	}
	must(t, d.Replace(sectors(2, 'c')))
	got := make([]byte, 2*Sector)
	must(t, d.read(0, got))
	if want := sectors(2, 'c'); !bytes.Equal(got, want) || !bytes.Equal(d.Image(), want) {
		t.Error("the disk does not hold what was put on it")
	}
}

// TestModel: whatever is written, flushed and cut, a sector holds what it held at
// its last flush, or what was written to it since.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 8
		d, err := New(sectors(n, 0))
		if err != nil {
			t.Fatal(err)
		}
		may := make([]map[byte]bool, n)
		last := make([]byte, n)
		flush := func() {
			for i := range may {
				may[i] = map[byte]bool{last[i]: true}
			}
		}
		flush()
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				if d.flush() != nil {
					t.Fatal("flush failed")
				}
				flush()
			case 1:
				d.Lose(rand.New(rand.NewPCG(uint64(i), 1)))
				got := make([]byte, n*Sector)
				if err := d.read(0, got); err != nil {
					t.Fatal(err)
				}
				for j := range n {
					if b := got[j*Sector]; !may[j][b] || !bytes.Equal(got[j*Sector:(j+1)*Sector], sectors(1, b)) {
						t.Fatalf("sector %d holds %d, may hold %v", j, b, may[j])
					}
					last[j] = got[j*Sector]
				}
				flush()
			default:
				at := rapid.IntRange(0, n-1).Draw(t, "at")
				length := rapid.IntRange(1, n-at).Draw(t, "length")
				if err := d.write(int64(at*Sector), sectors(length, byte(i+1))); err != nil {
					t.Fatal(err)
				}
				for j := at; j < at+length; j++ {
					may[j][byte(i+1)], last[j] = true, byte(i+1)
				}
			}
		}
	})
}
