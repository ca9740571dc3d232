package testkit

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Processor is the time that the program has spent on processors. Source: proc(5), fields 14 and 15 of stat in ticks of 10 ms.
func (p *Program) Processor() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ") // a program's name may hold blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("the kernel's stat is too short")
	}
	ticks := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
