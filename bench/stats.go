//go:build linux

package main

import (
	"math"
	"slices"
)

// quantile returns a function for the q-quantile: the smallest of the values that
// is at least as large as a share q of them.
func quantile(q float64) func([]float64) float64 {
	return func(values []float64) float64 {
		if len(values) == 0 {
			return math.NaN()
		}
		sorted := slices.Sorted(slices.Values(values))
		return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
	}
}

// median returns the middle value, or the mean of the two middle values.
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

// jain returns Jain's index of fairness: 1 if all n values are equal, 1/n if all
// but one are 0.
func jain(values []float64) float64 {
	squares := 0.0
	for _, v := range values {
		squares += v * v
	}
	return sum(values) * sum(values) / (float64(len(values)) * squares)
}

// leastOfMean returns the smallest value as a share of the mean.
func leastOfMean(values []float64) float64 {
	return slices.Min(values) / mean(values)
}
