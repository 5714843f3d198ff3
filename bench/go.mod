module github.com/fsync-lock/fsync/bench

go 1.25.0

replace github.com/fsync-lock/fsync => ../

require (
	github.com/fsnotify/fsnotify v1.10.1
	github.com/fsync-lock/fsync v0.0.0-00010101000000-000000000000
	github.com/gofrs/flock v0.13.1
	github.com/juju/mutex/v2 v2.0.0-20220203023141-11eeddb42c6c
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/sys v0.47.0
)

require (
	github.com/juju/errors v0.0.0-20220203013757-bd733f3c86b9 // indirect
	golang.org/x/sync v0.22.0 // indirect
)
