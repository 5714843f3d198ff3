//go:build linux

package main

var wrapHandover = row{
	name:        "wrap-handover",
	description: "one wrapper waits while the command of another runs: the time from the message that ends that command until the command of the waiting wrapper reports that it runs",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapRounds },
	figures: []figure{
		{name: "end to start, p50", unit: nanoseconds, key: "handover", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "end to start, p50", against: flockCommand, limit: 1.5, text: "≤ 1.5 ×"},
	},
	measure: measureWrapHandover,
}

func measureWrapHandover(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap-handover")
	holder, err := b.holdingWrapper(peer, path)
	if err != nil {
		return sample{}, err
	}
	var values []float64
	for range b.scale.wraps {
		waiter, err := b.startWrapper(peer, path)
		if err != nil {
			return sample{}, err
		}
		if err := awaitIdle([]*proc{waiter}, waiterInterval, waitersTimeout); err != nil {
			return sample{}, err
		}
		start := now()
		if err := holder.send("end"); err != nil {
			return sample{}, err
		}
		if err := waiter.expect("running"); err != nil {
			return sample{}, err
		}
		values = append(values, ns(since(start)))
		holder.kill()
		holder = waiter
	}
	return sample{values: map[string][]float64{"handover": values}}, nil
}
