package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// setClock does to the kernel's clock what a time daemon does once it has heard a
// server.
func setClock(text string) error {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	ts := unix.NsecToTimespec(t.UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return fmt.Errorf("set clock to %s: %w", text, err)
	}
	_, err = unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR, Status: unix.STA_PLL})
	if err != nil {
		return fmt.Errorf("tell the kernel that its clock is synchronised: %w", err)
	}
	return nil
}

// rows are the events of the journal at path as they will be sent.
func rows(ctx context.Context, path string) (string, error) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_busy_timeout=2000"}).String())
	if err != nil {
		return "", err
	}
	defer db.Close()
	found, err := db.QueryContext(ctx, "SELECT bytes FROM events ORDER BY pos")
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	defer found.Close()
	var out strings.Builder
	for found.Next() {
		var b []byte
		if err := found.Scan(&b); err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
		out.Write(b)
		out.WriteByte('\n')
	}
	return out.String(), found.Err()
}

// size is how many events the journal at path has, and how many bytes they are.
func size(ctx context.Context, path string) (string, error) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_busy_timeout=2000"}).String())
	if err != nil {
		return "", err
	}
	defer db.Close()
	var events, bytes int64
	if err := db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM events").Scan(&events, &bytes); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return fmt.Sprint(events, bytes), nil
}
