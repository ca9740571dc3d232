package lab

import "strconv"

// ImpairmentText is one value of an impairment as a lab file writes it, such as delay: 20ms.
type ImpairmentText struct{ Name, Value string }

// Written are the values that are not those of a perfect link, each with its unit, in the order of the documentation.
func (i Impairment) Written() []ImpairmentText {
	var all []ImpairmentText
	if i.RateBits > 0 {
		all = append(all, ImpairmentText{"rate", rateText(i.RateBits)})
	}
	if i.Delay > 0 {
		all = append(all, ImpairmentText{"delay", i.Delay.String()})
	}
	if i.Jitter > 0 {
		all = append(all, ImpairmentText{"jitter", i.Jitter.String()})
	}
	for _, share := range []struct {
		name    string
		percent float64
	}{{"loss", i.Loss}, {"duplicate", i.Duplicate}, {"reorder", i.Reorder}, {"corrupt", i.Corrupt}} {
		if share.percent > 0 {
			all = append(all, ImpairmentText{share.name, strconv.FormatFloat(share.percent, 'f', -1, 64) + "%"})
		}
	}
	return all
}

// Texts are the same by their names; nil: a perfect link.
func (i Impairment) Texts() map[string]string {
	var texts map[string]string
	for _, t := range i.Written() {
		if texts == nil {
			texts = map[string]string{}
		}
		texts[t.Name] = t.Value
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
