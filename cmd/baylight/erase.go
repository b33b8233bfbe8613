package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"baylight/cmd/internal/task"
	"baylight/sync/backoffice/erasure"
)

type eraseCmd struct {
	office
	VIN  string `help:"The vehicle; - reads it from standard input, so that it stands in no history of commands." name:"vin"`
	List bool   `help:"List what was asked for so far, and how far the boards are."`
	JSON bool   `help:"Print the answer as JSON." name:"json"`
}

// Validate wants one of the two.
func (c *eraseCmd) Validate() error {
	if (c.VIN == "") == !c.List {
		return errors.New("say --vin V, or --list")
	}
	return nil
}

// Run asks the back office to forget who came with a vehicle.
func (c *eraseCmd) Run() error {
	if c.List {
		return c.list()
	}
	vin := c.VIN
	if vin == "-" {
		raw, err := io.ReadAll(io.LimitReader(os.Stdin, 100))
		if err != nil {
			return fmt.Errorf("read VIN: %w", err)
		}
		vin = strings.TrimSpace(string(raw))
	}
	body, err := json.Marshal(erasure.Request{VIN: vin})
	if err != nil {
		return err
	}
	var a erasure.Answer
	if err := c.answer(http.MethodPost, bytes.NewReader(body), &a); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(task.Out()).Encode(a)
	}
	fmt.Fprintf(task.Out(), "%d visits, %d person parts and %d bookings erased at the back office; figures stay as they are\n", a.Visits, a.Parts, a.Bookings)
	boards(a)
	return nil
}

func (c *eraseCmd) list() error {
	var all struct {
		Store    string           `json:"store"`
		Erasures []erasure.Answer `json:"erasures"`
	}
	if err := c.answer(http.MethodGet, nil, &all); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(task.Out()).Encode(all)
	}
	for _, a := range all.Erasures {
		fmt.Fprintf(task.Out(), "%s  %3d visits  by %-12s vehicle %.12s…\n", a.At.Format("2006-01-02 15:04"), a.Visits, a.By, a.Vehicle)
	}
	if n := len(all.Erasures); n > 0 {
		boards(all.Erasures[n-1])
	} else {
		fmt.Println("nobody has asked to be forgotten")
	}
	return nil
}

// boards says which boards have done it.
func boards(a erasure.Answer) {
	for _, b := range a.Boards {
		if b.Open == 0 {
			fmt.Fprintf(task.Out(), "board %s: done\n", b.Name)
		} else {
			fmt.Fprintf(task.Out(), "board %s: %d of %d requests still to come, when it next connects\n", b.Name, b.Open, b.Open+b.Erased)
		}
	}
}

func (c *eraseCmd) answer(method string, body io.Reader, into any) error {
	res, err := c.ask(method, "/api/v1/erasures", url.Values{}, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, 8<<20)).Decode(into); err != nil {
		return fmt.Errorf("read the back office's answer: %w", err)
	}
	return nil
}
