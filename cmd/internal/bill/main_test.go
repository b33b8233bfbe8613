package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// The test's own binary is one that Go built.
func TestBill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := run(out, []string{"sbom", self}); err != nil {
			t.Fatal(err)
		}
	}
	var bill struct {
		BOMFormat  string
		Components []component
	}
	if err := json.Unmarshal(first.Bytes(), &bill); err != nil || bill.BOMFormat != "CycloneDX" {
		t.Fatalf("%v: %s", err, first.String())
	}
	if len(bill.Components) == 0 || bill.Components[len(bill.Components)-1].Name != "std" {
		t.Errorf("a program without the standard library: %v", bill.Components)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two bills of one binary differ")
	}
	var texts bytes.Buffer
	if err := run(&texts, []string{"licences", self}); err != nil || !strings.Contains(texts.String(), "Redistribution and use") {
		t.Errorf("the licence of Go is missing: %v", err)
	}
}

func TestWrongQuestions(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"sbom"}, {"size", self}, {"sbom", "/etc/hostname"}} {
		if err := run(&bytes.Buffer{}, args); err == nil {
			t.Errorf("%q was no error", args)
		}
	}
}
