//go:build !linux

package filelock

func isPrivateGroup(uint32) bool { return false }

func hasACL(string) bool { return false }

func isProcess(string) bool { return false }
