package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Flag returns the Set function of an option without an argument.
func Flag(p *bool) func(string) error {
	return func(string) error { *p = true; return nil }
}

// Parsed returns the Set function of an option: parse reads the argument.
func Parsed[T any](p *T, parse func(string) (T, error)) func(string) error {
	return func(arg string) (err error) {
		*p, err = parse(arg)
		return err
	}
}

// Text returns the Set function of an option whose argument must not be empty.
func Text(p *string) func(string) error { return Parsed(p, notEmpty) }

// List returns the Set function of an option that can be repeated. Its argument must not
// be empty.
func List(p *[]string) func(string) error {
	return func(arg string) error {
		arg, err := notEmpty(arg)
		if err == nil {
			*p = append(*p, arg)
		}
		return err
	}
}

func notEmpty(arg string) (string, error) {
	if arg == "" {
		return "", errors.New("it is empty")
	}
	return arg, nil
}

// Forever is the duration of a wait without a limit.
const Forever time.Duration = -1

// Within returns a context that ends after d. With Forever it does not end.
func Within(d time.Duration) (context.Context, context.CancelFunc) {
	if d == Forever {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), d)
}

// ErrNegative is the error of a negative time.
var ErrNegative = errors.New("is negative")

// Seconds reads a number of seconds, as flock(1) does: also 0x1F or 0x1p-2.
func Seconds(arg string) (time.Duration, error) {
	seconds, err := Number(arg)
	if strings.ContainsAny(arg, "xX") {
		seconds, err = hexadecimal(arg)
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a number of seconds", arg)
	case seconds < 0:
		return 0, fmt.Errorf("%q %w", arg, ErrNegative)
	}
	return toDuration(seconds), nil
}

// Duration reads a time as timeout(1) does: a number, with or without a unit.
func Duration(arg string) (time.Duration, error) {
	units := map[byte]float64{'s': 1, 'm': 60, 'h': 60 * 60, 'd': 24 * 60 * 60}
	digits, unit := arg, 1.0
	if arg != "" && units[arg[len(arg)-1]] != 0 {
		digits, unit = arg[:len(arg)-1], units[arg[len(arg)-1]]
	}
	n, err := Number(digits)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a time such as 90, 1.5m, 2h or 1d", arg)
	}
	return toDuration(n * unit), nil
}

// Size reads a number of bytes, or a number with a unit.
func Size(arg string) (int64, error) {
	digits, unit := arg, int64(1)
	if i := strings.IndexAny(arg, "KMG"); i >= 0 && i == len(arg)-1 {
		digits, unit = arg[:i], map[byte]int64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}[arg[i]]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size such as 500000, 64K, 10M or 1G", arg)
	}
	return n * unit, nil
}

// Number reads a decimal number. A number that is too large for a float64 becomes the
// largest one, and a positive number that is too small the smallest one: a time that is not
// 0 must not become 0, which means no limit.
func Number(arg string) (float64, error) {
	if strings.ContainsAny(arg, "xX") { // Go permits 0x1p4
		return 0, strconv.ErrSyntax
	}
	return number(arg, "e")
}

func hexadecimal(arg string) (float64, error) {
	if !strings.ContainsAny(arg, "pP") {
		arg += "p0" // strconv wants an exponent
	}
	return number(arg, "p")
}

// number reads a number as strtod(3) does. The letter is that of its exponent.
func number(arg, letter string) (float64, error) {
	text := strings.ToLower(strings.TrimLeft(arg, " \t\n\v\f\r"))
	if strings.Contains(text, "_") { // Go permits 1_000
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseFloat(text, 64)
	digits, _, _ := strings.Cut(text, letter)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return math.Copysign(math.MaxFloat64, n), nil
	case err == nil && (math.IsNaN(n) || math.IsInf(n, 0)):
		return 0, strconv.ErrRange
	case err == nil && n == 0 && strings.ContainsAny(digits, "123456789abcdef"):
		return math.Copysign(math.SmallestNonzeroFloat64, n), nil
	}
	return n, err
}

// toDuration converts seconds. It rounds up, so only 0 becomes 0.
func toDuration(seconds float64) time.Duration {
	if d := seconds * float64(time.Second); d < math.MaxInt64 {
		return time.Duration(math.Ceil(d))
	}
	return math.MaxInt64 // 292 years
}
