package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrNoAuthority is of a folder without an authority.
var ErrNoAuthority = errors.New("there is no authority")

// kept is the file of a backup.
type kept struct {
	What     string    `json:"what"` // keptWhat
	Made     time.Time `json:"made"`
	Key      []byte    `json:"key"`
	Cert     []byte    `json:"certificate"`
	Register []byte    `json:"register"` // nil: nothing was signed
}

const (
	keptWhat = "baylight authority 1"
	maxKept  = 64 << 20 // bytes
)

// Backup writes the authority of a folder to one new file that only its owner
// reads. It is not encrypted: whoever reads it can be any board and the broker, as
// who reads the folder. Each file of the folder changes at once or not at all, and
// only the register changes, so it may be done while the back office runs.
func Backup(dir, to string, now time.Time) error {
	k := kept{What: keptWhat, Made: now.UTC().Truncate(time.Second)}
	for name, into := range map[string]*[]byte{keyName: &k.Key, certName: &k.Cert, registerName: &k.Register} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == registerName:
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("back up authority: %w in %s", ErrNoAuthority, dir)
		case err != nil:
			return fmt.Errorf("back up authority: %w", err)
		}
		*into = b
	}
	b, err := json.Marshal(k)
	if err == nil {
		_, err = os.Lstat(to)
		if err == nil {
			err = fmt.Errorf("%s is there already", to)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = write(to, b, 0o600)
		}
	}
	if err != nil {
		return fmt.Errorf("back up authority: %w", err)
	}
	return nil
}

// Restore makes a backup the authority of a folder in which there is none, and
// says of when it is: what was enrolled or revoked since is not in it. What is no
// whole backup changes nothing.
func Restore(from, dir string) (made time.Time, err error) {
	fail := func(err error) (time.Time, error) {
		return time.Time{}, fmt.Errorf("restore authority from %s: %w", from, err)
	}
	st, err := os.Stat(from)
	if err != nil {
		return fail(err)
	}
	if st.Size() > maxKept {
		return fail(fmt.Errorf("%d bytes are more than any has", st.Size()))
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return fail(err)
	}
	var k kept
	if err := json.Unmarshal(b, &k); err != nil || k.What != keptWhat {
		return fail(errors.New("it is no backup of an authority"))
	}
	if err := folder(dir); err != nil {
		return fail(err)
	}
	err = locked(dir, func() error {
		for _, name := range []string{keyName, certName, registerName} {
			if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already in %s; move the folder aside first", name, dir)
			}
		}
		return k.put(dir)
	})
	if err != nil {
		return fail(err)
	}
	return k.Made, nil
}

// put tries the files in a folder beside, then puts them in place: the register
// first, so that no authority is ever without it, the key last.
func (k *kept) put(dir string) error {
	trial, err := os.MkdirTemp(dir, ".trial-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(trial)
	files := []struct {
		name string
		b    []byte
	}{{registerName, k.Register}, {certName, k.Cert}, {keyName, k.Key}}
	for _, in := range []string{trial, dir} {
		for _, f := range files {
			if f.b == nil {
				continue
			}
			if err := write(filepath.Join(in, f.name), f.b, 0o600); err != nil {
				return err
			}
		}
		if in == dir {
			return nil
		}
		a := &Authority{cfg: Config{Dir: trial}}
		if err := a.load(); err != nil {
			return err
		}
		if _, err := loadRegister(filepath.Join(trial, registerName)); err != nil {
			return err
		}
	}
	return nil
}
