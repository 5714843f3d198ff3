.PHONY: help build install uninstall fmt vet test race busy fuzz torture bugs mutate model ci
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

PREFIX   = /usr/local
DESTDIR  =
bindir   = $(PREFIX)/bin
datadir  = $(PREFIX)/share
mandir   = $(datadir)/man
bashdir  = $(datadir)/bash-completion/completions
zshdir   = $(datadir)/zsh/site-functions
fishdir  = $(datadir)/fish/vendor_completions.d
GO       = go
INSTALL  = install
PROGRAMS = fsync-lock fsync-event fsync-status
TORTURE  = -length 4m
FUZZTIME = 20s
MUTATE   = . ./journal $(addprefix ./internal/,acl cwd file flockwait fskind locktable printable process sidecar watch) \
  $(addprefix ./cmd/internal/,cli getopt term userdir)

help:    ## list the targets
	@sed -n 's/^\([a-z]*:\).*## /\1	/p' Makefile
build:   ## build the programs, in bin
	$(GO) build -trimpath -o bin/ ./cmd/fsync-lock ./cmd/fsync-event ./cmd/fsync-status
# With sudo, install does not build, but installs the programs of an earlier "make
# build": sudo's PATH usually has no go, and git refuses root the version of another
# user's clone.
install: $(if $(SUDO_USER),,build) ## install programs, manuals and completions below PREFIX (/usr/local)
	@set -e; \
	$(INSTALL) -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(mandir)/man1" "$(DESTDIR)$(bashdir)" "$(DESTDIR)$(zshdir)" "$(DESTDIR)$(fishdir)"; \
	for p in $(PROGRAMS); do \
		$(INSTALL) -m 755 "bin/$$p" "$(DESTDIR)$(bindir)/$$p"; \
		$(INSTALL) -m 644 "cmd/$$p/man/$$p.1" "$(DESTDIR)$(mandir)/man1/$$p.1"; \
		$(INSTALL) -m 644 "cmd/$$p/completions/$$p.bash" "$(DESTDIR)$(bashdir)/$$p"; \
		$(INSTALL) -m 644 "cmd/$$p/completions/_$$p" "$(DESTDIR)$(zshdir)/_$$p"; \
		$(INSTALL) -m 644 "cmd/$$p/completions/$$p.fish" "$(DESTDIR)$(fishdir)/$$p.fish"; \
	done; \
	echo "installed $(PROGRAMS) in $(DESTDIR)$(bindir)"
uninstall: ## remove the files that install installed
	@for p in $(PROGRAMS); do \
		rm -f "$(DESTDIR)$(bindir)/$$p" "$(DESTDIR)$(mandir)/man1/$$p.1" "$(DESTDIR)$(bashdir)/$$p" "$(DESTDIR)$(zshdir)/_$$p" "$(DESTDIR)$(fishdir)/$$p.fish"; \
	done
fmt:     ## format the source
	gofmt -w .
vet:     ## check the source with go vet and staticcheck
	$(GO) vet ./... && $(GO) run $(STATICCHECK) ./...
test:    ## run the tests
	$(GO) test ./...
race:    ## run the tests five times with the race detector
	$(GO) test -race -count=5 ./...
busy:    ## run the tests 30 times beside four busy loops
	@for i in 1 2 3 4; do (while :; do :; done) & loops="$$loops $$!"; done; \
	trap 'kill $$loops' EXIT; \
	for run in $$(seq 30); do $(GO) test -count=1 ./... || exit 1; done
fuzz:    ## run each fuzz target for FUZZTIME (20s)
	.ci/fuzz $(FUZZTIME)
torture: ## let processes use locks and events while faults strike, and check what happened; TORTURE="-length 4m -seed N -mix WORDS"
	cd torture && $(GO) run . $(TORTURE)
bugs:    ## put each known fault back, and check that the torture finds it; BUGS="-only NAMES, -ci, -tests, -list"
	cd torture && $(GO) run ./bugs $(BUGS)
mutate:  ## change the code, one small thing at a time, and check that a test notices; MUTATE="PACKAGES"
	cd torture && $(GO) run ./mutate $(MUTATE)
model:   ## check the models of docs/model.md with spin
	docs/model/run
ci:      ## run all checks that a change must pass
	.ci/run
