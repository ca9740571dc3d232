// Package bench records what benches measure: a line a metric, and a file that other programs can read.
//
// It knows numbers and units. It refuses to judge them.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Record collects the metrics of one bench.
type Record struct {
	name    string
	metrics map[string]float64
}

// New starts the record of bench/out/NAME.json.
func New(name string) *Record { return &Record{name: name, metrics: map[string]float64{}} }

// Set prints "metric value unit" and keeps the value.
func (r *Record) Set(metric string, value float64, unit string) {
	r.metrics[metric] = value
	fmt.Printf("%s %.4g %s\n", metric, value, unit)
}

// Write writes bench/out/NAME.json below the current folder.
func (r *Record) Write() error {
	text, err := json.MarshalIndent(map[string]any{"metrics": r.metrics}, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Join("bench", "out")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.name+".json"), append(text, '\n'), 0o644)
}

// Quantile returns the q-quantile (0 to 1) of the values by nearest rank; it sorts a copy.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// Median is the 0.5-quantile.
func Median(values []float64) float64 { return Quantile(values, 0.5) }
