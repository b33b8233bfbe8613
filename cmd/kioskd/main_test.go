package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"baylight/cmd/internal/cmdtest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"kioskd": main}) }

func TestCommand(t *testing.T) { cmdtest.Run(t) }

func TestDocumented(t *testing.T) { cmdtest.Documented(t, "../..", &cli{}, "kioskd") }
