//go:build !unsafe_calibration

package journal

// The setting by which a commit waits for the disk, by name and as SQLite reads it back.
const (
	synchronous      = "FULL" // the driver's own default in WAL mode loses commits at a power cut
	synchronousLevel = "2"
)
