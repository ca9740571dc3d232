package hostapi

// ExecRequest runs a command in a node. It rides in the query and body of the 101 upgrade.
type ExecRequest struct {
	Command []string          `json:"command"` // nil with TTY: the node's login shell, bash where there is one
	TTY     bool              `json:"tty,omitempty"`
	Cols    uint16            `json:"cols,omitempty"`
	Rows    uint16            `json:"rows,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	User    string            `json:"user,omitempty"`
	WorkDir string            `json:"workDir,omitempty"`
}

// FrameKind is the first byte of a frame on an upgraded exec stream: kind, 4-byte big-endian length, payload.
type FrameKind byte

const (
	FrameStdin      FrameKind = 0 // to the host
	FrameStdout     FrameKind = 1
	FrameStderr     FrameKind = 2
	FrameResize     FrameKind = 3 // to the host: cols, rows as two big-endian uint16
	FrameExit       FrameKind = 4 // from the host: exit code as big-endian int32; the last frame
	FrameCloseStdin FrameKind = 5 // to the host
	FrameError      FrameKind = 6 // from the host: a fault.Error as JSON; the last frame
)

// MaxFrame is the largest payload of a frame in bytes.
const MaxFrame = 64 << 10
