// Package systemd holds how Baylight runs: units, timers and packages
// (DESIGN.md says why each line is there). Its tests let systemd itself judge
// the units; there is no code.
package systemd
