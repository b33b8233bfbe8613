package firstrun

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"baylight/cmd/internal/settings"
	"baylight/kiosk/staff"
)

// Files are the configuration as text by file name.
type Files map[string]string

// The files beside kiosk.toml.
const (
	staffFile    = "staff.toml"
	keyFile      = "store.key"
	passwordFile = "mqtt.password"
)

// Render makes the files. have are those already there, which are kept: a key
// or a staff file copied from another board of the store.
func (d *Draft) Render(configName string, have Files) (Files, error) {
	files := Files{}
	key := strings.TrimSpace(have[keyFile])
	if key == "" {
		if key = d.Store.Key; key == "" {
			key = rand.Text() + rand.Text()
			d.Store.Key = key // the same when it is asked again
		}
		files[keyFile] = key + "\n"
	}
	if have[staffFile] == "" {
		text, err := d.staff([]byte(key))
		if err != nil {
			return nil, err
		}
		files[staffFile] = text
	}
	if d.Broker.Password != "" && have[passwordFile] == "" {
		files[passwordFile] = d.Broker.Password + "\n"
	}
	files[configName] = d.config(d.Broker.Password != "" || have[passwordFile] != "")
	return files, nil
}

// quote is a TOML basic string: JSON's escapes are all TOML's too, and control
// characters were taken out of the forms.
func quote(s string) string {
	b, err := json.Marshal(strings.ReplaceAll(s, "\x7f", ""))
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}

// toml writes a file line by line.
type toml struct{ strings.Builder }

func (t *toml) line(key string, value any) {
	text := fmt.Sprint(value)
	if s, ok := value.(string); ok {
		text = quote(s)
	}
	fmt.Fprintf(t, "%s = %s\n", key, text)
}

func (t *toml) table(name string) { fmt.Fprintf(t, "\n%s\n", name) }

func (d *Draft) config(password bool) string {
	t := &toml{}
	t.WriteString("schema = 1\n# Written by the first run. Change it freely; check it with: kioskd check --config <this file>\n\n")
	t.line("staff_file", staffFile)
	t.table("[store]")
	t.line("name", d.Store.Name)
	t.line("title", d.Store.Title)
	t.line("tag", d.Store.Tag)
	t.line("zone", d.Store.Zone)
	t.line("key_file", keyFile)
	t.table("[hours]")
	for _, day := range []string{"mon", "tue", "wed", "thu", "fri", "sat"} {
		t.line(day, d.Store.Week)
	}
	t.line("sun", d.Store.Sunday)
	t.table("[kiosk]")
	t.line("name", d.Board.Name)
	t.line("letter", d.Board.Letter)
	if d.Board.Data != "" {
		t.line("data", d.Board.Data)
	}
	if d.Board.Socket != "" {
		t.line("socket", d.Board.Socket)
	}
	t.table("[http]")
	t.line("listen", d.Board.Listen)
	if d.Board.LAN {
		t.line("insecure_lan", true)
	}
	t.table("[mqtt]")
	t.line("url", d.Broker.URL)
	if d.Broker.Plain {
		t.line("insecure_lan", true)
	}
	if d.Broker.User != "" {
		t.line("user", d.Broker.User)
	}
	if password {
		t.line("password_file", passwordFile)
	}
	d.devices(t)
	t.WriteString(starterMenu)
	return t.String()
}

func (d *Draft) devices(t *toml) {
	for _, l := range d.Lines {
		switch l.What {
		case "scanner":
			t.table("[[scanner]]")
			t.line("name", l.Name)
			t.line("place", l.Place)
			t.line("device", l.Path)
			t.line("baud", l.Baud)
			t.line("terminator", l.End)
			t.line("beep", l.Beep)
		case "printer":
			t.table("[printer]")
			t.line("device", l.Path)
			t.line("baud", l.Baud)
			t.line("flow", l.Flow)
			t.line("width", l.Width)
		}
	}
	if d.Other.USB != "" || d.Other.TCP != "" {
		t.table("[printer]")
		if d.Other.USB != "" {
			t.line("usb", d.Other.USB)
		} else {
			t.line("tcp", d.Other.TCP)
		}
		t.line("width", d.Other.Width)
	}
	for _, b := range d.Bays {
		t.table("[[bay]]")
		t.line("id", b.ID)
		t.line("name", b.Name)
		if b.Wash {
			t.line("kind", "wash")
		}
		var pins []string
		for _, c := range Colours {
			if p := b.Pins[c]; p != "" {
				pins = append(pins, c+" = "+quote(p))
			}
		}
		if len(pins) > 0 {
			fmt.Fprintf(t, "lamp = { %s }\n", strings.Join(pins, ", "))
			t.line("active_low", b.ActiveLow)
		}
	}
}

// starterMenu is a menu to begin with.
const starterMenu = `
# The service menu: write your own items here (category: free_maintenance, warranty, maintenance, minor, major, accident or rework).
[[menu]]
code = "M10"
text = "10000公里保养"
category = "maintenance"
minutes = 60

[[menu]]
code = "R21"
text = "更换前刹车片"
category = "minor"
minutes = 45
`

// staff is the staff file: ids by role, badges by the store's tag and the
// board's letter, PINs as verifiers only.
func (d *Draft) staff(key []byte) (string, error) {
	t := &toml{}
	t.WriteString("schema = 1\n# The people of the store. pin is a verifier, made by: baylight pin\n")
	count := map[string]int{}
	for i, p := range d.People {
		count[p.Role]++
		t.table("[[person]]")
		t.line("id", fmt.Sprintf("%c%02d", p.Role[0], count[p.Role]))
		t.line("name", p.Name)
		fmt.Fprintf(t, "roles = [%s]\n", quote(p.Role))
		t.line("badge", d.Store.Tag+d.Board.Letter+fmt.Sprintf("%06d", i+1))
		if p.PIN == "" {
			continue
		}
		v, err := staff.HashPIN(key, p.PIN)
		if err != nil {
			return "", fmt.Errorf("PIN of %s: %w", strconv.Quote(p.Name), err)
		}
		t.line("pin", v)
	}
	return t.String(), nil
}

// existing reads the files beside path that the first run keeps. A credential that
// systemd passed stands for the file that is not there.
func existing(path string) (Files, error) {
	have := Files{}
	for name, id := range map[string]string{keyFile: settings.StoreKey, passwordFile: settings.KioskPassword} {
		secret, err := settings.Credential(id)
		if err != nil {
			return nil, fmt.Errorf("credential %s: %w", id, err)
		}
		if secret != "" {
			have[name] = secret + "\n"
		}
	}
	for _, name := range []string{keyFile, staffFile, passwordFile} {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", name, err)
		default:
			have[name] = string(b)
		}
	}
	return have, nil
}

// try checks the files as the daemon would, in a folder of their own.
func try(files, have Files, configName string) (*settings.Kiosk, error) {
	dir, err := os.MkdirTemp("", "baylight-setup-")
	if err != nil {
		return nil, fmt.Errorf("check configuration: %w", err)
	}
	defer os.RemoveAll(dir)
	for _, set := range []Files{have, files} {
		for name, text := range set {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				return nil, fmt.Errorf("check configuration: %w", err)
			}
		}
	}
	set, err := settings.LoadKiosk(filepath.Join(dir, configName))
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), dir+"/", ""))
	}
	return set, nil
}

// write puts the files into the folder of path, each complete or not at all and
// none over one that is there; path's own comes last, for it ends the first run.
func write(path string, files Files) error {
	dir, last := filepath.Split(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	for name, text := range files {
		if name == last {
			continue
		}
		if err := put(dir, name, text); err != nil {
			return err
		}
	}
	if err := put(dir, last, files[last]); err != nil {
		return err
	}
	return nil
}

// put writes one file; a link, unlike a rename, replaces nothing.
func put(dir, name, text string) (err error) {
	f, err := os.CreateTemp(dir, ".setup-")
	if err != nil {
		return fmt.Errorf("write configuration: %w; may this program write to %s?", err, dir)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := os.Link(f.Name(), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
