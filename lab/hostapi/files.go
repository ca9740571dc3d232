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

// PutFile says where a file or a tar stream goes in a node.
type PutFile struct {
	Path string `json:"path"`           // absolute: the file itself, or with Tar the folder that the stream is unpacked into
	Size int64  `json:"size,omitempty"` // of the content; -1: not known
	Mode uint32 `json:"mode,omitempty"` // permission bits; 0: 0644
	Tar  bool   `json:"tar,omitempty"`
}

// FileHeader carries a FileInfo or PutFile as base64 of its JSON, since names may hold any character.
const FileHeader = "Trunkline-File"

// tarType is the content type of a folder.
const tarType = "application/x-tar"
