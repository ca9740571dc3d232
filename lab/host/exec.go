package host

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

const (
	execOutput = 4 << 10         // of a command's output that is kept, in bytes
	execLimit  = 5 * time.Minute // a command that runs longer is left out
)

// exec runs one item of the node's program, once: what began is noted before it begins.
func (l *labLoop) exec(ctx context.Context, st *step, c *Container, n *wantedNode) error {
	name, start := n.spec.Name, epoch(c)
	if err := l.journal.note(record{Node: name, Epoch: start, Begin: true}); err != nil {
		return err
	}
	result, err := l.command(ctx, c.ID, n.program[st.Item].command)
	if err != nil {
		if ctx.Err() == nil { // else nobody knows whether it began, and it is not wanted any more
			l.note(record{Node: name, Epoch: start, Undo: true})
		}
		return err
	}
	if l.x.life.Err() != nil {
		return l.x.life.Err() // the agent ends, and the command with it: the next agent finds that it began
	}
	if result.ExitCode != 0 {
		l.x.log.Info("a node's command failed", "lab", l.id, "node", name, "command", result.Command, "code", result.ExitCode)
	}
	return l.journal.note(record{Node: name, Epoch: start, Result: &result})
}

// command runs a line of the lab file. An error means that it has not begun and may be tried again; whatever becomes of it after
// that is its result.
func (l *labLoop) command(ctx context.Context, containerID, line string) (hostapi.ExecResult, error) {
	result := hostapi.ExecResult{Command: line, ExitCode: -1}
	argv, err := split(line)
	execer, able := l.x.cfg.Engine.(Execer)
	switch {
	case err != nil:
		result.Output = fault.Sentence(err)
		return result, nil
	case !able:
		result.Output = "This host's engine cannot run commands in nodes."
		return result, nil
	}
	ctx, cancel := context.WithTimeout(ctx, execLimit)
	defer cancel()
	stream, err := execer.Exec(ctx, containerID, hostapi.ExecRequest{Command: argv})
	if err != nil {
		if code := fault.CodeOf(err); code == fault.Invalid || code == fault.Unsupported || code == fault.Internal {
			result.Output = fault.Sentence(err)
			return result, nil
		}
		return result, err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	defer stop()
	stream.CloseWrite()
	output, err := collect(stream)
	if err == nil {
		result.ExitCode, err = stream.ExitCode(ctx)
	}
	result.Output = output
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		result.ExitCode, result.Output = -1, output+"\nIt did not end within "+execLimit.String()+" and was ended."
	case err != nil:
		result.ExitCode, result.Output = -1, output+"\nThe node or the engine went away while it ran."
	}
	return result, nil
}

// collect reads a command's output to its end and keeps the beginning.
func collect(stream ExecStream) (string, error) {
	var kept strings.Builder
	for {
		_, data, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return strings.ToValidUTF8(kept.String(), "?"), nil
		}
		if err != nil {
			return strings.ToValidUTF8(kept.String(), "?"), err
		}
		kept.Write(data[:min(len(data), execOutput-kept.Len())])
	}
}

// split cuts a line into words as a shell does, with quotes and backslashes, and without everything else a shell does.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote == '\'' && r != '\'', quote == '"' && r != '"' && r != '\\':
			word.WriteRune(r)
		case quote != 0 && r == quote:
			quote = 0
		case r == '\\' && i+1 < len(runes):
			i++
			if quote == '"' && !strings.ContainsRune("\"\\$`", runes[i]) {
				word.WriteRune('\\')
			}
			word.WriteRune(runes[i])
			inWord = true
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fault.New(fault.Invalid, "The command has a %c that is not closed.", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, fault.New(fault.Invalid, "The command is empty.")
	}
	return words, nil
}
