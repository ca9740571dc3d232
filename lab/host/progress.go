package host

import "fmt"

// progress counts a convergence: from the first thing left to do until nothing is. It never goes back while the generation stays.
type progress struct {
	generation int64
	total      [phases]int
	active     bool
}

// update takes in what is left now.
func (p *progress) update(left [phases]int, generation int64) {
	busy := left != [phases]int{}
	if busy && (!p.active || generation != p.generation) {
		p.total = [phases]int{}
	}
	p.active, p.generation = busy, generation
	for i, n := range left {
		p.total[i] = max(p.total[i], n)
	}
}

func (p *progress) sum() int {
	sum := 0
	for _, n := range p.total {
		sum += n
	}
	return sum
}

func (p *progress) done(left [phases]int) int {
	done := p.sum()
	for _, n := range left {
		done -= n
	}
	return done
}

var phaseWords = [phases]string{
	phaseRemove: "removing containers %d of %d",
	phaseUp:     "creating containers %d of %d",
	phaseWire:   "connecting interfaces",
	phaseExec:   "running start-up commands %d of %d",
}

// step words the first phase in which something is left; "" when nothing is.
func (p *progress) step(left [phases]int) string {
	for i, n := range left {
		switch {
		case n == 0:
		case i == phaseWire:
			return phaseWords[i]
		default:
			return fmt.Sprintf(phaseWords[i], p.total[i]-n, p.total[i])
		}
	}
	return ""
}
