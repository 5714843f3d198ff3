package fileevent

// Tidy removes the directory DIR/.fsync, which [Event.Clear] or a Set of a marker that may not
// be replaced has left beside the markers, so that DIR can be removed with rmdir(1). No pulse
// is lost: Tidy moves the tombstones and notices to extended attributes of DIR, and a wait or
// Watch that has not yet seen one finds it there.
//
// Tidy does nothing if there are no extended attributes (on systems other than
// Linux, and on network file systems), if some user may search DIR but not read
// its attributes, if there are more than 16 tombstones and notices, if DIR/.fsync
// contains other files, or while another process makes DIR/.fsync and moves a
// marker there.
//
// Tidy takes longer than Clear, and the next Clear creates DIR/.fsync again. So Tidy is for
// programs that clear once and end, as fsync-event(1) does.
func (e *Event) Tidy() {
	if e.marker.validate("tidy") == nil {
		e.marker.withKind().tidy()
	}
}

// maxTidy is the largest number of tombstones and notices that Tidy moves to attributes. Some file
// systems have room for 40 attributes of a directory.
const maxTidy = 16
