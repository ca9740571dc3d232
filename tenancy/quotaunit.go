package tenancy

import (
	"math"
	"strconv"
	"strings"

	"trunkline/internal/fault"
)

// unit is a name that people give to a number of base units.
type unit struct {
	name string
	size float64
}

// units of each resource, the largest first; the first spelling of a size is the one that is written.
var (
	byteUnits = []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
	bitUnits  = []unit{{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1}}
	timeUnits = []unit{{"h", 3600}, {"min", 60}, {"s", 1}}
)

// spellings are how else people write units, in small letters.
var spellings = map[Resource]map[string]float64{
	QuotaLabs:  {"": 1, "lab": 1, "labs": 1},
	QuotaNodes: {"": 1, "node": 1, "nodes": 1},
	QuotaCPU:   {"": 1000, "cpu": 1000, "cpus": 1000, "vcpu": 1000, "vcpus": 1000, "core": 1000, "cores": 1000},
	QuotaMemory: {"tib": 1 << 40, "gib": 1 << 30, "mib": 1 << 20, "kib": 1 << 10, "t": 1 << 40, "g": 1 << 30, "m": 1 << 20, "k": 1 << 10,
		"tb": 1e12, "gb": 1e9, "mb": 1e6, "kb": 1e3, "b": 1, "bytes": 1},
	QuotaEgress: {"gbit/s": 1e9, "mbit/s": 1e6, "kbit/s": 1e3, "bit/s": 1, "gbit": 1e9, "mbit": 1e6, "kbit": 1e3, "gbps": 1e9, "mbps": 1e6, "kbps": 1e3, "bps": 1,
		"g": 1e9, "m": 1e6, "k": 1e3},
	QuotaHours: {"": 3600, "h": 3600, "hour": 3600, "hours": 3600, "min": 60, "minute": 60, "minutes": 60, "s": 1, "d": 86_400, "day": 86_400, "days": 86_400},
}

// examples of how each resource is written.
var amountExamples = map[Resource]string{
	QuotaLabs: "20", QuotaNodes: "40", QuotaCPU: "2.5", QuotaMemory: "8 GiB", QuotaDisk: "20 GiB", QuotaUploads: "1 GiB", QuotaEgress: "10 Mbit/s", QuotaHours: "40 h",
}

// AmountExample is how an amount of the resource may be written.
func AmountExample(resource Resource) string { return amountExamples[resource] }

// Amount writes an amount for people: 10, 2.5, 8 GiB, 10 Mbit/s, 40 h.
func Amount(resource Resource, amount int64) string {
	switch resource {
	case QuotaCPU:
		return decimal(float64(amount) / 1000)
	case QuotaMemory, QuotaDisk, QuotaUploads:
		return inUnits(amount, byteUnits)
	case QuotaEgress:
		return inUnits(amount, bitUnits)
	case QuotaHours:
		if amount == 0 {
			return "0 h"
		}
		return inUnits(amount, timeUnits)
	}
	return strconv.FormatInt(amount, 10)
}

// inUnits takes the largest unit that the amount is at least one of.
func inUnits(amount int64, units []unit) string {
	for _, u := range units {
		if math.Abs(float64(amount)) >= u.size {
			return decimal(float64(amount)/u.size) + " " + u.name
		}
	}
	return "0 " + units[len(units)-1].name
}

// decimal writes at most two places.
func decimal(value float64) string {
	return strconv.FormatFloat(math.Round(value*100)/100, 'f', -1, 64)
}

// LimitText writes a limit as ParseLimit reads it, with nothing lost: "" where nothing is said.
func LimitText(resource Resource, limits Limits) string {
	limit, said := limits[resource]
	switch {
	case !said:
		return ""
	case limit == Unlimited:
		return "unlimited"
	}
	text := Amount(resource, limit)
	if parsed, _, err := ParseLimit(resource, text); err == nil && parsed == limit {
		return text
	}
	switch resource {
	case QuotaCPU:
		return strconv.FormatFloat(float64(limit)/1000, 'f', -1, 64)
	case QuotaMemory, QuotaDisk, QuotaUploads:
		return strconv.FormatInt(limit, 10) + " B"
	case QuotaEgress:
		return strconv.FormatInt(limit, 10) + " bit/s"
	case QuotaHours:
		return strconv.FormatInt(limit, 10) + " s"
	}
	return text
}

// leastRate is the slowest that a way out may be: below it not even a name is looked up in time.
const leastRate = 8_000

// ParseLimit reads a limit as people write it: "8 GiB", "2.5", "40 h", "10 Mbit/s", "unlimited". "" and "default" say nothing: said is false. Code: invalid, with
// the resource as its field.
func ParseLimit(resource Resource, text string) (limit int64, said bool, err error) {
	if !resource.known() {
		return 0, false, fault.New(fault.Invalid, "There is no quota %q. Take one of %s.", string(resource), resourceNames()).InField("resource")
	}
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	switch text {
	case "", "default":
		return 0, false, nil
	case "unlimited", "none", "∞":
		return Unlimited, true, nil
	}
	wrong := func() error {
		return fault.New(fault.Invalid, "%q is no limit of %s. Write it like %s, or unlimited.", text, resource.noun(), amountExamples[resource]).InField(string(resource))
	}
	digits := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' })
	if digits < 0 {
		digits = len(text)
	}
	number, err := strconv.ParseFloat(strings.ReplaceAll(text[:digits], ",", "."), 64)
	known := spellings[resource]
	if known == nil {
		known = spellings[QuotaMemory]
	}
	size, ok := known[strings.TrimSpace(text[digits:])]
	value := math.Round(number * size)
	switch {
	case err != nil, !ok && number != 0:
		return 0, false, wrong()
	case value > 1<<60:
		return 0, false, fault.New(fault.Invalid, "%q is more than any machine has. Write unlimited instead.", text).InField(string(resource))
	case (resource == QuotaLabs || resource == QuotaNodes) && value != number:
		return 0, false, wrong()
	case resource == QuotaEgress && value < leastRate:
		return 0, false, fault.New(fault.Invalid, "A way out needs %s at least. To give none at all, leave internet nodes out of the labs, or start the hosts without --egress.",
			Amount(QuotaEgress, leastRate)).InField(string(resource))
	}
	return int64(value), true, nil
}

func (r Resource) noun() string {
	if r == QuotaEgress {
		return "egress rate"
	}
	return resourceWords[r].noun
}

func resourceNames() string {
	names := make([]string, len(Resources))
	for i, resource := range Resources {
		names[i] = string(resource)
	}
	return strings.Join(names, ", ")
}
