package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"

	"baylight/kiosk"
)

// A damaged database is read without SQLite, page by page: a row of events that
// has the hash it was stored with is sound wherever it is found, and the chain
// says where it belongs. Layout of pages, cells and records:
// https://www.sqlite.org/fileformat2.html; of frames: its section 4.

const (
	leafPage     = 0x0d    // b-tree page that holds rows of a table
	eventColumns = 6       // pos, type, visit, bytes, person, hash
	maxPayload   = 1 << 18 // of a row, in bytes; ours are below half of it
	frameHeader  = 24
	walHeader    = 32
)

// carver reads the pages of a database and of its write-ahead log.
type carver struct {
	db, wal  *os.File // nil: not there
	pageSize int64
	dbPages  uint32
	frames   []frame
	latest   map[uint32]int64 // page number → offset of its last frame's page
}

type frame struct {
	page uint32
	off  int64 // of the page in the log
}

// place is where a row was found.
type place struct {
	off  int64 // of the page in its file
	wal  bool
	page uint32
	cell uint16
}

// carved is a row as it was found; nothing of it is checked but its shape.
type carved struct {
	pos    int64
	bytes  []byte
	person []byte // nil: none
	hash   kiosk.Hash
}

func newCarver(path string) (*carver, error) {
	c := &carver{pageSize: 4096, latest: map[uint32]int64{}}
	var err error
	if c.db, err = openIf(path); err != nil {
		return nil, err
	}
	if c.wal, err = openIf(path + "-wal"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	var h [100]byte
	if c.db != nil {
		_, _ = c.db.ReadAt(h[:], 0) // what is missing is zero and no page size
	}
	sized := c.setPageSize(int64(binary.BigEndian.Uint16(h[16:])))
	if c.wal != nil {
		c.readLog(sized)
	}
	if c.db != nil {
		st, err := c.db.Stat()
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.dbPages = uint32(min((st.Size()+c.pageSize-1)/c.pageSize, 1<<32-2))
	}
	return c, nil
}

func openIf(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func (c *carver) close() (err error) {
	for _, f := range []*os.File{c.db, c.wal} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

func (c *carver) setPageSize(n int64) bool {
	if n == 1 {
		n = 65536
	}
	if n < 512 || n > 65536 || n&(n-1) != 0 {
		return false
	}
	c.pageSize = n
	return true
}

// readLog lists the frames of the log that are sound and committed. A frame's
// checksum goes on from the one before it, so that each can be checked by
// itself: frames after a damaged one are found, which SQLite would not read.
func (c *carver) readLog(sized bool) {
	var h [walHeader]byte
	if _, err := c.wal.ReadAt(h[:], 0); err != nil {
		return
	}
	if !sized {
		c.setPageSize(int64(binary.BigEndian.Uint32(h[8:])))
	}
	var order binary.ByteOrder = binary.LittleEndian
	if h[3]&1 == 1 {
		order = binary.BigEndian
	}
	salt, sum := [8]byte(h[16:]), [8]byte(h[24:])
	buf := make([]byte, frameHeader+c.pageSize)
	committed := 0
	for off := int64(walHeader); ; off += int64(len(buf)) {
		if _, err := c.wal.ReadAt(buf, off); err != nil {
			break
		}
		a, b := checksum(order, binary.BigEndian.Uint32(sum[:]), binary.BigEndian.Uint32(sum[4:]), buf[:8])
		a, b = checksum(order, a, b, buf[frameHeader:])
		sum = [8]byte(buf[16:])
		if [8]byte(buf[8:]) != salt || a != binary.BigEndian.Uint32(sum[:]) || b != binary.BigEndian.Uint32(sum[4:]) {
			continue
		}
		c.frames = append(c.frames, frame{binary.BigEndian.Uint32(buf), off + frameHeader})
		if binary.BigEndian.Uint32(buf[4:]) != 0 {
			committed = len(c.frames)
		}
	}
	c.frames = c.frames[:committed]
	for _, f := range c.frames {
		c.latest[f.page] = f.off
	}
}

func checksum(order binary.ByteOrder, a, b uint32, p []byte) (uint32, uint32) {
	for i := 0; i+8 <= len(p); i += 8 {
		a += order.Uint32(p[i:]) + b
		b += order.Uint32(p[i+4:]) + a
	}
	return a, b
}

// scan calls fn with every row that it finds. A page that cannot be read is
// passed over; an error is only that of a file nothing can be read of.
func (c *carver) scan(fn func(place, carved)) error {
	page := make([]byte, c.pageSize)
	var failed error
	read := 0
	one := func(f *os.File, pl place) {
		n, err := f.ReadAt(page, pl.off)
		if err != nil && !errors.Is(err, io.EOF) {
			failed = err
			return
		}
		read++
		clear(page[n:])
		// Rows do not share bytes: cells that together claim more than a page are
		// not those of one, and following each of them could take for ever.
		used := 0
		for i := 0; i < cells(page, pl.page) && used <= len(page); i++ {
			pl.cell = uint16(i)
			row, n, ok := c.row(page, pl)
			if used += n; ok {
				fn(pl, row)
			}
		}
	}
	for n := range c.dbPages {
		one(c.db, place{off: int64(n) * c.pageSize, page: n + 1})
	}
	for _, f := range c.frames {
		one(c.wal, place{off: f.off, wal: true, page: f.page})
	}
	if read == 0 && failed != nil {
		return failed
	}
	return nil
}

// read reads one row again.
func (c *carver) read(pl place) (carved, bool) {
	page := make([]byte, c.pageSize)
	f := c.db
	if pl.wal {
		f = c.wal
	}
	n, err := f.ReadAt(page, pl.off)
	if err != nil && !errors.Is(err, io.EOF) {
		return carved{}, false
	}
	clear(page[n:])
	row, _, ok := c.row(page, pl)
	return row, ok
}

// header is where a page's own header begins: page 1 begins with that of the file.
func header(number uint32) int {
	if number == 1 {
		return 100
	}
	return 0
}

// cells is how many rows a page says it holds.
func cells(page []byte, number uint32) int {
	h := page[header(number):]
	if len(h) < 8 || h[0] != leafPage {
		return 0
	}
	return min(int(binary.BigEndian.Uint16(h[3:])), (len(h)-8)/2)
}

// row reads the row of a cell, if it has the shape of one of events, and says
// how many bytes of the page the cell claims.
func (c *carver) row(page []byte, pl place) (row carved, claims int, ok bool) {
	if int(pl.cell) >= cells(page, pl.page) {
		return carved{}, 0, false
	}
	at := int(binary.BigEndian.Uint16(page[header(pl.page)+8+2*int(pl.cell):]))
	if at >= len(page) {
		return carved{}, 0, false
	}
	size, n := varint(page[at:])
	pos, m := varint(page[at+n:])
	if n == 0 || m == 0 || size > maxPayload || int64(pos) < 1 {
		return carved{}, 0, false
	}
	local := c.local(int(size))
	payload, ok := c.payload(page[at+n+m:], local, int(size))
	if ok {
		row, ok = record(payload)
	}
	row.pos = int64(pos)
	return row, local, ok
}

// local is how many bytes of a payload are in the row's own page.
func (c *carver) local(size int) int {
	u := int(c.pageSize)
	if size <= u-35 {
		return size
	}
	least := (u-12)*32/255 - 23
	if local := least + (size-least)%(u-4); local <= u-35 {
		return local
	}
	return least
}

// payload puts a row's bytes together: what is in the page and what spilled over.
func (c *carver) payload(b []byte, local, size int) ([]byte, bool) {
	u := int(c.pageSize)
	if local == size {
		return b[:min(size, len(b))], size <= len(b)
	}
	if len(b) < local+4 {
		return nil, false
	}
	out := append(make([]byte, 0, size), b[:local]...)
	next := binary.BigEndian.Uint32(b[local:])
	page := make([]byte, u)
	for len(out) < size {
		f, off := c.db, int64(next-1)*c.pageSize
		if o, ok := c.latest[next]; ok {
			f, off = c.wal, o
		}
		if next == 0 || f == nil {
			return nil, false
		}
		if _, err := f.ReadAt(page, off); err != nil {
			return nil, false
		}
		next = binary.BigEndian.Uint32(page)
		out = append(out, page[4:4+min(u-4, size-len(out))]...)
	}
	return out, true
}

// record reads the columns of a row of events.
func record(b []byte) (row carved, ok bool) {
	size, n := varint(b)
	if n == 0 || size > uint64(len(b)) {
		return row, false
	}
	head, body := b[n:max(n, int(size))], b[size:]
	var col [eventColumns][]byte
	for i := range col {
		kind, n := varint(head)
		if n == 0 {
			return row, false
		}
		head = head[n:]
		fits := false
		switch i {
		case 0: // the position is the key of the row and not in the record
			fits = kind == 0
		case 1, 2:
			fits = kind >= 13 && kind%2 == 1
		case 3, 5:
			fits = kind >= 12 && kind%2 == 0
		case 4:
			fits = kind == 0 || kind >= 12 && kind%2 == 0
		}
		if !fits {
			return row, false
		}
		if kind == 0 {
			continue
		}
		long := (kind - 12) / 2 // text is odd and one more, which the division drops
		if long > uint64(len(body)) {
			return row, false
		}
		col[i], body = body[:long:long], body[long:]
	}
	if len(head) > 0 || len(col[5]) != len(row.hash) {
		return row, false
	}
	row.bytes, row.person, row.hash = col[3], col[4], kiosk.Hash(col[5])
	return row, true
}

// varint reads SQLite's variable-length integer; 0 bytes if it is cut off.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 8 {
		v = v<<7 | uint64(b[n]&0x7f)
		n++
		if b[n-1] < 0x80 {
			return v, n
		}
	}
	if n == 8 && len(b) > 8 {
		return v<<8 | uint64(b[8]), 9
	}
	return 0, 0
}
