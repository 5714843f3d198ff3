package main

import "syscall"

func credential(uint32) *syscall.SysProcAttr { return nil }
