package testkit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// providerFiles is the certified provider's program and the lock file that says what it is made of.
//
//go:embed provider
var providerFiles embed.FS

// ErrNoProvider says that this machine cannot run the certified provider: node or npm is missing, or what it needs cannot be installed.
var ErrNoProvider = errors.New("the certified OpenID provider needs node and npm")

// patient is a module that gives what the provider asks of others a minute: by itself it waits 2.5 s for the back channel, once.
const patient = "data:text/javascript,const timeout=AbortSignal.timeout;AbortSignal.timeout=ms=>timeout.call(AbortSignal,Math.max(ms,60000))"

// Claims is what a provider says of somebody.
type Claims = map[string]any

// Provider is the certified npm oidc-provider in a process of its own. People sign in there by their name alone, given as login_hint or typed.
type Provider struct {
	Issuer string

	program *exec.Cmd
	input   io.Closer
	output  syncBuffer
	stop    func() error
}

// StartProvider runs it with clients as they are registered (OpenID Connect Dynamic Client Registration 1.0 section 2) and accounts by their subject.
func StartProvider(ctx context.Context, clients []map[string]any, accounts map[string]Claims) (*Provider, error) {
	folder, err := installProvider(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(map[string]any{"clients": clients, "accounts": accounts})
	if err != nil {
		return nil, err
	}
	p := &Provider{program: exec.Command("node", "--import", patient, "provider.mjs", string(settings))}
	p.program.Dir, p.program.Stderr = folder, &p.output
	p.program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if p.input, err = p.program.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.program.Start(); err != nil {
		return nil, err
	}
	p.stop = sync.OnceValue(func() error { return errors.Join(p.input.Close(), p.program.Wait()) })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var ready struct{ Issuer string }
	if err = errors.Join(err, json.Unmarshal(line, &ready)); err != nil {
		return nil, fmt.Errorf("the provider did not start: %w\n%s", errors.Join(err, p.Stop()), p.output.String())
	}
	p.Issuer = ready.Issuer
	return p, nil
}

// Stop ends it and waits.
func (p *Provider) Stop() error { return p.stop() }

// Output is what it complained about.
func (p *Provider) Output() string { return p.output.String() }

// SetAccount changes what somebody is, at once; nil: the person is gone.
func (p *Provider) SetAccount(ctx context.Context, subject string, claims Claims) error {
	return p.control(ctx, "/test/account", map[string]any{"sub": subject, "claims": claims})
}

// LogOut ends somebody's session there, and tells the clients by the back channel.
func (p *Provider) LogOut(ctx context.Context, subject string) error {
	return p.control(ctx, "/test/logout", map[string]any{"sub": subject})
}

func (p *Provider) control(ctx context.Context, path string, what any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Issuer+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the provider answers %s to %s; it said:\n%s", answer.Status, path, p.output.String())
	}
	return nil
}

// installProvider returns a folder with the provider and what it needs, by the lock file. It is made once for each content of the files.
func installProvider(ctx context.Context) (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoProvider, err)
		}
	}
	files := map[string][]byte{}
	entries, err := providerFiles.ReadDir("provider")
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if files[entry.Name()], err = providerFiles.ReadFile("provider/" + entry.Name()); err != nil {
			return "", err
		}
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum.Write(files[name])
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "trunkline-test", "oidc-provider-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	return folder, makeFolder(ctx, folder, files)
}

// makeFolder installs beside the folder and puts it in its place whole, so that nobody finds half of it.
func makeFolder(ctx context.Context, folder string, files map[string][]byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(folder), ".draft-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(draft, name), text, 0o644); err != nil {
			return err
		}
	}
	install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = draft
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%w, and npm cannot install it: %w\n%s", ErrNoProvider, err, out)
	}
	if err := os.Rename(draft, folder); err != nil {
		if _, there := os.Stat(folder); there != nil { // somebody else was quicker otherwise
			return err
		}
	}
	return nil
}
