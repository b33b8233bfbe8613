package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/demo"
	"baylight/cmd/internal/demo/script"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/kiosk/clock"
)

// personal is how something said of a person may stand in a text: as it is, in
// small letters, escaped as in addresses, in JSON and in Go's quotes.
func personal(said string) []string {
	ascii := strconv.QuoteToASCII(said)
	return []string{said, strings.ToLower(said), url.QueryEscape(said), ascii[1 : len(ascii)-1], fmt.Sprintf("%x", said)}
}

// named lists what a text says of people.
func named(text []byte, people []string) (out []string) {
	for _, p := range people {
		for _, form := range personal(p) {
			if bytes.Contains(text, []byte(form)) {
				out = append(out, form)
			}
		}
	}
	return out
}

// One demo day, with everything logged: neither the daemons' logs nor their support
// bundles hold any VIN or plate that came, nor anybody's name. That this would be
// found is tried with each.
func TestNobodyIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "day")
	t.Setenv("BAYLIGHT_LOG", "debug")
	h := demo.Headless{Days: 1, Seed: 11, Visits: 16, Keep: dir, Log: slog.New(slog.DiscardHandler)}
	bundle, office := filepath.Join(dir, "bundle.tar.gz"), filepath.Join(dir, "office.tar.gz")
	h.Last = func(context.Context, string) error {
		sockets, err := filepath.Glob(filepath.Join(dir, "*.sock"))
		if err != nil || len(sockets) != 1 {
			return errors.Join(err, fmt.Errorf("sockets: %q", sockets))
		}
		if err := ofOffice(dir, office); err != nil {
			return err
		}
		return (&supportCmd{Socket: sockets[0], File: bundle}).Run()
	}
	r, err := h.Run(t.Context())
	if err != nil || !r.OK() {
		t.Fatalf("the day: %+v, %v", r, err)
	}
	people := comers(t, dir)
	texts := unpack(t, bundle)
	for name, text := range unpack(t, office) {
		texts[name] = text
	}
	if len(texts) < 16 {
		t.Fatalf("only %d files were made to take home", len(texts))
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) < 2 {
		t.Fatalf("logs: %q, %v", logs, err)
	}
	for _, name := range logs {
		if texts[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range texts {
		if len(text) == 0 {
			t.Errorf("%s is empty", name)
		}
		if found := named(text, people); len(found) > 0 {
			t.Errorf("%s names %q", name, found)
		}
		for _, p := range people { // it would have been found
			for _, form := range personal(p) {
				if len(named(append(bytes.Clone(text), "msg=\"x "+form+"\"\n"...), people)) == 0 {
					t.Fatalf("%q in %s would not be found", form, name)
				}
			}
		}
	}
	if plain := regexp.MustCompile(`1[3-9][0-9]{9}`); plain.Match(bytes.Join([][]byte{texts["kiosk.log"], texts["office.log"]}, nil)) {
		for _, m := range plain.FindAll(bytes.Join([][]byte{texts["kiosk.log"], texts["office.log"]}, nil), 5) {
			t.Logf("looks like a telephone number: %s", m)
		}
	}
}

// ofOffice writes the support bundle of the day's back office.
func ofOffice(dir, to string) error {
	set, err := settings.LoadOffice(filepath.Join(dir, "backoffice.toml"))
	if err != nil {
		return err
	}
	now, err := clock.NewSystem(set.Stores[0].Calendar.Zone)
	if err != nil {
		return err
	}
	b, err := officeapp.Support(context.Background(), set, "test", now)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// comers are the VINs and plates of the day, and the names of the staff.
func comers(t *testing.T, dir string) (people []string) {
	t.Helper()
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))
	for _, v := range script.Write(script.Options{Seed: 11, Start: day, Days: 1, Visits: 16}).Visits {
		people = append(people, v.VIN, v.Plate)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "staff.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^name = "([^"]+)"`).FindAllSubmatch(raw, -1) {
		people = append(people, string(m[1]))
	}
	if len(people) < 34 {
		t.Fatalf("only %q came and work there", people)
	}
	return people
}

// unpack gives the files of a bundle by name.
func unpack(t *testing.T, path string) map[string][]byte {
	t.Helper()
	raw, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	zip, err := gzip.NewReader(raw)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for tape := tar.NewReader(zip); ; {
		h, err := tape.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if out[h.Name], err = io.ReadAll(tape); err != nil {
			t.Fatal(err)
		}
	}
}
