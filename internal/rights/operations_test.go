package rights_test

// operations are the inputs of the API, below its prefix.
var operations = map[string]input{
	"GET /me":                      {},
	"GET /images":                  {},
	"GET /tokens":                  {},
	"POST /tokens":                 {json: `{"name":"{new}"}`},
	"DELETE /tokens/{id}":          {of: "token"},
	"GET /image-policy":            {},
	"PUT /image-policy":            {json: `{"map":{},"allow":[]}`},
	"PUT /image-policy?scope=site": {json: `{"map":{},"allow":[]}`},

	"GET /labs":                {},
	"POST /labs":               {query: "name={new}", body: yaml("new"), kind: "application/yaml"},
	"POST /labs?replace":       {of: "lab", query: "replace={lab}", body: yaml("new"), kind: "application/yaml"},
	"POST /labs/check":         {body: yaml("new"), kind: "application/yaml"},
	"GET /labs/{lab}":          {of: "lab"},
	"GET /labs/{lab}/export":   {of: "lab"},
	"GET /labs/{lab}/events":   {of: "lab"},
	"GET /labs/{lab}/plan":     {of: "lab"},
	"POST /labs/{lab}/deploy":  {of: "lab"},
	"POST /labs/{lab}/cancel":  {of: "lab", ok: []int{409}}, // nothing is under way
	"POST /labs/{lab}/stop":    {of: "lab", ok: []int{409}}, // nothing runs
	"POST /labs/{lab}/destroy": {of: "lab"},

	"POST /labs/{lab}/nodes/{node}/{action}": {of: "node action", shared: true},
	"PUT /labs/{lab}/nodes/{node}/files":     {of: "lab", shared: true, query: "path=/root/&name={new}", body: "content", kind: "application/octet-stream"},
	"GET /labs/{lab}/nodes/{node}/files":     {of: "lab", query: "path=/etc/hostname"},
	"GET /labs/{lab}/nodes/{node}/exec":      {of: "lab", first: `{"command":["true"]}`},

	"GET /hosts":                     {},
	"GET /hosts/matrix":              {},
	"GET /hosts/{host}":              {of: "host", site: true},
	"PATCH /hosts/{host}":            {of: "host", site: true, json: `{"labels":{"a":"b"}}`},
	"GET /hosts/{host}/log":          {of: "host", site: true},
	"POST /hosts/{host}/rotate":      {of: "host", site: true, ok: []int{503}}, // it is not linked
	"POST /hosts/{host}/revoke":      {of: "host", site: true},
	"DELETE /hosts/{host}":           {of: "host", site: true},
	"POST /hosts/join-tokens":        {json: `{"name":"{new}"}`},
	"GET /hosts/join-tokens":         {},
	"DELETE /hosts/join-tokens/{id}": {of: "join token", site: true},

	"GET /networks":             {},
	"GET /audit":                {},
	"GET /audit?of=site":        {},
	"GET /audit?of=all":         {},
	"GET /audit/export":         {},
	"GET /audit/export?of=site": {},
	"GET /audit/export?of=all":  {},
	"GET /offers":               {},
	"PUT /offers/{network}":     {of: "network", site: true, json: `{"devices":{"host-a":"{network}"},"vlans":[]}`, ok: []int{200}},
	"DELETE /offers/{network}":  {of: "network", site: true},

	"GET /providers":                     {},
	"GET /providers/{provider}":          {of: "provider", site: true},
	"PUT /providers/{provider}":          {of: "provider", site: true, json: `{"name":"New","issuer":"http://127.0.0.1:1","clientId":"x","allowPrivate":true}`},
	"DELETE /providers/{provider}":       {of: "provider", site: true},
	"POST /providers/{provider}/examine": {of: "provider", site: true},
	"POST /providers/{provider}/preview": {of: "provider", site: true, json: `{"claims":"{\"sub\":\"x\"}"}`},

	"GET /workspaces":                      {},
	"GET /workspaces?all=true":             {},
	"POST /workspaces":                     {json: `{"name":"{new}"}`},
	"PATCH /workspace":                     {json: `{"name":"{new}"}`, undo: renameBack},
	"DELETE /workspace":                    {of: "workspace's name", site: true, query: "confirm={workspace}", undo: reopen},
	"POST /workspaces/{workspace}/restore": {of: "ended workspace", own: true, hides: true, reach: true, bound: true},
	"GET /members":                         {},
	"PATCH /members/{user}":                {of: "member", json: `{"role":"observer"}`},
	"DELETE /members/{user}":               {of: "member"},
	"GET /invitations":                     {},
	"POST /invitations":                    {json: `{"role":"observer"}`},
	"DELETE /invitations/{id}":             {of: "invitation"},
}
