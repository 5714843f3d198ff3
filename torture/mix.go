//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A mix limits what the plans may contain. Its text is a list of words, separated by commas:
// names of faults, of kinds of objects, and of programs beside goProgram. If there is no word
// of one of these, all of them are used.
type mix struct {
	faults   []*fault
	kinds    []kind
	programs []program
	small    bool
}

// The other words of a mix.
const (
	calm  = "calm"  // no faults
	alone = "alone" // no other programs
	small = "small" // short rounds with few processes, for tests
)

var (
	allKinds    = []kind{exclusiveLock, sharedLock, semaphore, manualEvent, autoEvent}
	allPrograms = []program{handingProgram, droppingProgram, roamingProgram, fsyncLock, flockProgram, fcntlProgram, pyfilelock, touchProgram}
)

// mixWords returns all words.
func mixWords() []string {
	words := []string{calm, alone, small}
	for _, p := range allPrograms {
		words = append(words, string(p))
	}
	return slices.Concat(words, kindNames[:], faultNames())
}

func parseMix(text string) (m mix, err error) {
	isCalm, isAlone := false, false
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		k := slices.Index(kindNames[:], word)
		f := slices.IndexFunc(allFaults, func(f *fault) bool { return f.name == word })
		switch {
		case word == calm:
			isCalm = true
		case word == alone:
			isAlone = true
		case word == small:
			m.small = true
		case slices.Contains(allPrograms, program(word)):
			m.programs = append(m.programs, program(word))
		case k >= 0:
			m.kinds = append(m.kinds, kind(k))
		case f >= 0:
			m.faults = append(m.faults, allFaults[f])
		default:
			return m, fmt.Errorf("there is no %q to mix; the words are %s", word, strings.Join(mixWords(), ", "))
		}
	}
	if !isCalm && m.faults == nil {
		m.faults = allFaults
	}
	if !isAlone && m.programs == nil {
		m.programs = allPrograms
	}
	if m.kinds == nil {
		m.kinds = allKinds
	}
	return m, nil
}

// possible returns the mix without what is not possible on this machine. Only the first
// process finds that out; the processes of a round get the words of the result.
func (m mix) possible() mix {
	m.faults = slices.DeleteFunc(slices.Clone(m.faults), func(f *fault) bool { return f.impossible() != nil })
	m.programs = slices.DeleteFunc(slices.Clone(m.programs), func(p program) bool { return p.missing() != nil })
	return m
}

// String returns the words of the mix.
func (m mix) String() string {
	var words []string
	if m.small {
		words = append(words, small)
	}
	if len(m.faults) == 0 {
		words = append(words, calm)
	}
	if len(m.programs) == 0 {
		words = append(words, alone)
	}
	for _, k := range m.kinds {
		words = append(words, k.String())
	}
	for _, p := range m.programs {
		words = append(words, string(p))
	}
	for _, f := range m.faults {
		words = append(words, f.name)
	}
	return strings.Join(words, ",")
}
