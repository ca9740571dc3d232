package lab

import "strconv"

// Texts are the values of an impairment as a lab file writes them: rate, delay, jitter, loss and the rest, each with its unit. nil: a perfect link.
func (i Impairment) Texts() map[string]string {
	texts := map[string]string{}
	if i.RateBits > 0 {
		texts["rate"] = rateText(i.RateBits)
	}
	if i.Delay > 0 {
		texts["delay"] = i.Delay.String()
	}
	if i.Jitter > 0 {
		texts["jitter"] = i.Jitter.String()
	}
	for name, share := range map[string]float64{"loss": i.Loss, "duplicate": i.Duplicate, "reorder": i.Reorder, "corrupt": i.Corrupt} {
		if share > 0 {
			texts[name] = strconv.FormatFloat(share, 'f', -1, 64) + "%"
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// rateText is a rate in the largest unit that is exact.
func rateText(bits int64) string {
	for _, u := range []struct {
		name   string
		factor int64
	}{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}} {
		if bits%u.factor == 0 {
			return strconv.FormatInt(bits/u.factor, 10) + u.name
		}
	}
	return strconv.FormatInt(bits, 10) + "bit"
}
