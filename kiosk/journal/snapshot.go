package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"baylight/kiosk"
)

// The snapshots of a journal: what somebody made of its events up to one of
// them, as bytes that mean nothing to the journal. They are files beside the
// database (PATH.NAME), so that writing one never holds up an append.
const (
	Latest = "snapshot" // recent: a start folds only what came after it
	Base   = "base"     // at the end of what was pruned: a full fold begins with it
)

// maxSnapshot bounds a snapshot in bytes.
const maxSnapshot = 256 << 20

// snapshotHead is the second line of a snapshot's file. The first one is
// "baylight snapshot 1 " and the SHA-256 of everything behind it, in hex.
type snapshotHead struct {
	Source string `json:"source"`
	Epoch  string `json:"epoch"`
	Seq    uint64 `json:"seq"`
	Hash   string `json:"hash"` // of the event
}

const snapshotMagic = "baylight snapshot 1 "

// SetSnapshot keeps what was made of all events up to one of them (Latest or
// Base) in place of the one before. It is on the disk as a whole when this
// returns, or after a power cut the one before is there. The event must be here.
// It waits for no append and no append waits for it; where the disk has room for
// little more than the ballast it is ErrFull, so that a snapshot never takes the
// room of a scan.
func (j *Journal) SetSnapshot(name, epoch string, seq uint64, state []byte) error {
	if err := j.setSnapshot(name, epoch, seq, state); err != nil {
		return fmt.Errorf("set %s after event %s: %w", name, kiosk.EventID(epoch, seq), classify(err))
	}
	return nil
}

func (j *Journal) setSnapshot(name, epoch string, seq uint64, state []byte) error {
	if name != Latest && name != Base {
		return fmt.Errorf("name must be %s or %s", Latest, Base)
	}
	if len(state) == 0 || len(state) > maxSnapshot {
		return fmt.Errorf("it has %d bytes, at least 1 and at most %d are right", len(state), maxSnapshot)
	}
	h, err := j.hashAt(epoch, seq)
	if err != nil {
		return err
	}
	meta, err := json.Marshal(snapshotHead{j.source, epoch, seq, h.String()})
	if err != nil {
		return err
	}
	meta = append(meta, '\n')
	if err := j.spare(int64(len(meta) + len(state))); err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(meta)
	sum.Write(state)
	return replaceFile(j.path+"."+name, []byte(snapshotMagic+hex.EncodeToString(sum.Sum(nil))+"\n"), meta, state)
}

// spare says whether the disk has room for size bytes more without coming near
// to its end.
func (j *Journal) spare(size int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(j.path, &s); err != nil {
		return err
	}
	if free := int64(s.Bavail) * int64(s.Bsize); j.Low() || free < size+max(j.ballast, 0) {
		return fmt.Errorf("%w: %d bytes are free, they are kept for events", ErrFull, free)
	}
	return nil
}

// replaceFile makes a file of parts, or leaves the one that is there.
func replaceFile(path string, parts ...[]byte) (err error) {
	f, err := os.OpenFile(path+newExt, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err == nil {
			_, err = f.Write(p)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+newExt, path)
	}
	if err != nil {
		return errors.Join(err, remove(path+newExt))
	}
	return syncFile(filepath.Dir(path))
}

// Snapshot is what was kept under a name and the event it was made after; false
// if there is none that can be used: none at all, a damaged one, that of another
// board, or of an event that is not here as it was. Why is logged; whoever asks
// folds the events instead.
func (j *Journal) Snapshot(name string) (epoch string, seq uint64, state []byte, ok bool) {
	meta, state, err := j.snapshot(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			j.log.Warn("a snapshot is not used", "name", name, "why", err)
		}
		return "", 0, nil, false
	}
	return meta.Epoch, meta.Seq, state, true
}

func (j *Journal) snapshot(name string) (meta snapshotHead, state []byte, err error) {
	b, err := readBounded(j.path+"."+name, maxSnapshot+4096)
	if err != nil {
		return meta, nil, err
	}
	first, rest, ok := bytes.Cut(b, []byte("\n"))
	digest, magic := bytes.CutPrefix(first, []byte(snapshotMagic))
	if !ok || !magic {
		return meta, nil, errors.New("it does not begin as a snapshot does")
	}
	if sum := sha256.Sum256(rest); hex.EncodeToString(sum[:]) != string(digest) {
		return meta, nil, errors.New("it is damaged: its bytes do not have the digest before them")
	}
	line, state, ok := bytes.Cut(rest, []byte("\n"))
	if err := json.Unmarshal(line, &meta); err != nil || !ok || meta.Source != j.source {
		return meta, nil, fmt.Errorf("it is one of %.100q, not of %q", meta.Source, j.source)
	}
	h, err := j.hashAt(meta.Epoch, meta.Seq)
	if err == nil && h.String() != meta.Hash {
		err = fmt.Errorf("event %s has another hash now", kiosk.EventID(meta.Epoch, meta.Seq))
	}
	return meta, state, err
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil && (st.Size() > limit || !st.Mode().IsRegular()) {
		err = fmt.Errorf("%s has %d bytes, at most %d are right", path, st.Size(), limit)
	}
	if err != nil {
		return nil, err
	}
	b := make([]byte, st.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// DropSnapshot removes a snapshot for good. None is no error.
func (j *Journal) DropSnapshot(name string) error {
	if err := remove(j.path + "." + name); err != nil {
		return fmt.Errorf("drop %s: %w", name, err)
	}
	return syncFile(filepath.Dir(j.path))
}

// hashAt is the hash of an event of any epoch that is here, or of the last one
// of a run that was pruned.
func (j *Journal) hashAt(epoch string, seq uint64) (kiosk.Hash, error) {
	if j.isClosed() {
		return kiosk.Hash{}, ErrClosed
	}
	l := j.shape()
	ep, ok := l.find(epoch)
	if !ok {
		return kiosk.Hash{}, fmt.Errorf("epoch %q is not here", epoch)
	}
	h, ok, err := j.hash(context.Background(), l, ep, seq)
	if err == nil && !ok {
		err = fmt.Errorf("event %s is not here", kiosk.EventID(epoch, seq))
	}
	return h, err
}

// ReplayFrom is Replay for whoever folded everything up to an event, of whatever
// epoch: fn gets what came after it in that epoch, and the epochs that followed.
func (j *Journal) ReplayFrom(epoch string, seq uint64, fn func(kiosk.Event) error) error {
	j.mu.Lock()
	l, end := j.layout, j.head.seq
	j.mu.Unlock()
	for i, ep := range l.epochs {
		if ep.name == epoch {
			return j.replayEpochs(context.Background(), l, l.epochs[i:], seq, end, func(_ Row, e kiosk.Event) error { return fn(e) })
		}
	}
	return fmt.Errorf("replay after event %s: its epoch is not here", kiosk.EventID(epoch, seq))
}
