package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// office is how a command reaches a running back office.
type office struct {
	Office    string `help:"Where the back office is." default:"http://127.0.0.1:8090" env:"BAYLIGHT_OFFICE"`
	TokenFile string `help:"File that holds the token of its API." env:"BAYLIGHT_TOKEN_FILE" type:"existingfile"`
	Store     string `help:"The store; may be left out if the back office has one."`
}

// Validate refuses addresses that no back office has.
func (o office) Validate() error {
	u, err := url.Parse(o.Office)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--office %q: it is an address such as http://127.0.0.1:8090", o.Office)
	}
	return nil
}

// trouble is an answer that is none: RFC 9457's problem details.
type trouble struct {
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Parameter string `json:"parameter"`
	Errors    []struct {
		Line   int    `json:"line"`
		Detail string `json:"detail"`
	} `json:"errors"`
	Bad int `json:"bad"`
}

func (t *trouble) Error() string {
	if t.Parameter != "" {
		return fmt.Sprintf("the back office refuses %s: %s", t.Parameter, t.Detail)
	}
	return "the back office refuses: " + t.Detail
}

// ask sends a request; the answer is a good one, and the caller closes its body.
func (o office) ask(method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	if o.Store != "" {
		query.Set("store", o.Store)
	}
	req, err := http.NewRequest(method, strings.TrimRight(o.Office, "/")+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, fmt.Errorf("ask the back office: %w", err)
	}
	if o.TokenFile != "" {
		token, err := os.ReadFile(o.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	// A long answer has no limit as a whole; that it begins at all has one, unless
	// a body goes out first.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if body == nil {
		transport.ResponseHeaderTimeout = 2 * time.Minute
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the back office at %s: %w; is backofficed running?", o.Office, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	t := &trouble{}
	if err = cmp.Or(err, json.Unmarshal(b, t)); err != nil || t.Detail == "" {
		return nil, fmt.Errorf("the back office at %s answers %s: %.200q", o.Office, res.Status, b)
	}
	if t.Status == http.StatusUnauthorized {
		t.Detail += "; here that is --token-file"
	}
	return nil, t
}

// errBadLines is a file that was not imported; its lines have been named.
var errBadLines = errors.New("nothing was imported")
