// Command gen writes the JSON Schemas and the AsyncAPI document of package
// schema. Shapes come from the Go types by reflection, descriptions and the
// values of constants from their source text. What a type cannot say (what an
// id looks like, which texts a field may have) stands in rules.go.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"baylight/kiosk"
	"baylight/sync/wire"
)

func main() {
	root := flag.String("root", "", "folder of the module")
	out := flag.String("out", "", "folder to write to")
	flag.Parse()
	if err := write(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(root, out string) error {
	all, err := files(root)
	if err != nil {
		return err
	}
	for name, b := range all {
		if err := os.WriteFile(filepath.Join(out, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// object is a JSON object.
type object = map[string]any

// files makes every file of package schema, by path.
func files(root string) (map[string][]byte, error) {
	src, err := readSource(filepath.Join(root, "kiosk"), filepath.Join(root, "sync", "wire"))
	if err != nil {
		return nil, err
	}
	schemas, err := src.schemas()
	if err != nil {
		return nil, err
	}
	out := make(map[string][]byte)
	for name, s := range schemas {
		if out["v1/"+name+".v1.json"], err = encode(s); err != nil {
			return nil, err
		}
	}
	out["asyncapi.json"], err = encode(asyncAPI(schemas))
	return out, err
}

// schemas makes every schema, by event type or message name.
func (src *source) schemas() (map[string]object, error) {
	out := map[string]object{"envelope": envelope(), "receipt": receipt()}
	var err error
	for _, t := range kiosk.Types() {
		if out[string(t)], err = src.of(kiosk.NewPayload(t), t); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", t, err)
		}
	}
	for name, v := range map[string]any{"conn": wire.Conn{}, "office": wire.Office{}, "health": wire.Health{}, "bay": wire.BayState{},
		"visits": wire.Visits{}, "visit": wire.Visit{}, "time": wire.TimeQuestion{}, "cmd.time": wire.TimeAnswer{}, "command": wire.Command{}, "bookings": wire.Bookings{}, "setup": wire.Setup{}, "staff": wire.Staff{}, "erasures": wire.Erasures{}} {
		if out[name], err = src.of(v, kiosk.Type(name)); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", name, err)
		}
	}
	part, err := src.of(kiosk.Person{}, "person")
	if err != nil {
		return nil, err
	}
	out["person"] = person(part)
	for name, s := range out {
		s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		s["$id"] = kiosk.Schema(kiosk.Type(name))
		s["title"] = name
	}
	return out, nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
