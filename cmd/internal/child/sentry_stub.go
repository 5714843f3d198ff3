package child

func isSentry(pid int) bool { return false }
