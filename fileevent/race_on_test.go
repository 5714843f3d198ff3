//go:build race

package fileevent

const raceDetector = true
