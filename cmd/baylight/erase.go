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
	List bool   `help:"List what was asked for so far, how far the boards are, and what went by its age (privacy.person_days)."`
	Aged string `help:"Say that the back office's clock is right, after it asked: person parts of visits that ended before this day (yyyy-mm-dd) may go by their age." name:"aged-before"`
	JSON bool   `help:"Print the answer as JSON." name:"json"`
}

// Validate wants one of the three.
func (c *eraseCmd) Validate() error {
	n := 0
	for _, said := range []bool{c.VIN != "", c.List, c.Aged != ""} {
		if said {
			n++
		}
	}
	if n != 1 {
		return errors.New("say --vin V, or --list, or --aged-before DAY")
	}
	return nil
}

// Run asks the back office to forget who came with a vehicle.
func (c *eraseCmd) Run() error {
	if c.List {
		return c.list()
	}
	if c.Aged != "" {
		return c.age()
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

// age vouches for the clock.
func (c *eraseCmd) age() error {
	body, err := json.Marshal(erasure.Request{AgedBefore: c.Aged})
	if err != nil {
		return err
	}
	var a struct {
		Store     string            `json:"store"`
		Retention erasure.Retention `json:"retention"`
	}
	if err := c.answer(http.MethodPost, bytes.NewReader(body), &a); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(a)
	}
	retained(a.Retention)
	return nil
}

// retained says how far person parts have gone by their age.
func retained(r erasure.Retention) {
	switch {
	case r.Days == 0:
		fmt.Println("by age: person parts are kept for ever (privacy.person_days)")
		return
	case r.Before == "":
		fmt.Printf("by age: kept %d days after the visit ended; none have gone yet\n", r.Days)
	default:
		fmt.Printf("by age: kept %d days after the visit ended; gone of visits that ended before %.10s; %d parts as old stay, their visits are open\n", r.Days, r.Before, r.Held)
	}
	if r.Wait != "" {
		fmt.Println("by age: it waits:", r.Wait)
	}
}

func (c *eraseCmd) list() error {
	var all struct {
		Store     string            `json:"store"`
		Erasures  []erasure.Answer  `json:"erasures"`
		Retention erasure.Retention `json:"retention"`
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
	retained(all.Retention)
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
