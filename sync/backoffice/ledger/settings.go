package ledger

import (
	"database/sql"
	"fmt"
)

// Earlier versions have a known defect in WAL mode (the reset race mended in
// 3.51.3). A kiosk's journal asks for the same; the two share no code, because what
// is shared would be a room of its own for one number.
const minSQLite = 3_051_003 // as sqlite3_libversion_number: major, minor, patch

func recent(text string, number int) error {
	if number < minSQLite {
		return fmt.Errorf("assert durability: sqlite is %s, at least 3.51.3 is needed: build with the one that the driver brings", text)
	}
	return nil
}

// wanted are the settings without which a commit, or an erasure, is not what this
// package promises. They are read back from the connection that writes.
var wanted = []struct{ name, value, why string }{
	{"journal_mode", "wal", "durability"},
	{"synchronous", "2", "durability"}, // FULL
	{"mmap_size", "0", "that a disk that fails to read is an error and no signal"},
	{"secure_delete", "1", "that what is erased is overwritten"},
}

// settled reports the first setting that the database does not give.
func settled(db *sql.DB) error {
	for _, w := range wanted {
		var got string
		if err := db.QueryRow("PRAGMA " + w.name).Scan(&got); err != nil {
			return fmt.Errorf("ask %s: %w", w.name, err)
		}
		if got != w.value {
			return fmt.Errorf("assert %s: %s is %s instead of %s", w.why, w.name, got, w.value)
		}
	}
	return nil
}
