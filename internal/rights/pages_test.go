package rights_test

import (
	"time"

	"trunkline/tenancy"
)

// pages are the inputs of the pages, fragments, forms, streams and websockets.
var pages = map[string]input{
	"GET /":                 {},
	"GET /sign-in":          {},
	"POST /sign-in":         {own: true, form: []string{"email", "nobody", "password", "a wrong password"}, ok: []int{401, 429}},
	"GET /sign-in/:secret":  {of: "sign-in link", site: true},
	"POST /sign-in/:secret": {own: true, of: "sign-in link", site: true},
	"POST /sign-out":        {own: true},
	"GET /welcome":          {},
	"POST /welcome":         {own: true, form: []string{"email", "{new}", "name", "New", "password", "quite a new password"}, ok: []int{403}}, // nobody came by a one-time link

	"GET /labs":        {},
	"GET /labs/events": {},
	"GET /labs/new":    {},
	"POST /labs":       {form: []string{"name", "{new}", "yaml", yaml("new")}},
	"POST /labs/check": {form: []string{"yaml", yaml("new")}},

	"GET /labs/:lab":            {of: "lab"},
	"GET /labs/:lab/events":     {of: "lab"},
	"GET /labs/:lab/rates":      {of: "lab"},
	"POST /labs/:lab/presence":  {of: "lab", shared: true, json: `{"seat":"none","nodes":["one"]}`, ok: []int{409}}, // that page is not open
	"GET /labs/:lab/plan":       {of: "lab"},
	"GET /labs/:lab/export":     {of: "lab"},
	"GET /labs/:lab/file":       {of: "lab"},
	"POST /labs/:lab/file":      {of: "lab", form: []string{"yaml", yaml("{name}")}},
	"POST /labs/:lab/positions": {of: "lab", json: `{"one":{"x":1,"y":2}}`},
	"POST /labs/:lab/layout":    {of: "lab"},
	"POST /labs/:lab/deploy":    {of: "lab"},
	"POST /labs/:lab/cancel":    {of: "lab", ok: []int{409}}, // nothing is under way
	"POST /labs/:lab/stop":      {of: "lab", ok: []int{409}}, // nothing runs
	"POST /labs/:lab/destroy":   {of: "lab"},

	"GET /labs/:lab/placement":                    {of: "lab", hosts: true},
	"GET /labs/:lab/nodes/:node":                  {of: "lab"},
	"GET /labs/:lab/nodes/:node/tables":           {of: "lab", ok: []int{200, 422}},
	"POST /labs/:lab/nodes/:node/:action":         {of: "node action", shared: true},
	"GET /labs/:lab/nodes/:node/shell":            {of: "lab", ticket: true},
	"POST /labs/:lab/nodes/:node/shell/ticket":    {of: "lab", shared: true},
	"POST /labs/:lab/edits":                       {of: "lab", json: `{"base":1,"ops":[]}`},
	"GET /labs/:lab/document":                     {of: "lab"},
	"POST /labs/:lab/revisions/:revision/restore": {of: "revision", json: `{}`},
	"PUT /labs/:lab/nodes/:node/files":            {of: "lab", shared: true, query: "path=/root/&name={new}", body: "content", kind: "application/octet-stream"},
	"GET /labs/:lab/nodes/:node/files":            {of: "lab", query: "path=/etc/hostname"},

	"GET /hosts":                       {},
	"GET /hosts/events":                {},
	"POST /hosts/join":                 {form: []string{"name", "{new}", "life", "1h0m0s"}},
	"POST /hosts/tokens/:token/delete": {of: "join token", site: true},
	"GET /hosts/:host":                 {of: "host", site: true},
	"GET /hosts/:host/events":          {of: "host", site: true},
	"GET /hosts/:host/log":             {of: "host", site: true},
	"POST /hosts/:host/settings":       {of: "host", site: true, form: []string{"name", "{new}", "labels", "", "cpu", "1", "memory", "1", "tenants", ""}},
	"POST /hosts/:host/remove":         {of: "host", site: true},
	"POST /hosts/:host/:action":        {of: "host action", site: true},

	"GET /networks":                                {},
	"POST /networks/offers":                        {form: []string{"network", "{new}", "vlans", ""}, ok: []int{422}}, // it has no host yet
	"POST /networks/offers/:network/delete":        {of: "network", site: true},
	"GET /images":                                  {},
	"POST /images/workspace":                       {form: []string{"map", "", "allow", ""}},
	"POST /images/site":                            {form: []string{"map", "", "allow", ""}},
	"GET /account":                                 {},
	"POST /account/password":                       {own: true, form: []string{"password", "quite a new password", "again", "quite a new password"}},
	"POST /account/tokens":                         {form: []string{"name", "{new}"}},
	"POST /account/tokens/:token/revoke":           {of: "token"},
	"GET /audit":                                   {},
	"GET /audit/export":                            {},
	"GET /about":                                   {},
	"GET /workspaces":                              {},
	"POST /workspaces":                             {own: true, form: []string{"name", "{new}"}},
	"POST /workspaces/open":                        {form: []string{"open", "0"}},
	"POST /workspaces/:workspace/use":              {of: "workspace", shared: true, form: []string{"next", "/labs"}},
	"POST /workspaces/:workspace/restore":          {of: "ended workspace", own: true, hides: true, reach: true},
	"POST /workspaces/:workspace/adopt":            {of: "workspace", own: true, site: true},
	"POST /workspace/rename":                       {form: []string{"name", "{new}"}, undo: renameBack},
	"POST /workspace/transfer":                     {of: "member", own: true, form: []string{"user", "{user}"}, ok: []int{409}}, // an administrator of the site who is no owner
	"POST /workspace/leave":                        {own: true},
	"POST /workspace/delete":                       {own: true, form: []string{"name", "{workspace}"}, of: "workspace's name", site: true, undo: reopen},
	"GET /members":                                 {},
	"POST /members/invitations":                    {form: []string{"role", "observer", "life", "24h", "uses", "1"}},
	"POST /members/invitations/:invitation/revoke": {of: "invitation"},
	"POST /members/:user/act":                      {of: "member", own: true},
	"POST /acting/end":                             {own: true},
	"POST /members/:user/role":                     {of: "member", form: []string{"role", "observer"}},
	"POST /members/:user/remove":                   {of: "member"},
	"GET /sign-in/with/:provider":                  {of: "provider", site: true, ok: []int{503}}, // nobody answers there
	"GET /sign-in/return/:provider":                {of: "provider", site: true, own: true, query: "state=none&code=none", ok: []int{422, 403, 401}},
	"GET /signed-out":                              {},
	"POST /account/ways-in/:provider/link":         {of: "provider", site: true, ok: []int{503}},
	"POST /account/ways-in/unlink":                 {form: []string{"issuer", "https://none.example", "subject", "none"}, ok: []int{404}}, // it is not there
	"GET /providers":                               {},
	"POST /providers":                              {form: []string{"id", "{new}", "name", "New", "issuer", "http://127.0.0.1:1", "clientId", "x", "allowPrivate", "1"}},
	"GET /providers/new":                           {},
	"POST /providers/local":                        {form: []string{"on", "1"}},
	"GET /providers/:provider":                     {of: "provider", site: true},
	"POST /providers/:provider":                    {of: "provider", site: true, form: []string{"name", "New", "issuer", "http://127.0.0.1:1", "clientId", "x", "allowPrivate", "1"}},
	"POST /providers/:provider/delete":             {of: "provider", site: true},
	"POST /providers/:provider/move":               {of: "provider", site: true, form: []string{"to", "up"}},
	"POST /providers/:provider/examine":            {of: "provider", site: true},
	"POST /providers/:provider/preview":            {of: "provider", site: true, form: []string{"claims", `{"sub":"x"}`}},
	"POST /providers/:provider/rules":              {of: "provider", site: true, form: []string{"claim", "groups", "match", "b", "tenant", "{workspace}", "role", "observer"}},
	"POST /providers/:provider/rules/:rule/delete": {of: "provider", site: true},
	"POST /providers/:provider/rules/:rule/move":   {of: "provider", site: true, form: []string{"to", "up"}},

	"GET /labs/:lab/link":                                  {of: "lab", query: "id=one:eth1+two:eth1"},
	"POST /members/:user/sign-in-link":                     {of: "member", own: true, ok: []int{409}}, // the person has no password
	"POST /members/:user/sign-out":                         {of: "member", site: true},
	"GET /labs/:lab/arrangement":                           {of: "lab", query: "as=tiers"},
	"POST /labs/:lab/pattern":                              {of: "lab", shared: true, json: `{"shape":"ring","count":3,"at":{"x":0,"y":0}}`},
	"POST /labs/:lab/bulk":                                 {of: "lab", shared: true, form: []string{"nodes", "one\ntwo"}},
	"POST /labs/:lab/copy":                                 {of: "lab", shared: true, json: `{"nodes":["one"],"at":{"x":0,"y":0}}`},
	"POST /labs/:lab/paste":                                {of: "lab", shared: true, json: `{"nodes":["one"],"at":{"x":0,"y":0}}`},
	"GET /labs/schema":                                     {},
	"GET /labs/:lab/revisions":                             {of: "lab"},
	"GET /labs/:lab/revisions/:revision":                   {of: "revision"},
	"GET /labs/:lab/shares":                                {of: "lab"},
	"POST /labs/:lab/shares":                               {of: "lab", form: []string{"link", "1", "level", "view", "life", "24h", "uses", "1"}},
	"POST /labs/:lab/shares/:share":                        {of: "share", form: []string{"level", "console"}},
	"POST /labs/:lab/shares/:share/end":                    {of: "share"},
	"GET /s/:secret":                                       {of: "link", site: true},
	"POST /s/:secret":                                      {of: "link", site: true, own: true},
	"POST /s/:secret/guest":                                {of: "link", site: true, own: true, form: []string{"name", "Guest"}},
	"POST /workspaces/sharing":                             {form: []string{"days", "180"}},
	"POST /account/sessions/:session/end":                  {of: "session"},
	"POST /account/sessions/end-others":                    {own: true},
	"POST /members/services":                               {form: []string{"name", "{new}", "role", "observer"}},
	"POST /members/services/:service/role":                 {of: "service", form: []string{"role", "observer"}},
	"POST /members/services/:service/remove":               {of: "service"},
	"POST /members/services/:service/tokens":               {of: "service", form: []string{"name", "{new}", "scope", "read", "expires", "90d"}},
	"POST /members/services/:service/tokens/:token/revoke": {of: "service"},
	"GET /quotas":                                          {},
	"GET /quotas/people/:person":                           {of: "person"},
	"POST /quotas/people/:person":                          {of: "person", form: []string{"labs", "100"}},
	"GET /quotas/workspaces/:workspace":                    {of: "workspace", site: true},
	"POST /quotas/workspaces/:workspace":                   {of: "workspace", site: true, form: []string{"labs", "10000"}},
	"GET /quotas/site/:whose":                              {of: "everybody", site: true},
	"POST /quotas/site/:whose":                             {of: "everybody", site: true, form: []string{"labs", "10000"}},

	"GET /join/:secret":          {of: "invitation", site: true},
	"POST /join/:secret":         {of: "invitation", site: true, own: true},
	"POST /join/:secret/account": {of: "invitation", site: true, own: true, form: []string{"email", "{new}", "name", "New", "password", "quite a new password"}},
}

func renameBack(s *site, t *tenant) {
	must(s.t, s.store.RenameTenant(s.t.Context(), tenancy.InTenant(t.id), t.name))
}

func reopen(s *site, t *tenant) {
	must(s.t, s.store.EndTenant(s.t.Context(), tenancy.InTenant(t.id), time.Time{}, ""))
}
