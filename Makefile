.PHONY: help fmt vet test race ci
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

help:  ## print this
	@sed -n 's/^\([a-z]*\): *##/\1 /p' Makefile
fmt:   ## format the source
	gofmt -w .
vet:   ## look for mistakes
	go vet ./... && go run $(STATICCHECK) ./...
test:  ## run the tests
	go test ./...
race:  ## run the tests with the race detector, several times
	go test -race -count=5 ./...
ci:    ## what every change has to pass
	.ci/run
