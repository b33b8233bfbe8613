package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"

	"baylight/cmd/internal/task"
	"baylight/sync/backoffice/transfer"
)

type importCmd struct {
	office
	File string `arg:"" help:"Events, one CloudEvents JSON object a line, as export writes them; - is standard input."`
	JSON bool   `help:"Print the result as JSON." name:"json"`
}

// Help is shown by --help, under the line of the command.
func (c *importCmd) Help() string {
	return `The whole file is checked before anything is imported: if a line is bad, its number is
printed and nothing is done. An event counts once, however often it is imported.
It takes the token of the back office.`
}

// Run imports a file.
func (c *importCmd) Run() error {
	in := os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		defer f.Close()
		in = f
	}
	res, err := c.ask(http.MethodPost, "/api/v1/import", url.Values{}, in)
	if t := (*trouble)(nil); errors.As(err, &t) && len(t.Errors) > 0 {
		for _, e := range t.Errors {
			fmt.Fprintf(task.Err(), "%s:%d: %s\n", c.File, e.Line, e.Detail)
		}
		if more := t.Bad - len(t.Errors); more > 0 {
			fmt.Fprintf(os.Stderr, "and %d more\n", more)
		}
		return errBadLines
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	p, err := lastProgress(res.Body)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(task.Out()).Encode(p)
	} else {
		for _, text := range p.Problems {
			fmt.Fprintln(task.Out(), text)
		}
		fmt.Printf("imported: %d events are new, %d were there already, %d stand in the place of others and are kept as evidence; %d person parts\n",
			p.Added, p.Duplicates, p.Conflicts, p.Persons)
	}
	if !p.Done {
		return errors.Join(err, fmt.Errorf("import stopped after %d lines: %s", p.Lines, p.Error))
	}
	return err
}

// lastProgress reads the answer to its end.
func lastProgress(r io.Reader) (p transfer.Progress, err error) {
	dec := json.NewDecoder(r)
	for {
		var next transfer.Progress
		if err := dec.Decode(&next); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			p.Done, p.Error = false, "the connection broke; import again, nothing counts twice"
			return p, nil
		}
		p = next
	}
	if !p.Done && p.Error == "" {
		p.Error = "the back office ended; import again, nothing counts twice"
	}
	return p, nil
}

type exportCmd struct {
	office
	File    string `arg:"" help:"File to write, one event a line; - is standard output."`
	From    string `help:"First day, e.g. 2026-11-01; by the time of recording."`
	To      string `help:"The day after the last."`
	Persons bool   `help:"With the person parts (VIN, plate, telephone, name): personal data leaves the back office. It takes its token."`
	Resume  bool   `help:"Go on with a file that was broken off, or that more has come after."`
}

// Help is shown by --help, under the line of the command.
func (c *exportCmd) Help() string {
	return `Without --from and --to everything of the store. The events are written byte for byte as the
boards made them, so that baylight import can take them into another back office.`
}

// Validate refuses what cannot be.
func (c *exportCmd) Validate() error {
	if c.Resume && c.File == "-" {
		return errors.New("--resume: standard output cannot be gone on with; name a file")
	}
	return errors.Join(checkDays(c.From, c.To, false), c.office.Validate())
}

// Run exports to a file.
func (c *exportCmd) Run() (err error) {
	query := url.Values{}
	for name, value := range map[string]string{"from": c.From, "to": c.To} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.Persons {
		query.Set("persons", "1")
	}
	out := os.Stdout
	if c.File != "-" {
		if out, err = c.open(query); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, out.Close()) }()
	}
	res, err := c.ask(http.MethodGet, "/api/v1/export", query, nil)
	if err != nil {
		return c.drop(out, err)
	}
	defer res.Body.Close()
	var sink io.Writer = out
	if c.File == "-" && terminal(os.Stdout) {
		sink = task.Out()
	}
	n, err := copyLines(sink, res.Body)
	if err == nil && c.File != "-" {
		err = out.Sync()
	}
	if err != nil && c.File != "-" {
		return fmt.Errorf("export broke off after %d lines: %w; go on with: baylight export --resume %s", n, err, c.File)
	}
	if err != nil {
		return fmt.Errorf("export broke off after %d lines: %w", n, err)
	}
	fmt.Fprintf(os.Stderr, "exported %d lines, through position %s\n", n, res.Trailer.Get(transfer.Position))
	return nil
}

// open makes the file, or finds where it goes on.
func (c *exportCmd) open(query url.Values) (*os.File, error) {
	if !c.Resume {
		f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("export: %s is there already; --resume goes on with it", c.File)
		}
		if err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
		return f, nil
	}
	f, err := os.OpenFile(c.File, os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	keep, id, hash, err := transfer.Tail(f)
	if err == nil {
		err = f.Truncate(keep)
	}
	if err == nil {
		_, err = f.Seek(keep, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("go on with %s: %w", c.File, err), f.Close())
	}
	if id != "" {
		query.Set("after_event", id)
		query.Set("after_hash", hash)
	}
	return f, nil
}

// drop takes a file away that an export never began with.
func (c *exportCmd) drop(f *os.File, why error) error {
	if c.File == "-" || c.Resume {
		return why
	}
	return errors.Join(why, os.Remove(f.Name()))
}

// copyLines copies an answer and counts its lines. What is torn is an error.
func copyLines(w io.Writer, r io.Reader) (n int, err error) {
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriterSize(w, 1<<16)
	for {
		part, err := in.ReadSlice('\n')
		if _, bad := out.Write(part); bad != nil {
			return n, bad
		}
		switch {
		case err == nil:
			n++
		case errors.Is(err, io.EOF):
			return n, out.Flush()
		case !errors.Is(err, bufio.ErrBufferFull):
			return n, errors.Join(err, out.Flush())
		}
	}
}
