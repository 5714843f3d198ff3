module github.com/fsync-lock/fsync

go 1.25.0

require (
	github.com/fsnotify/fsnotify v1.10.1
	github.com/gofrs/flock v0.13.1
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/sync v0.22.0
	golang.org/x/sys v0.47.0
	golang.org/x/term v0.45.0
)

require golang.org/x/tools v0.26.0 // indirect
