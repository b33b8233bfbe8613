package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"baylight/cmd/internal/task"
	"baylight/kiosk/words"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/report"
)

type reportCmd struct {
	office
	From   string `required:"" help:"First day, e.g. 2026-11-01."`
	To     string `required:"" help:"The day after the last, e.g. 2026-12-01."`
	By     string `help:"A row for each: ${enum}." enum:"none,day,bay,adviser,technician,team,category" default:"none"`
	Format string `help:"${enum}." enum:"table,csv,xlsx,json" default:"table"`
	Out    string `help:"File to write instead of standard output; it must not be there yet." short:"o" type:"path"`
	Lang   string `help:"Language of the titles: ${enum}." enum:"zh-CN,en" default:"zh-CN"`
	AsOf   string `name:"as-of" help:"Figures as they stood at a position of the ledger, as a report names it (LEDGER-N)."`
	JSON   bool   `help:"The same as --format json." name:"json"`
}

// Validate refuses periods that cannot be.
func (c *reportCmd) Validate() error {
	if c.JSON {
		c.Format = "json"
	}
	if c.Format == "xlsx" && c.Out == "" && terminal(os.Stdout) {
		return errors.New("--format xlsx: name a file with --out; this is a terminal")
	}
	return errors.Join(checkDays(c.From, c.To, true), c.office.Validate())
}

// checkDays refuses a period that is none.
func checkDays(from, to string, both bool) error {
	var at [2]time.Time
	for i, day := range []struct{ name, text string }{{"--from", from}, {"--to", to}} {
		if day.text == "" && !both {
			continue
		}
		t, err := time.Parse(time.DateOnly, day.text)
		if err != nil {
			return fmt.Errorf("%s %q: it is no day of the calendar such as 2026-11-01", day.name, day.text)
		}
		at[i] = t
	}
	if from != "" && to != "" && !at[0].Before(at[1]) {
		return fmt.Errorf("--to %s is not after --from %s; the period runs up to, not including, --to", to, from)
	}
	return nil
}

func terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// maxReport bounds the answer of the back office, in bytes.
const maxReport = 256 << 20

// Run asks for figures and writes them.
func (c *reportCmd) Run() error {
	query := url.Values{"from": {c.From}, "to": {c.To}, "by": {c.By}}
	if c.AsOf != "" {
		query.Set("as_of", c.AsOf)
	}
	res, err := c.ask(http.MethodGet, "/api/v1/kpi", query, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReport))
	if err != nil {
		return fmt.Errorf("read figures: %w", err)
	}
	var a struct {
		Store string    `json:"store"`
		From  string    `json:"from"`
		To    string    `json:"to"`
		By    kpi.By    `json:"by"`
		AsOf  string    `json:"as_of"`
		Rows  []kpi.Row `json:"rows"`

		Targets []struct {
			Name   string `json:"name"`
			Target int64  `json:"target"`
		} `json:"targets"`
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("read figures: %w", err)
	}
	targets := map[string]int64{}
	for _, t := range a.Targets {
		targets[t.Name] = t.Target
	}
	t := report.Figures(a.Rows, report.About{Store: a.Store, From: a.From, To: a.To, By: a.By, AsOf: a.AsOf, Lang: words.Lang(c.Lang), Targets: targets})
	return c.write(func(w io.Writer) error {
		switch c.Format {
		case "csv":
			return t.CSV(w)
		case "xlsx":
			return t.XLSX(w)
		case "json":
			_, err := w.Write(b)
			return err
		}
		return t.Text(w)
	})
}

// write writes to standard output, or to a file that is whole or not there.
func (c *reportCmd) write(to func(io.Writer) error) error {
	if c.Out == "" && terminal(os.Stdout) {
		return to(task.Out())
	}
	if c.Out == "" {
		return to(os.Stdout)
	}
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write report: %s is there already", c.Out)
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := errors.Join(to(f), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write report: %w", err), os.Remove(c.Out))
	}
	return nil
}
