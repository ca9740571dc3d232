package host

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

var _ hostapi.RatesHost = (*Executor)(nil)

// ratesEvery is how often what labs carry is measured, while somebody asks and nothing else is set.
const ratesEvery = time.Second

// rateMeter measures all labs that are asked for at once: the fabric's counters in one dump, the containers by their control groups.
type rateMeter struct {
	x *Executor

	mu      sync.Mutex
	readers map[*rateReader]bool
	running bool

	// Owned by run.
	before map[string]map[hostapi.PortRef]PortCount
	at     time.Time
	used   map[string]cpuMark // by container
}

// cpuMark is the processor time that a container had used.
type cpuMark struct {
	pid   int
	files usage
	cpu   time.Duration
}

// rateReader is one reader of one lab's rates.
type rateReader struct {
	lab  string
	out  chan hostapi.Rates
	sent hostapi.Rates // what the reader knows
	told bool
}

// Rates implements hostapi.RatesHost.
func (x *Executor) Rates(ctx context.Context, labID string) (<-chan hostapi.Rates, error) {
	if x.specOf(labID) == nil {
		return nil, fault.New(fault.NotFound, "This host has no lab %s.", labID)
	}
	m := &x.meter
	r := &rateReader{lab: labID, out: make(chan hostapi.Rates, 1)}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		close(r.out)
		return r.out, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.readers == nil {
		m.x, m.readers = x, map[*rateReader]bool{}
	}
	m.readers[r] = true
	x.loops.Go(func() {
		select {
		case <-ctx.Done():
		case <-x.life.Done():
		}
		m.leave(r)
	})
	if !m.running {
		m.running = true
		x.loops.Go(m.run)
	}
	return r.out, nil
}

func (m *rateMeter) leave(r *rateReader) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.readers, r)
	close(r.out)
}

// run measures until nobody asks any more.
func (m *rateMeter) run() {
	m.before, m.used = nil, map[string]cpuMark{}
	for tick := time.NewTicker(cmp.Or(m.x.cfg.RatesEvery, ratesEvery)); ; {
		labs := m.wanted()
		if len(labs) == 0 {
			tick.Stop()
			return
		}
		m.tell(m.sample(labs))
		select {
		case <-tick.C:
		case <-m.x.life.Done():
		}
	}
}

// wanted lists the labs that somebody asks for, or ends the run.
func (m *rateMeter) wanted() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var labs []string
	for r := range m.readers {
		if !slices.Contains(labs, r.lab) {
			labs = append(labs, r.lab)
		}
	}
	if m.x.life.Err() != nil {
		labs = nil
	}
	m.running = len(labs) > 0
	return labs
}

// sample measures; the first one knows no rates yet.
func (m *rateMeter) sample(labs []string) map[string]hostapi.Rates {
	now := m.x.cfg.Now()
	elapsed := now.Sub(m.at)
	all := make(map[string]hostapi.Rates, len(labs))
	var specs []hostapi.LabSpec
	for _, lab := range labs {
		all[lab] = hostapi.Rates{At: now, Full: true, Interfaces: map[string]hostapi.InterfaceRate{}, Nodes: map[string]hostapi.NodeUse{}}
		if spec := m.x.specOf(lab); spec != nil {
			specs = append(specs, *spec)
		}
	}
	if counters, ok := m.x.cfg.Fabric.(Counters); ok {
		ctx, cancel := context.WithTimeout(m.x.life, 10*time.Second)
		counts, err := counters.Counters(ctx, specs)
		cancel()
		if err != nil {
			m.x.log.Debug("counters could not be read", "error", err)
		}
		for lab, ports := range counts {
			for ref, count := range ports {
				before, known := m.before[lab][ref]
				if rate := rateOf(before, count, elapsed); known && rate != (hostapi.InterfaceRate{}) {
					all[lab].Interfaces[ref.Node+":"+ref.Interface] = rate
				}
			}
		}
		if err == nil {
			m.before = counts
		}
	}
	m.containers(labs, all, elapsed)
	m.at = now
	return all
}

// rateOf is what went through in a second. Counters that went back are those of a new interface.
func rateOf(before, now PortCount, elapsed time.Duration) hostapi.InterfaceRate {
	per := func(before, now uint64, factor float64) int64 {
		if now < before || elapsed <= 0 {
			return 0
		}
		return int64(math.Round(float64(now-before) * factor / elapsed.Seconds()))
	}
	return hostapi.InterfaceRate{
		InBits: per(before.In.Bytes, now.In.Bytes, 8), OutBits: per(before.Out.Bytes, now.Out.Bytes, 8),
		InFrames: per(before.In.Frames, now.In.Frames, 1), OutFrames: per(before.Out.Frames, now.Out.Frames, 1),
		Dropped: per(before.In.Dropped, now.In.Dropped, 1),
	}
}

// containers adds what the labs' containers use.
func (m *rateMeter) containers(labs []string, all map[string]hostapi.Rates, elapsed time.Duration) {
	seen := map[string]cpuMark{}
	for _, lab := range labs {
		m.x.mu.Lock()
		l := m.x.labs[lab]
		m.x.mu.Unlock()
		if l == nil {
			continue
		}
		for _, c := range l.runningContainers() {
			mark, known := m.used[c.ID]
			if !known || mark.pid != c.PID {
				files, ok := usageOf(c.PID)
				if !ok {
					continue
				}
				mark, known = cpuMark{pid: c.PID, files: files}, false
			}
			cpu, memory := mark.files.read()
			use := hostapi.NodeUse{Memory: memory}
			if known && elapsed > 0 && cpu > mark.cpu {
				use.CPU = math.Round((cpu-mark.cpu).Seconds()/elapsed.Seconds()*100) / 100
			}
			mark.cpu = cpu
			seen[c.ID], all[lab].Nodes[c.Stamp.Node] = mark, use
		}
	}
	m.used = seen
}

func (l *labLoop) runningContainers() []Container {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Container, 0, len(l.refs))
	for _, c := range l.refs {
		if c.State == "running" && c.PID > 0 {
			list = append(list, c)
		}
	}
	return list
}

// tell gives every reader what it does not know yet. One that has not taken the last sample gets the difference later.
func (m *rateMeter) tell(all map[string]hostapi.Rates) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r := range m.readers {
		now, ok := all[r.lab]
		if !ok {
			continue // it came while the sample was taken
		}
		sample := now
		if r.told {
			if sample = now.Since(r.sent); sample.Empty() {
				continue
			}
		}
		select {
		case r.out <- sample:
			r.sent, r.told = now, true
		default:
		}
	}
}
