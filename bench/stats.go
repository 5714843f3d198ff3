//go:build linux

package main

import (
	"math"
	"slices"
)

// quantile is the smallest value that a share q of the values does not exceed.
func quantile(q float64) func([]float64) float64 {
	return func(values []float64) float64 {
		if len(values) == 0 {
			return math.NaN()
		}
		sorted := slices.Sorted(slices.Values(values))
		return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
	}
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func mean(values []float64) float64 {
	return sum(values) / float64(len(values))
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// jain is Jain's index of fairness: 1 if all have the same, 1/n if one has all.
func jain(values []float64) float64 {
	squares := 0.0
	for _, v := range values {
		squares += v * v
	}
	return sum(values) * sum(values) / (float64(len(values)) * squares)
}

// leastServed is the least value as a share of the mean.
func leastServed(values []float64) float64 {
	return slices.Min(values) / mean(values)
}
