package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"trunkline/lab/hostapi"
	"trunkline/templates"
)

// The charts are drawn here, as SVG paths, and not by a library in the browser: four lines of at most 500 points need no script,
// are read out by their label, print, follow the colours of the page, and change by the same morph as all else that is live.

const (
	chartSpan = 24 * time.Hour
	chartGap  = 20 * time.Minute // a host that was silent for longer leaves a hole
)

// useCharts are the lines of a host's last day.
func useCharts(now time.Time, use []hostapi.Use, info hostapi.HostInfo) []templates.Chart {
	if len(use) < 2 {
		return nil
	}
	plain := func(v float64) string { return strconv.Itoa(int(v)) }
	size := func(v float64) string { return templates.Bytes(int64(v)) }
	charts := []templates.Chart{
		chart(now, use, "CPU", "cores", float64(info.CPUs), func(u hostapi.Use) float64 { return u.CPU }, number),
		chart(now, use, "Memory", "", float64(info.MemoryBytes), func(u hostapi.Use) float64 { return float64(u.MemoryBytes) }, size),
	}
	if info.DiskBytes > 0 {
		charts = append(charts, chart(now, use, "Disk", "", float64(info.DiskBytes), func(u hostapi.Use) float64 { return float64(u.DiskBytes) }, size))
	}
	return append(charts, chart(now, use, "Nodes that run", "", 0, func(u hostapi.Use) float64 { return float64(u.Nodes) }, plain))
}

// chart is one line. of is what the host has, which is the upper end; 0 takes the highest value.
func chart(now time.Time, use []hostapi.Use, name, unit string, of float64, value func(hostapi.Use) float64, text func(float64) string) templates.Chart {
	peak, last := 0.0, value(use[len(use)-1])
	for _, u := range use {
		peak = max(peak, value(u))
	}
	c := templates.Chart{Name: name, Now: text(last), Peak: "peak " + text(peak)}
	if now.Sub(use[len(use)-1].At) > chartGap {
		c.Now = "last " + c.Now
	}
	if of > 0 {
		c.Now += " of " + text(of)
	}
	if unit != "" {
		c.Now += " " + unit
	}
	c.Says = fmt.Sprintf("%s over the last day: %s, %s", name, c.Now, c.Peak)
	top := of
	if top <= 0 {
		top = max(1, peak)
	}
	c.Line, c.Area = paths(now, use, func(u hostapi.Use) float64 { return value(u) / top })
	return c
}

// paths draws the samples, each a share of the height, as a line and as the area below it.
func paths(now time.Time, use []hostapi.Use, share func(hostapi.Use) float64) (line, area string) {
	var lines, areas strings.Builder
	var before time.Time
	x0, x1 := 0.0, 0.0
	closeArea := func() {
		if areas.Len() > 0 {
			fmt.Fprintf(&areas, "L%s,%dL%s,%dZ", point(x1), templates.ChartHeight, point(x0), templates.ChartHeight)
		}
	}
	for _, u := range use {
		age := now.Sub(u.At)
		if age < 0 || age > chartSpan {
			continue
		}
		x := templates.ChartWidth * (1 - float64(age)/float64(chartSpan))
		y := 2 + (templates.ChartHeight-3)*(1-max(0, min(1, share(u))))
		move := "L"
		if before.IsZero() || u.At.Sub(before) > chartGap {
			closeArea()
			move, x0 = "M", x
		}
		at := move + point(x) + "," + point(y)
		lines.WriteString(at)
		areas.WriteString(at)
		before, x1 = u.At, x
	}
	closeArea()
	return lines.String(), areas.String()
}

func point(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
