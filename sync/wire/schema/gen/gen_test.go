package main

import (
	"bytes"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"baylight/sync/wire/schema"
)

// TestCheckedInFilesAreCurrent: the files are those that the Go types give today.
func TestCheckedInFilesAreCurrent(t *testing.T) {
	want, err := files("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	err = fs.WalkDir(schema.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			have = append(have, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(have)
	if names := slices.Sorted(maps.Keys(want)); !slices.Equal(names, have) {
		t.Errorf("files are %q, want %q", have, names)
	}
	for name, b := range want {
		got, err := schema.FS.ReadFile(name)
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s is not what the types give (%v): run go generate ./sync/wire/schema", name, err)
		}
	}
}

// TestRulesHaveFields: no rule is left over from a field that is gone.
func TestRulesHaveFields(t *testing.T) {
	src, err := readSource("../../../../kiosk", "../..")
	if err != nil {
		t.Fatal(err)
	}
	for field := range rules() {
		if _, ok := src.docs[field]; !ok {
			t.Errorf("there is a rule for %s, which is no field", field)
		}
	}
	for _, name := range []string{"Category", "Flag", "State"} {
		if len(src.values[name]) < 3 {
			t.Errorf("values of %s are %q", name, src.values[name])
		}
	}
	if got := src.values["Category"]; len(got) != 7 || got[0] != "free_maintenance" {
		t.Errorf("categories are %q", got)
	}
}

func TestTypesWithoutAPlace(t *testing.T) {
	src := &source{}
	for _, v := range []any{
		struct {
			F float64 `json:"f"`
		}{},
		struct{ Untagged string }{},
		struct {
			C chan int `json:"c"`
		}{},
	} {
		if s, err := src.of(v, ""); err == nil {
			t.Errorf("%T gives %v", v, s)
		}
	}
}
