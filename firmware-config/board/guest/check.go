package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"golang.org/x/sys/unix"

	"baylight/firmware-config/board/agent"
	"baylight/kiosk"
)

// mount mounts a device, which the kernel then repairs by its own log, as after
// a power cut. The options are those of the image (image/apply).
func mount(device, at string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(device, at, "ext4", unix.MS_NOATIME|unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, "errors=remount-ro"); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	return nil
}

// check reads the journal's file with nothing of package journal: SQLite finds
// every page sound, each event has the hash that stands beside it and names the
// hash of the one before, and the sequence has no hole. There is one epoch: a
// board that only lost its power needs no other.
func check(ctx context.Context, path string) (list []agent.Event, err error) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_busy_timeout=2000"}).String())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var says string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&says); err != nil || says != "ok" {
		return nil, fmt.Errorf("integrity_check of %s: %q, %w", path, says, err)
	}
	rows, err := db.QueryContext(ctx, "SELECT bytes, hash FROM events ORDER BY pos")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var prev kiosk.Hash
	epoch := ""
	for rows.Next() {
		var b, hash []byte
		if err := rows.Scan(&b, &hash); err != nil {
			return nil, err
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", len(list)+1, err)
		}
		if epoch == "" {
			epoch = e.Epoch
		}
		if h := kiosk.HashOf(b); string(hash) != string(h[:]) || e.Prev != prev || e.Seq != uint64(len(list)+1) || e.Epoch != epoch {
			return nil, fmt.Errorf("the chain breaks at event %d: it is %s", len(list)+1, b)
		}
		prev = kiosk.HashOf(b)
		x, err := brief(e.Type(), b)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, rows.Err()
}

// brief is what a judge needs of an event.
func brief(t kiosk.Type, b []byte) (agent.Event, error) {
	var e struct {
		Data struct {
			agent.Event
			Scan struct{ Text string } `json:"scan"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return agent.Event{}, fmt.Errorf("read event %.100q: %w", b, err)
	}
	x := e.Data.Event
	x.Type, x.Scan = string(t), e.Data.Scan.Text
	return x, nil
}
