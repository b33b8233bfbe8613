package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Report says what a salvage did.
type Report struct {
	Why      error  // the damage, as Open found it
	SetAside string // the damaged database; its write-ahead log, if any, has -wal after it
	Kept     uint64 // events that are in the new file with their epochs and bytes
	Persons  uint64 // of those, the ones whose person part was damaged and counts as erased
	Again    uint64 // of those, the ones recorded again in the new epoch: no receipt for them was found
	Lost     []Lost // destroyed, as far as anything tells of them
}

// Lost is a range of sequences that was destroyed.
type Lost struct {
	Epoch    string
	From, To uint64
}

func (l Lost) String() string {
	return fmt.Sprintf("events %d to %d of epoch %s", l.From, l.To, l.Epoch)
}

// Salvaged says what Open had to do to a damaged journal, if it had to.
func (j *Journal) Salvaged() (Report, bool) {
	if j.report == nil {
		return Report{}, false
	}
	return *j.report, true
}

// Lost are the destroyed ranges that no event names yet, oldest first. Each is
// to be appended as a [kiosk.JournalLost]; the commit that has it takes the
// range off this list.
func (j *Journal) Lost() ([]Lost, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read lost ranges: %w", ErrClosed)
	}
	rows, err := j.readers.QueryContext(context.Background(), `SELECT epoch, "from", "to" FROM lost WHERE told = 0 ORDER BY epoch, "from"`)
	if err != nil {
		return nil, fmt.Errorf("read lost ranges: %w", classify(err))
	}
	out, err := scanLost(rows)
	if err != nil {
		return nil, fmt.Errorf("read lost ranges: %w", classify(err))
	}
	return out, nil
}

func scanLost(rows *sql.Rows) (out []Lost, err error) {
	defer rows.Close()
	for rows.Next() {
		var l Lost
		var from, to int64
		if err := rows.Scan(&l.Epoch, &from, &to); err != nil {
			return nil, err
		}
		l.From, l.To = uint64(from), uint64(to)
		out = append(out, l)
	}
	return out, rows.Err()
}

// tell takes a lost range off the list within the transaction that has its event.
func (j *Journal) tell(ctx context.Context, l Lost) error {
	_, err := j.writer.conn.ExecContext(ctx, `UPDATE lost SET told = 1 WHERE epoch = ? AND "from" = ? AND "to" = ?`, l.Epoch, int64(l.From), int64(l.To))
	return err
}

// Names beside the journal. The end of aside and salvaged is the time.
const (
	suspectExt = ".suspect" // reading has found damage; the next Open looks at everything
	asideExt   = ".aside-"  // a database that another took the place of
	readyExt   = ".ready-"  // the other one, whole, while it is not in its place yet
)

// noting leaves a mark of damage that was found after Open, for the next one.
func (j *Journal) noting(err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	j.mu.Lock()
	first := j.opened && j.damage == nil
	if first {
		j.damage = err
	}
	j.mu.Unlock()
	if first {
		j.log.Error("journal is damaged; the next start looks at all of it", "path", j.path, "err", err)
		if err := os.WriteFile(j.path+suspectExt, []byte(err.Error()+"\n"), 0o600); err != nil {
			j.log.Error("damage cannot be marked", "err", err)
		}
	}
	return err
}

// suspicion looks at every event if a reader has found damage before.
func (j *Journal) suspicion(ctx context.Context) error {
	if _, err := os.Stat(j.path + suspectExt); err != nil {
		return nil
	}
	if err := j.verify(ctx); err != nil {
		return err
	}
	j.log.Warn("damage that was found earlier is not there any more", "path", j.path)
	return remove(j.path + suspectExt)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// salvage makes a new journal of what is sound in a damaged one, sets the
// damaged one aside and puts the new one into its place. It can be cut off
// anywhere: until the new file is whole nothing is moved, and from then on the
// next Open goes on with moving.
func (j *Journal) salvage(ctx context.Context, why error) (*Report, error) {
	j.log.Error("journal is damaged and is salvaged", "path", j.path, "err", why)
	r, err := j.rebuild(ctx, j.path+newExt)
	if err != nil {
		return nil, err
	}
	r.Why = why
	if r.SetAside, err = j.replace(); err != nil {
		return nil, err
	}
	j.log.Error("journal salvaged", "kept", r.Kept, "lost", r.Lost, "person parts lost", r.Persons, "recorded again", r.Again, "damaged file", r.SetAside)
	return r, nil
}

// replace puts the whole new database into the journal's place and the one that
// is there aside.
func (j *Journal) replace() (aside string, err error) {
	stamp := j.stamp()
	if err := syncFile(j.path + newExt); err != nil {
		return "", err
	}
	if err := os.Rename(j.path+newExt, j.path+readyExt+stamp); err != nil {
		return "", err
	}
	if err := syncFile(filepath.Dir(j.path)); err != nil {
		return "", err
	}
	if err := j.moves.do(); err != nil {
		return "", err
	}
	return j.path + asideExt + stamp, j.settleMoves()
}

// stamp is the time as a part of a name that is not yet taken.
func (j *Journal) stamp() string {
	now := j.now().UTC()
	for {
		s := now.Format("20060102T150405Z")
		if _, err := os.Lstat(j.path + asideExt + s); errors.Is(err, fs.ErrNotExist) {
			return s
		}
		now = now.Add(time.Second)
	}
}

// settleMoves ends what replace began: the old files go aside, then the new one
// goes into the journal's place. What was already moved is not moved again.
func (j *Journal) settleMoves() error {
	found, err := filepath.Glob(escape(j.path+readyExt) + "*")
	if err != nil || len(found) == 0 {
		return err
	}
	if len(found) > 1 {
		return fmt.Errorf("%w: several databases are ready to take its place: %s", ErrDamaged, strings.Join(found, ", "))
	}
	aside := j.path + asideExt + strings.TrimPrefix(found[0], j.path+readyExt)
	// What was made of events that may be destroyed is no state of those that are left.
	if err := errors.Join(remove(j.path+"."+Latest), remove(j.path+"."+Base)); err != nil {
		return err
	}
	for _, ext := range []string{"", "-wal"} {
		if _, err := os.Lstat(aside + ext); err == nil {
			continue // moved, and what is there now is not it
		}
		if st, err := os.Stat(j.path + ext); err == nil && ext == "-wal" && st.Size() == 0 {
			if err := remove(j.path + ext); err != nil {
				return err
			}
			continue
		}
		if err := os.Rename(j.path+ext, aside+ext); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := j.moves.do(); err != nil {
			return err
		}
	}
	for _, ext := range []string{"-shm", suspectExt} {
		if err := remove(j.path + ext); err != nil {
			return err
		}
	}
	if err := os.Rename(found[0], j.path); err != nil {
		return err
	}
	return syncFile(filepath.Dir(j.path))
}

// escape keeps a path from being read as a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
