package cli

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
)

// decimal is a number of seconds, with its sign and its digits.
var decimal = regexp.MustCompile(`^[ \t\n\v\f\r]*([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$`)

// hexadecimalSeconds is what Seconds reads, and no other function: flock(1) does.
var hexadecimalSeconds = regexp.MustCompile(`^[ \t\n\v\f\r]*([+-]?)0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?$`)

// FuzzDuration compares Seconds and Duration with exact arithmetic.
func FuzzDuration(f *testing.F) {
	for _, arg := range []string{
		"0", "-0", "2", " .5", "1.", "+3", "90", "1.5m", "2h", "1d", "1e-300", "1e-400", "1e400", "1e300d", "9223372036.8", "9223372036.854775807s",
		"", ".", "e5", "NaN", "inf", "1_0", "0x10", "0X1.8p4", "0x", "0xp1", "-0x1", "0x0p9", "0x1p-2000", "0x.fp2000", "-1", "-1e-400", "1s", "1ss", "1 s", "1e5h", "1ed", "\t1", "0.0000000001", "1.0000000005",
	} {
		f.Add(arg)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		got, err := Seconds(arg)
		form := decimal
		if strings.ContainsAny(arg, "xX") {
			form = hexadecimalSeconds
		}
		checkTime(t, form, arg, "", got, err)
		if parts := form.FindStringSubmatch(arg); errors.Is(err, ErrNegative) != (parts != nil && parts[1] == "-" && err != nil) {
			t.Errorf("Seconds(%q) = %v", arg, err)
		}
		digits, unit := arg, ""
		if n := len(arg) - 1; n >= 0 && strings.ContainsRune("smhd", rune(arg[n])) {
			digits, unit = arg[:n], arg[n:]
		}
		got, err = Duration(arg)
		checkTime(t, decimal, digits, unit, got, err)
	})
}

// checkTime fails the test unless got is the number with the unit, rounded up, or err says
// that there is no such time. Form is that of a number, with its sign and its digits.
func checkTime(t *testing.T, form *regexp.Regexp, number, unit string, got time.Duration, err error) {
	t.Helper()
	parts := form.FindStringSubmatch(number)
	isZero := parts != nil && !strings.ContainsAny(parts[2], "123456789abcdefABCDEF")
	if valid := parts != nil && (parts[1] != "-" || isZero); valid != (err == nil) {
		t.Fatalf("%q%s: %v", number, unit, err)
	}
	if err != nil {
		if got != 0 {
			t.Errorf("%q%s: %v and %v", number, unit, got, err)
		}
		return
	}
	if (got == 0) != isZero || got < 0 {
		t.Fatalf("%q%s is %v", number, unit, got)
	}
	base := 10
	if form == hexadecimalSeconds {
		base = 0 // as the number says
	}
	exact, _, err := big.ParseFloat(strings.TrimLeft(number, " \t\n\v\f\r"), base, 200, big.ToNearestEven)
	if err != nil {
		return // the exponent is too large for package big
	}
	nanoseconds := map[string]int64{"": 1e9, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 24 * 3600e9}[unit]
	want, _ := exact.Mul(exact, new(big.Float).SetInt64(nanoseconds)).Float64()
	want = min(want, math.MaxInt64)
	if diff := float64(got) - want; diff < -want*1e-15 || diff > 1+want*1e-15 {
		t.Errorf("%q%s is %d ns, want %.1f", number, unit, got, want)
	}
}

// FuzzSize compares Size with exact arithmetic.
func FuzzSize(f *testing.F) {
	for _, arg := range []string{"0", "-0", "500000", "64K", "10M", "1G", "+5K", "K", "-1", "1k", "1.5M", "1KK", "9223372036854775807", "9007199254740992K", "8589934591G", "8589934592G"} {
		f.Add(arg)
	}
	integer := regexp.MustCompile(`^([+-]?[0-9]+)([KMG]?)$`)
	f.Fuzz(func(t *testing.T, arg string) {
		got, err := Size(arg)
		var want *big.Int
		if parts := integer.FindStringSubmatch(arg); parts != nil {
			want, _ = new(big.Int).SetString(parts[1], 10)
			want.Lsh(want, map[string]uint{"": 0, "K": 10, "M": 20, "G": 30}[parts[2]])
		}
		if valid := want != nil && want.Sign() >= 0 && want.IsInt64(); valid != (err == nil) || valid && want.Int64() != got || !valid && got != 0 {
			t.Errorf("Size(%q) = %d, %v, want %v", arg, got, err, want)
		}
	})
}
