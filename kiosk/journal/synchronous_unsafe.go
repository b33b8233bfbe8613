//go:build unsafe_calibration

package journal

// A journal that does not wait for the disk: what the power-cut tests must find
// out. No program that a store runs is built with this tag.
const (
	synchronous      = "OFF"
	synchronousLevel = "0"
)
