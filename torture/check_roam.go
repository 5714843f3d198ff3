//go:build linux

package main

import "slices"

// roamed reports whether a process that changes its working directory may have locked the file
// during a time, instead of the file of the same name in the other directory. It notices that,
// and unlocks the file at once.
func (s *story) roamed(o object, in span) bool {
	return o.roams && slices.ContainsFunc(s.operations, func(op *operation) bool {
		return op.isAcquisition() && op.by != nil && op.by.program == roamingProgram && op.overlaps(in)
	})
}
