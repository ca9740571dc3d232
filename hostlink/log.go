package hostlink

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"
)

// muxLog gives yamux's lines to slog. What yamux calls an error is a lost link, which the owner of the link reports
// once in its own words, so nothing here is louder than debug.
type muxLog struct{ to *slog.Logger }

func (l muxLog) Print(v ...any)                 { l.line(fmt.Sprint(v...)) }
func (l muxLog) Printf(format string, v ...any) { l.line(fmt.Sprintf(format, v...)) }
func (l muxLog) Println(v ...any)               { l.line(fmt.Sprintln(v...)) }

func (l muxLog) line(text string) {
	text = strings.TrimSpace(text)
	for _, prefix := range []string{"[ERR]", "[WARN]"} {
		text = strings.TrimSpace(strings.TrimPrefix(text, prefix))
	}
	l.to.LogAttrs(context.Background(), slog.LevelDebug, strings.TrimPrefix(text, "yamux: "))
}

// serverLog is the ErrorLog of an http.Server: handlers that panicked, malformed requests.
func serverLog(to *slog.Logger) *log.Logger { return slog.NewLogLogger(to.Handler(), slog.LevelWarn) }

func orDiscard(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
