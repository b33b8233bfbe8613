// Package report turns figures into tables that people take away: aligned text,
// CSV and XLSX. The command `baylight report` and the dashboard's exports share
// it, so that a file says the same wherever it was made.
//
//	kpi.Row… ─▶ Figures ─▶ Table ─▶ Text | CSV | XLSX
//
// A cell holds a value, not its picture: a share is a number from 0 to 1, a
// duration whole minutes, what cannot be told is empty and never 0. CSV and XLSX
// keep these numbers; Text rounds shares to a tenth of a percent.
//
// A spreadsheet runs what begins like a formula, and keys come from outside: in
// CSV such text is preceded by an apostrophe, in XLSX every text is a string
// cell. CSV is UTF-8 with a byte order mark and CRLF, as spreadsheets of Windows
// need it to show Chinese.
//
// The package is pure but for writing: no clock, no goroutine, and the same
// table gives the same bytes.
package report
