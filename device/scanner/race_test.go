//go:build race

package scanner_test

// raceDetector says that memory is the race detector's, too, and no figure.
const raceDetector = true
