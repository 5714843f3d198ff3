//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A tree is a copy of the repository, into which bugs are put.
type tree struct{ dir string }

// copyTree copies the repository at root, with changes that are not committed.
func copyTree(root string) (tree, error) {
	dir, err := os.MkdirTemp("", "bugs-")
	if err != nil {
		return tree{}, err
	}
	t := tree{filepath.Join(dir, "fsync")}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case e.Name() == ".git": // a directory, or a file in a worktree
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(filepath.Join(t.dir, name), 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		return copyFile(path, filepath.Join(t.dir, name))
	})
	if err != nil {
		t.remove()
	}
	return t, err
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

func (t tree) remove() error { return os.RemoveAll(filepath.Dir(t.dir)) }

// put puts a bug into the tree; takeOut takes it out again.
func (t tree) put(b bug) error     { return t.apply(b) }
func (t tree) takeOut(b bug) error { return t.apply(b, "--reverse") }

// apply calls git apply, which also works outside a repository. It takes the patch of the
// copy, which stays as it is meanwhile. A line of context is enough, so that a patch
// survives changes beside it.
func (t tree) apply(b bug, options ...string) error {
	patch := filepath.Join(t.dir, "torture", "bugs", b.name+".patch")
	cmd := exec.Command("git", append(append([]string{"apply", "-C1"}, options...), patch)...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(t.dir))
	return said(cmd)
}

// said runs a command. The error has what the command has printed.
func said(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(string(out)))
	}
	return err
}

// build builds the torture of the tree.
func (t tree) build() (program string, err error) {
	program = filepath.Join(filepath.Dir(t.dir), "torture")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(t.dir, "torture")
	return program, said(cmd)
}

// test runs the test that a bug names, and returns nil if it fails.
func (t tree) test(b bug) error {
	cmd := exec.Command("go", "test", "-vet=off", "-count=3", "-failfast", "-timeout=2m", "-run", "^("+b.test+")$", b.pkg)
	cmd.Dir = t.dir
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "no tests to run"), strings.Contains(text, "no test files"):
		return errors.New(strings.TrimSpace(text))
	case err == nil:
		return fmt.Errorf("%s %s passes", b.pkg, b.test)
	}
	return nil
}
