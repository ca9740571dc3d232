package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/lab/control"
	"trunkline/templates"
)

// fullFrame is the payload of an ordinary Ethernet frame: what labs send unless told otherwise.
const fullFrame = 1500

// matrixView is a table of all hosts that are not revoked, in their order, and what is wrong between any two in words.
func matrixView(hosts []control.HostView, ways []control.HostReach) templates.Matrix {
	type pair struct{ from, to string }
	known := map[pair]control.HostReach{}
	for _, w := range ways {
		known[pair{w.From, w.To}] = w
	}
	var m templates.Matrix
	for _, h := range hosts {
		if !h.Revoked {
			m.Names = append(m.Names, h.Name)
		}
	}
	var told []string
	for _, from := range m.Names {
		row := templates.MatrixRow{Name: from}
		for _, to := range m.Names {
			if from == to {
				row.Cells = append(row.Cells, templates.MatrixCell{State: "self"})
				continue
			}
			way := known[pair{from, to}]
			way.From, way.To = from, to
			cell := wayCell(way)
			row.Cells = append(row.Cells, cell)
			m.Ways++
			if cell.State == "good" || cell.State == "small" {
				m.Usable++
			}
			if p := wayProblem(way); p != "" && !slices.Contains(told, p) {
				told = append(told, p)
				m.Problems = append(m.Problems, templates.MatrixProblem{Pair: from + " and " + to + ":", Sentence: p})
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// wayProblem is what is wrong with a way, in a sentence; "" when nothing is, or nobody knows yet.
func wayProblem(w control.HostReach) string {
	switch {
	case w.Problem != "":
		return w.Problem
	case !w.Known:
		return ""
	case !w.Usable:
		return fmt.Sprintf("%s and %s do not reach each other: let UDP port 4789 through between them.", min(w.From, w.To), max(w.From, w.To))
	case w.MTU > 0 && w.MTU < fullFrame:
		return fmt.Sprintf("Frames of more than %d bytes are lost between %s and %s: raise the MTU of the network between them, or let fragments through.", w.MTU, min(w.From, w.To), max(w.From, w.To))
	}
	return ""
}

func wayCell(w control.HostReach) templates.MatrixCell {
	cell := templates.MatrixCell{State: "unknown", Says: fmt.Sprintf("%s to %s: not probed yet", w.From, w.To)}
	switch {
	case !w.Known:
		return cell
	case !w.Usable:
		cell.State, cell.Says = "bad", fmt.Sprintf("%s to %s: does not reach", w.From, w.To)
		return cell
	}
	cell.State, cell.RTT, cell.MTU = "good", milliseconds(w.RTT), w.MTU
	if w.MTU > 0 && w.MTU < fullFrame {
		cell.State = "small"
	}
	says := []string{"reaches"}
	if cell.RTT != "" {
		says = append(says, cell.RTT+" ms")
	}
	if w.MTU > 0 {
		says = append(says, "frames of up to "+strconv.Itoa(w.MTU)+" bytes")
	}
	cell.Says = fmt.Sprintf("%s to %s: %s", w.From, w.To, strings.Join(says, ", "))
	return cell
}

// milliseconds is a round trip with two digits that say something.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d <= 0:
		return ""
	case ms < 1:
		return strconv.FormatFloat(ms, 'f', 2, 64)
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return strconv.FormatFloat(ms, 'f', 0, 64)
}
