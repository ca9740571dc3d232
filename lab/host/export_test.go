package host

// Measuring reports whether what labs carry is being measured.
func (x *Executor) Measuring() bool {
	x.meter.mu.Lock()
	defer x.meter.mu.Unlock()
	return x.meter.running
}

// RateOf is rateOf.
var RateOf = rateOf
