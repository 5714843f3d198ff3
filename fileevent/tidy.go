package fileevent

// Tidy removes what [Event.Clear] has left beside the markers, DIR/.fsync, so
// that DIR can be removed with rmdir(1). It loses no pulse: it moves the traces
// to extended attributes of DIR, where waits and watches find them that have not
// seen them yet. So it does nothing where there are none (systems other than
// Linux, network file systems), where somebody may search DIR but not read its
// attributes, where more than 16 events have left a trace, and where DIR/.fsync
// is in use.
//
// It costs more than Clear itself, and the next Clear makes DIR/.fsync again. It
// is for programs that clear once and end, as fsync-event(1) does.
func (e *Event) Tidy() {
	if e.marker.check("tidy") == nil {
		e.marker.located().tidy()
	}
}

// How many traces Tidy moves to attributes. Some file systems have room for
// forty of a directory's.
const maxTidy = 16
