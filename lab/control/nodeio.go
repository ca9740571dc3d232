package control

import (
	"context"
	"io"
	"path"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// reachNode finds the linked host of a container that the actor may work in.
func (c *Controller) reachNode(ctx context.Context, actor tenancy.Actor, ref, node string) (_ *Record, _ NodeHost, err error) {
	defer c.discreet(actor).hide(&err)
	r, err := c.find(ctx, actor, tenancy.UseNode, ref)
	if err != nil {
		return nil, nil, err
	}
	running, err := c.deployed(ctx, actor.Scope(), r)
	if err != nil {
		return nil, nil, err
	}
	if running == nil || r.Desired.Want == WantNothing {
		if r.Revision.Lab.Node(node) == nil {
			return nil, nil, noNode(r, node)
		}
		return nil, nil, fault.New(fault.Conflict, "Lab %s is not deployed. Deploy it first.", r.Name)
	}
	n := running.Lab.Node(node)
	if n == nil {
		return nil, nil, noNode(r, node)
	}
	if !n.Kind.IsContainer() {
		return nil, nil, fault.New(fault.Invalid, "%s is of kind %s: only containers have a shell and files.", node, n.Kind)
	}
	hostID := r.Desired.Places[node].HostID
	host, _, err := c.fleet.reach(hostID, c.hostName(hostID))
	if err != nil {
		return nil, nil, err
	}
	inside, able := host.(NodeHost)
	if !able {
		return nil, nil, fault.New(fault.Unsupported, "Host %s cannot reach into its nodes.", c.hostName(hostID))
	}
	return r, inside, nil
}

// Exec starts a command in a running node. It ends with ctx or with the connection's Close.
func (c *Controller) Exec(ctx context.Context, actor tenancy.Actor, ref, node string, request hostapi.ExecRequest) (*hostapi.ExecConn, error) {
	r, host, err := c.reachNode(ctx, actor, ref, node)
	if err != nil {
		return nil, err
	}
	begun, err := c.recordExec(ctx, actor, r, node, request)
	if err != nil {
		return nil, err
	}
	conn, err := host.Exec(ctx, r.ID, node, request)
	begun(conn, err)
	return conn, err
}

// PutFile streams size bytes (-1: until r ends) to a path in the node. A path that ends in a slash, or names a folder that is there,
// takes the file inside, under name. Nothing changes in the node when r breaks off.
func (c *Controller) PutFile(ctx context.Context, actor tenancy.Actor, ref, node, target, name string, size int64, r io.Reader) (string, error) {
	if !path.IsAbs(target) || strings.ContainsRune(target, 0) {
		return "", fault.New(fault.Invalid, "Give the path in the node from its root, such as /root/%s.", fileName(name)).InField("path")
	}
	record, host, err := c.reachNode(ctx, actor, ref, node)
	if err != nil {
		return "", err
	}
	inFolder := strings.HasSuffix(target, "/")
	if !inFolder {
		info, err := host.StatFile(ctx, record.ID, node, target)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return "", err
		}
		inFolder = err == nil && info.IsDir
	}
	if inFolder {
		if fileName(name) == "" {
			return "", fault.New(fault.Invalid, "%s is a folder. Say the file's name too.", target).InField("path")
		}
		target = path.Join(target, fileName(name))
	}
	target = path.Clean(target)
	if target == "/" {
		return "", fault.New(fault.Invalid, "The root folder is no file. Say the file's name too.").InField("path")
	}
	charged := c.meter(ctx, actor, record.Tenant, uploader(actor, record))
	kept := false
	defer func() { charged.end(kept) }()
	if err := charged.take(size); err != nil {
		return "", err
	}
	sent := newSumming(charged.read(r))
	if err := charged.cause(host.PutFile(ctx, record.ID, node, hostapi.PutFile{Path: target, Size: size}, sent)); err != nil {
		return target, err
	}
	kept = true
	return target, c.record(ctx, actor, tenancy.AuditUpload, auditNode(record, node), nil, fileDetail{Path: target, Bytes: sent.bytes, SHA256: sent.hash()})
}

// fileName is the last part of what a browser or client calls the file; "" when there is none.
func fileName(name string) string {
	name = path.Base(path.Clean("/" + strings.ReplaceAll(name, "\\", "/")))
	if name == "/" || strings.ContainsRune(name, 0) {
		return ""
	}
	return name
}

// GetFile streams a file of the node, or a folder as tar.
func (c *Controller) GetFile(ctx context.Context, actor tenancy.Actor, ref, node, target string) (io.ReadCloser, hostapi.FileInfo, error) {
	if !path.IsAbs(target) || strings.ContainsRune(target, 0) {
		return nil, hostapi.FileInfo{}, fault.New(fault.Invalid, "Give the path in the node from its root, such as /etc/hosts.").InField("path")
	}
	r, host, err := c.reachNode(ctx, actor, ref, node)
	if err != nil {
		return nil, hostapi.FileInfo{}, err
	}
	target = path.Clean(target)
	content, info, err := host.GetFile(ctx, r.ID, node, target)
	if err != nil {
		return nil, info, err
	}
	return c.recordGet(ctx, actor, r, node, target, info, content), info, nil
}
