// Package erasure keeps the requests of people to be forgotten, in files that no
// backup of the ledger holds, and is how they are asked for over HTTP.
//
// A folder has one file a store, STORE.jsonl, one request a line, written and
// synced before [List.Add] returns. They name nobody: keyed hashes and ids of
// visits. A line that a power cut left half is skipped. Restoring a ledger leaves
// the folder alone; losing the folder and the ledger loses the list, so it is
// worth a copy of its own. Beside it stands how far person parts were removed by
// their age, for the same reason.
//
// The package starts no goroutines; a List may be used by several.
package erasure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// maxFile bounds a store's file in bytes: more than 10,000 requests.
const maxFile = 16 << 20

// List is the folder.
type List struct {
	dir string
	mu  sync.Mutex
}

// Open makes the folder if it is not there.
func Open(dir string) (*List, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open erasures: %w", err)
	}
	return &List{dir: dir}, nil
}

// List gives the requests of a store, in the order they were added; of one that
// was added again with more in it the last.
func (l *List) List(store string) ([]kiosk.Erasure, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read(store)
}

func (l *List) read(store string) (out []kiosk.Erasure, err error) {
	path, err := l.path(store)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	for line := range bytes.Lines(raw) {
		var e kiosk.Erasure
		if json.Unmarshal(line, &e) != nil || wire.CheckErasure(e) != nil {
			continue // cut off by a power cut
		}
		if i := slices.IndexFunc(out, e.Same); i >= 0 {
			out[i] = e
		} else {
			out = append(out, e)
		}
	}
	return out, nil
}

// Add makes a request durable. One that is there already as it is is not added again.
func (l *List) Add(store string, e kiosk.Erasure) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.add(store, e); err != nil {
		return fmt.Errorf("keep erasure: %w", err)
	}
	return nil
}

func (l *List) add(store string, e kiosk.Erasure) error {
	if err := wire.CheckErasure(e); err != nil {
		return err
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	all, err := l.read(store)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, e.Same); i >= 0 {
		if same, err := json.Marshal(all[i]); err == nil && bytes.Equal(same, line) {
			return nil
		}
	}
	path, err := l.path(store)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && st.Size()+int64(len(line)) > maxFile {
		err = fmt.Errorf("%s is full (%d bytes)", path, maxFile)
	}
	if err == nil {
		_, err = f.Write(slices.Concat([]byte("\n"), line, []byte("\n"))) // an end for what a power cut left half
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return l.sync()
}

// Ageing is how far person parts of a store were removed by their age, the zero
// one if none were. It is the file STORE.aged.json.
func (l *List) Ageing(store string) (a kiosk.Ageing, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path, err := l.path(store)
	if err != nil {
		return a, err
	}
	raw, err := os.ReadFile(aged(path))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		return kiosk.Ageing{}, fmt.Errorf("read how far person parts were removed: %w", err)
	}
	return a, nil
}

// SetAgeing makes it durable: either what was, or what is.
func (l *List) SetAgeing(store string, a kiosk.Ageing) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	path, err := l.path(store)
	if err == nil {
		err = l.replace(aged(path), a)
	}
	if err != nil {
		return fmt.Errorf("keep how far person parts were removed: %w", err)
	}
	return nil
}

func (l *List) replace(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return l.sync()
}

// sync makes the names in the folder durable.
func (l *List) sync() error {
	d, err := os.Open(l.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// aged is the file beside that of the requests.
func aged(path string) string { return strings.TrimSuffix(path, ".jsonl") + ".aged.json" }

// path is the file of a store; its name is one of a topic, and so of a file.
func (l *List) path(store string) (string, error) {
	if err := wire.CheckName(store); err != nil {
		return "", fmt.Errorf("erasures: store: %w", err)
	}
	return filepath.Join(l.dir, store+".jsonl"), nil
}
