package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"baylight/kiosk"
)

// Personal is a stored event that has, or had, a person part.
type Personal struct {
	Pos    uint64 // in the file: what Erase wants
	Event  kiosk.Event
	Visit  string // that it belongs to; of a correction that of the event it corrects; "" if none
	Person []byte // empty: it was erased
}

// eraseRows are read, or changed in one commit, at a time, so that an append
// waits for few.
const eraseRows = 256

// Parts calls fn with every event of all epochs that ever had a person part, in
// order. It holds nothing while fn works; fn may call the journal.
func (j *Journal) Parts(ctx context.Context, fn func(Personal) error) error {
	for after := int64(0); ; {
		if j.isClosed() {
			return fmt.Errorf("read person parts: %w", ErrClosed)
		}
		parts, err := j.parts(ctx, after)
		if err != nil {
			return fmt.Errorf("read person parts: %w", j.noting(err))
		}
		if len(parts) == 0 {
			return nil
		}
		for _, p := range parts {
			if p.Visit == "" {
				if p.Visit, err = j.corrected(ctx, p.Event); err != nil {
					return fmt.Errorf("read person parts: %w", j.noting(err))
				}
			}
			if err := fn(p); err != nil {
				return err
			}
		}
		after = int64(parts[len(parts)-1].Pos)
	}
}

func (j *Journal) parts(ctx context.Context, after int64) (out []Personal, err error) {
	rows, err := j.readers.QueryContext(ctx, "SELECT pos, visit, bytes, person FROM events WHERE pos > ? AND person IS NOT NULL ORDER BY pos LIMIT ?", after, eraseRows)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Personal
		var pos int64
		var b sql.RawBytes
		if err := rows.Scan(&pos, &p.Visit, &b, &p.Person); err != nil {
			return nil, classify(err)
		}
		p.Pos = uint64(pos)
		if p.Event, err = kiosk.Decode(bytes.Clone(b)); err != nil {
			return nil, fmt.Errorf("%w: at position %d: %w", ErrDamaged, pos, err)
		}
		out = append(out, p)
	}
	return out, classify(rows.Err())
}

// corrected is the visit of the event that e corrects, "" if it corrects none
// that is here.
func (j *Journal) corrected(ctx context.Context, e kiosk.Event) (visit string, err error) {
	epoch, seq, err := kiosk.ParseEventID(kiosk.Corrects(e.Data))
	if err != nil {
		return "", nil
	}
	ep, ok := j.shape().find(epoch)
	if !ok {
		return "", nil
	}
	err = j.readers.QueryRowContext(ctx, "SELECT visit FROM events WHERE pos = ?", int64(ep.base+seq)).Scan(&visit)
	if noRows(err) {
		err = nil
	}
	return visit, classify(err)
}

// LatestOfVisits is the last event that is here of each visit, whatever epoch it
// is of. It reads all rows, in the order of visits.
func (j *Journal) LatestOfVisits(ctx context.Context) (map[string]kiosk.Event, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read last events: %w", ErrClosed)
	}
	rows, err := j.readers.QueryContext(ctx, "SELECT visit, bytes FROM events WHERE pos IN (SELECT max(pos) FROM events WHERE visit <> '' GROUP BY visit)")
	if err != nil {
		return nil, fmt.Errorf("read last events: %w", j.noting(classify(err)))
	}
	defer rows.Close()
	out := map[string]kiosk.Event{}
	for rows.Next() {
		var visit string
		var b []byte
		if err := rows.Scan(&visit, &b); err != nil {
			return nil, fmt.Errorf("read last events: %w", j.noting(classify(err)))
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("read last events: %w", j.noting(fmt.Errorf("%w: of visit %s: %w", ErrDamaged, visit, err)))
		}
		out[visit] = e
	}
	if err := classify(rows.Err()); err != nil {
		return nil, fmt.Errorf("read last events: %w", j.noting(err))
	}
	return out, nil
}

// Erase removes the person parts of the events at positions, in their order, and
// returns how many were there. The events stay as they are: an erased part is an
// empty one. What it held is overwritten (secure_delete), and Settled takes it
// out of the write-ahead log. After an error some may be gone.
func (j *Journal) Erase(ctx context.Context, positions []uint64) (erased int, err error) {
	for len(positions) > 0 && err == nil {
		n := min(len(positions), eraseRows)
		var some int
		if some, err = j.eraseSome(positions[:n]); err == nil {
			erased, positions = erased+some, positions[n:]
			err = ctx.Err()
		}
	}
	if err != nil {
		return erased, fmt.Errorf("erase person parts: %w", err)
	}
	return erased, nil
}

func (j *Journal) eraseSome(positions []uint64) (erased int, err error) {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return 0, err
	}
	err = j.commit(func(ctx context.Context) error {
		for _, pos := range positions {
			res, err := j.writer.conn.ExecContext(ctx, "UPDATE events SET person = x'' WHERE pos = ? AND length(person) > 0", int64(pos))
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			erased += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return erased, nil
}

// errBusy says that somebody reads what a checkpoint would cut off.
var errBusy = errors.New("somebody is reading; it can be tried again at once")

// Settled moves the write-ahead log into the database and empties it, so that
// nothing erased is left there. It does not wait for readers: while one is in the
// way it is an error, and can be tried again.
func (j *Journal) Settled(ctx context.Context) error {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", err)
	}
	var busy, pages, moved int
	_, err := j.writer.conn.ExecContext(ctx, "PRAGMA busy_timeout = 50") // a scan must not wait for a reader
	if err == nil {
		err = j.writer.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
		_, again := j.writer.conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA busy_timeout = 2000")
		err = errors.Join(err, again)
	}
	if err == nil && busy != 0 {
		err = errBusy
	}
	if err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", classify(err))
	}
	j.logged = 0
	return nil
}

// Erased is what SetErased last kept, "" if nothing. A backup rolls it back with
// everything else, and a salvaged journal has lost it.
func (j *Journal) Erased() (mark string, err error) {
	if j.isClosed() {
		return "", fmt.Errorf("read what was erased: %w", ErrClosed)
	}
	err = j.readers.QueryRowContext(context.Background(), "SELECT value FROM meta WHERE key = 'erased'").Scan(&mark)
	if err != nil && !noRows(err) {
		return "", fmt.Errorf("read what was erased: %w", classify(err))
	}
	return mark, nil
}

// SetErased keeps which erasures this journal has been through.
func (j *Journal) SetErased(mark string) error {
	err := j.set(0, func(ctx context.Context) error {
		_, err := j.writer.conn.ExecContext(ctx, "INSERT INTO meta (key, value) VALUES ('erased', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", mark)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what was erased: %w", err)
	}
	return nil
}

// saltBefore is how a person part begins, and saltSize how many digits follow.
const (
	saltBefore = `{"salt":"`
	saltSize   = 32
)

// Salts adds the salt of a person part to a set: with it [Journal.Left] knows the part again.
func Salts(to map[string]bool, person []byte) {
	if p, err := kiosk.DecodePerson(person); err == nil && len(p.Salt) == saltSize {
		to[p.Salt] = true
	}
}

// Left says whether the database or its write-ahead log still hold one of the
// person parts with these salts, anywhere in the files.
func (j *Journal) Left(ctx context.Context, salts map[string]bool) (bool, error) {
	for _, ext := range []string{"", "-wal"} {
		found := false
		err := search(ctx, j.path+ext, len(saltBefore)+saltSize, func(b []byte) bool {
			for i := bytes.Index(b, []byte(saltBefore)); i >= 0 && !found; {
				b = b[i+len(saltBefore):]
				found = len(b) >= saltSize && salts[string(b[:saltSize])]
				i = bytes.Index(b, []byte(saltBefore))
			}
			return found
		})
		if err != nil {
			return false, fmt.Errorf("look for erased person parts: %w", err)
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// DropAside removes those of the databases that were set aside (PATH.aside-TIME)
// in which one of the words stands: ids of visits, keyed hashes. What was sound in
// a damaged one is in the journal; there is no erasing within it.
func (j *Journal) DropAside(ctx context.Context, words []string) (dropped []string, err error) {
	names, err := filepath.Glob(escape(j.path) + asideExt + "*")
	if err != nil {
		return nil, fmt.Errorf("look at what was set aside: %w", err)
	}
	for _, name := range names {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "-wal"), "-shm")
		found := false
		err := search(ctx, name, 128, func(b []byte) bool {
			for _, w := range words {
				found = found || w != "" && bytes.Contains(b, []byte(w))
			}
			return found
		})
		if err != nil {
			return dropped, fmt.Errorf("look at what was set aside: %w", err)
		}
		if !found {
			continue
		}
		for _, ext := range []string{"", "-wal", "-shm"} {
			if err := remove(base + ext); err != nil {
				return dropped, fmt.Errorf("remove what was set aside: %w", err)
			}
		}
		dropped = append(dropped, base)
	}
	if len(dropped) == 0 {
		return nil, nil
	}
	return dropped, syncFile(filepath.Dir(j.path))
}

// search reads a file piece by piece until fn has found what it looks for; no
// more than overlap bytes of that. A file that is not there holds nothing.
func search(ctx context.Context, path string, overlap int, fn func([]byte) bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	b, kept := make([]byte, 1<<20), 0
	for {
		n, err := io.ReadFull(f, b[kept:])
		if fn(b[:kept+n]) {
			return nil
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		kept = copy(b, b[kept+n-overlap:kept+n])
	}
}
