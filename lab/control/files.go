package control

import "io"

// FileSource yields the files of a project one by one. Next returns io.EOF after the last; the reader is valid until the next call.
type FileSource interface {
	Next() (path string, mode uint32, content io.Reader, err error)
}
