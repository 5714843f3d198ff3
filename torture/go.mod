module github.com/fsync-lock/fsync/torture

go 1.25.0

replace github.com/fsync-lock/fsync => ../

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/fsync-lock/fsync v0.0.0-00010101000000-000000000000
	golang.org/x/sys v0.47.0
)

require (
	github.com/fsnotify/fsnotify v1.10.1 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	golang.org/x/sync v0.22.0 // indirect
)
