package web

import "strconv"

// bitRate is a rate in the units that network engineers use: decimal ones.
func bitRate(bits int64) string {
	const units = "kMGT"
	value, unit := float64(bits), -1
	for value >= 1000 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if unit < 0 {
		return text + " bit/s"
	}
	return text + " " + units[unit:unit+1] + "bit/s"
}

func percentText(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) + " %" }
