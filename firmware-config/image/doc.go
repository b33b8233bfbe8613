// Package image holds what makes a Raspberry Pi OS image a Baylight board: what
// the firmware reads (config.txt with a section for each board), words for the
// kernel, files of the system, a sample for cloud-init, and "apply", which puts
// them into a mounted image and says what it did. There is no code; the tests run
// apply on a fabricated image.
package image
