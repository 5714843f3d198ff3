//go:build race

package testproc

const raceDetector = true
