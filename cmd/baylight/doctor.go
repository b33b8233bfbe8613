package main

import (
	"encoding/json"
	"os"

	"baylight/cmd/internal/doctor"
	"baylight/cmd/internal/task"
	"baylight/kiosk/words"
)

type doctorCmd struct {
	Config string `help:"Configuration file of the kiosk." default:"/etc/baylight/kiosk.toml" type:"path"`
	Socket string `help:"The running kiosk's socket; the configuration's if left out." type:"path"`
	Lang   string `help:"zh or en; both if left out." enum:"both,zh,en" default:"both"`
	Quiet  bool   `help:"Leave out what is well." short:"q"`
	JSON   bool   `help:"Print the findings as JSON." name:"json"`
}

// Run looks, and ends the program with 0 if all is well, 1 if somebody should
// look at something, 2 if something is wrong.
func (c *doctorCmd) Run() error {
	ctx, stop := task.Signals()
	defer stop()
	f := doctor.Here(ctx, c.Config, c.Socket, task.Version())
	r := doctor.Examine(ctx, f)
	if err := c.print(f, r); err != nil {
		return err
	}
	stop()
	os.Exit(r.Level.Number())
	return nil
}

func (c *doctorCmd) print(f *doctor.Facts, r doctor.Report) error {
	if c.JSON {
		out := json.NewEncoder(task.Out())
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	board := c.Config
	if f.Settings != nil {
		board = f.Settings.Store.Name + "/" + f.Settings.Name
	}
	langs := map[string][]words.Lang{"both": {words.ZH, words.EN}, "zh": {words.ZH}, "en": {words.EN}}
	return r.Print(task.Out(), board, c.Quiet, langs[c.Lang]...)
}
