package hostapi

import "time"

// FileInfo is one path inside a node.
type FileInfo struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"` // -1 for a folder sent as tar
	Mode    uint32    `json:"mode"`
	IsDir   bool      `json:"isDir"`
	ModTime time.Time `json:"modTime,omitzero"`
}
