package api

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/tenancy"
	"trunkline/web"
)

// Uploaded says where a file landed.
type Uploaded struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

type putFileInput struct {
	raw
	NodePath
	Path string `query:"path" required:"true" doc:"Path in the node; a folder puts the file inside it" maxLength:"4096"`
	Name string `query:"name" doc:"The file's name when path is a folder" maxLength:"255"`
}

type getFileInput struct {
	raw
	NodePath
	Path string `query:"path" required:"true" doc:"Path in the node" maxLength:"4096"`
}

func (a *API) nodeOperations() {
	put := operation("PUT", "/labs/{lab}/nodes/{node}/files", "put-file", "Put a file into a running node", tenancy.UseNode, "nodes")
	put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
	huma.Register(a.huma, put, a.putFile)
	huma.Register(a.huma, operation("GET", "/labs/{lab}/nodes/{node}/files", "get-file", "Get a file of a node; a folder comes as tar", tenancy.UseNode, "nodes"), a.getFile)
	exec := of(Socket, operation("GET", "/labs/{lab}/nodes/{node}/exec", "exec", "Run a command in a node over a websocket", tenancy.UseNode, "nodes"))
	exec.Description = "The first message is text: the request as JSON ({\"command\": [\"ip\", \"addr\"], \"tty\": false}). Binary messages follow both ways; " +
		"their first byte says what they are: 0 input, 1 output, 2 error output, 3 window size (two big-endian uint16: columns, rows), 4 exit code " +
		"(big-endian int32, the last message), 5 end of input, 6 an error as JSON (the last message)."
	huma.Register(a.huma, exec, a.exec)
}

func (a *API) putFile(ctx context.Context, in *putFileInput) (*answer[Uploaded], error) {
	r, _ := in.http()
	if r.ContentLength < 0 {
		return nil, public(fault.New(fault.Invalid, "Say how large the file is: the request needs a Content-Length."))
	}
	path, err := a.NodeIO.PutFile(ctx, actorOf(ctx), in.Lab, in.Node, in.Path, in.Name, r.ContentLength, r.Body)
	return respond(Uploaded{Path: path, Size: r.ContentLength}, err)
}

func (a *API) getFile(ctx context.Context, in *getFileInput) (*huma.StreamResponse, error) {
	content, info, err := a.NodeIO.GetFile(ctx, actorOf(ctx), in.Lab, in.Node, in.Path)
	if err != nil {
		return nil, public(err)
	}
	return a.stream(func(w http.ResponseWriter, _ *http.Request) {
		defer content.Close()
		name, kind := info.Name, "application/octet-stream"
		if info.IsDir {
			name, kind = info.Name+".tar", "application/x-tar"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", web.Attachment(name))
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if info.Size >= 0 && !info.IsDir {
			w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
		}
		if _, err := io.Copy(w, content); err != nil {
			a.Log.Info("a download was cut off", "lab", in.Lab, "node", in.Node, "err", err)
			panic(http.ErrAbortHandler)
		}
	}), nil
}
