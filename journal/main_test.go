package journal

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestMain(m *testing.M) {
	lockTimeout = testproc.Patience
	testproc.Main(m, map[string]testproc.Role{
		"append": appendMany,
		"first": func(args []string) error {
			start := time.Now()
			err := Append(args[0], numbered(1, 1), 16<<20)
			fmt.Println(time.Since(start))
			return err
		},
	})
}

// appendMany PATH WRITER RUNS MAXSIZE waits for a line on stdin and appends runs. The
// status of each run is its number.
func appendMany(args []string) error {
	writer, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	runs, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	maxSize, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	if _, err := testproc.Hear(); err != nil {
		return err
	}
	for i := range runs {
		if err := Append(args[0], numbered(writer, i), maxSize); err != nil {
			return err
		}
	}
	return nil
}
