package lab

import (
	"slices"
	"time"
)

// Preset is a kind of access line: what a customer's end sends goes Up, what it gets comes Down.
type Preset struct {
	Name  string     `json:"name"`  // as in --preset
	Title string     `json:"title"` // for people
	Down  Impairment `json:"down"`
	Up    Impairment `json:"up"`
}

// Presets lists them from the best to the worst. Delays are one way: half of the round trip that the source gives.
//
// Sources. WPT: connectivity profiles of WebPageTest (wptagent, FIOS, DSL, 4G and LTE), which are measured medians of access lines. RFC 2488,
// section 2: a geostationary hop takes 239.6 to 279 ms one way. RFC 3819: a link layer that retries a few times leaves some frames lost and
// repeats others. VDSL2's rates are those of ITU-T G.993.2, profile 17a, at about a kilometre of copper.
var Presets = []Preset{
	{"fibre", "Fibre to the home",
		Impairment{RateBits: 1e9, Delay: 2 * time.Millisecond},    // GPON's downstream as it is sold; WPT FIOS: 4 ms round trip
		Impairment{RateBits: 500e6, Delay: 2 * time.Millisecond}}, // half of it up, as GPON divides
	{"dsl", "DSL (VDSL2)",
		Impairment{RateBits: 50e6, Delay: 12 * time.Millisecond, Jitter: time.Millisecond}, // G.993.2 17a; 8 ms of interleaving
		Impairment{RateBits: 10e6, Delay: 12 * time.Millisecond, Jitter: time.Millisecond}},
	{"4g", "Mobile, 4G",
		Impairment{RateBits: 12e6, Delay: 35 * time.Millisecond, Jitter: 8 * time.Millisecond, Loss: 0.1}, // WPT LTE: 12/12 Mbit/s, 70 ms round trip
		Impairment{RateBits: 12e6, Delay: 35 * time.Millisecond, Jitter: 8 * time.Millisecond, Loss: 0.1}},
	{"wifi-lossy", "Wi-Fi, lossy",
		Impairment{RateBits: 20e6, Delay: 4 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 3, Duplicate: 0.1}, // retries used up: RFC 3819
		Impairment{RateBits: 20e6, Delay: 4 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 3, Duplicate: 0.1}},
	{"satellite", "Satellite, geostationary",
		Impairment{RateBits: 25e6, Delay: 260 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.2}, // RFC 2488: 239.6 to 279 ms
		Impairment{RateBits: 3e6, Delay: 260 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.2}},
}

// PresetNamed returns the preset of that name.
func PresetNamed(name string) (Preset, bool) {
	i := slices.IndexFunc(Presets, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return Presets[i], true
}

// PresetNames lists the names, for sentences and flags.
func PresetNames() []string {
	names := make([]string, len(Presets))
	for i, p := range Presets {
		names[i] = p.Name
	}
	return names
}
