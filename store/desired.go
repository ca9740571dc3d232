package store

import (
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
	"trunkline/tenancy"
)

type desiredColumns struct {
	Want         string
	Generation   int64
	Deploy       int64
	Deployed     int64
	ImageMapJSON string `gorm:"column:image_map_json"`
	GivenUpJSON  string `gorm:"column:given_up_json"`
	VNIsJSON     string `gorm:"column:vnis_json"`
	BackJSON     string `gorm:"column:back_json"`
	BackRevision int64
	Returning    bool `gorm:"column:returning_back"`
	Forget       bool
	Note         string
	EgressRate   int64
}

// backJSON is the deployment that a cancelled deploy goes back to.
type backJSON struct {
	Want     string                  `json:"want"`
	Revision int64                   `json:"revision"`
	ImageMap map[string]string       `json:"imageMap,omitempty"`
	Nodes    map[string]backNodeJSON `json:"nodes,omitempty"`
	Places   map[string]placeJSON    `json:"places,omitempty"`
	VNIs     map[string]uint32       `json:"vnis,omitempty"`
	GivenUp  []string                `json:"givenUp,omitempty"`

	EgressRate int64 `json:"egressRate,omitempty"`
}

type backNodeJSON struct {
	Run      string `json:"run,omitempty"`
	Restarts int    `json:"restarts,omitempty"`
	Remade   int    `json:"remade,omitempty"`
}

type placeJSON struct {
	Host string `json:"host"`
	Why  string `json:"why,omitempty"`

	CPU        float64 `json:"cpu,omitempty"`
	Memory     int64   `json:"memory,omitempty"`
	PIDs       int     `json:"pids,omitempty"`
	Interfaces int     `json:"interfaces,omitempty"`
}

type nodeRow struct {
	LabID    string `gorm:"primaryKey"`
	Node     string `gorm:"primaryKey"`
	Run      string
	Restarts int
	Remade   int
}

func (nodeRow) TableName() string { return "lab_nodes" }

type placementRow struct {
	LabID  string `gorm:"primaryKey"`
	Node   string `gorm:"primaryKey"`
	HostID string
	Why    string

	CPU        float64
	Memory     int64
	PIDs       int `gorm:"column:pids"`
	Interfaces int
}

func (placementRow) TableName() string { return "placements" }

// ChangeDesired runs change on the lab's record inside one transaction and stores its Desired side, with what the lab holds of quotas from then on. An error of
// change, and more than the limits allow (code exhausted), leave everything as it was.
func (s *Store) ChangeDesired(ctx context.Context, scope tenancy.Scope, labID string, change func(*control.Record) error) (r *control.Record, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		row, err := lockLab(tx, scope, labID)
		if err != nil {
			return err
		}
		r, err = s.changeDesired(tx, row, change)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ReviseDesired is AddRevision and ChangeDesired in one transaction: change sees the lab with its new version, and both are stored or nothing is.
func (s *Store) ReviseDesired(ctx context.Context, scope tenancy.Scope, labID string, revision *control.Revision, change func(*control.Record) error) (r *control.Record, err error) {
	var number int64
	err = s.change(ctx, func(tx *gorm.DB) error {
		row, err := lockLab(tx, scope, labID)
		if err != nil {
			return err
		}
		if number, err = s.addRevision(tx, row, revision); err != nil {
			return err
		}
		r, err = s.changeDesired(tx, row, change)
		return err
	})
	if err != nil {
		return nil, err
	}
	revision.Number = number
	return r, nil
}

// changeDesired runs change and stores what it leaves. The lab is locked.
func (s *Store) changeDesired(tx *gorm.DB, row labRow, change func(*control.Record) error) (*control.Record, error) {
	r, err := loadLab(tx, tenancy.InTenant(row.TenantID), row.ID)
	if err != nil {
		return nil, err
	}
	before := identifiersOf(r.Desired)
	if err := change(r); err != nil {
		return nil, err
	}
	if err := checkVNIs(tx, row.ID, before, identifiersOf(r.Desired)); err != nil {
		return nil, err
	}
	columns, err := desiredRow(r.Desired)
	if err != nil {
		return nil, err
	}
	r.UpdatedAt = s.now()
	if err := tx.Model(&labRow{}).Where("id = ?", row.ID).Updates(columns.updates(stamp(r.UpdatedAt))).Error; err != nil {
		return nil, err
	}
	if err := saveDeployment(tx, row.ID, r.Desired.Deployment); err != nil {
		return nil, err
	}
	return r, s.settle(tx, row.ID)
}

// settle makes what follows from the rows of a lab as this transaction leaves them: which versions are kept as they were understood, and what the lab holds of
// quotas. Code: exhausted.
func (s *Store) settle(tx *gorm.DB, labID string) error {
	if err := trimRevisions(tx, labID); err != nil {
		return err
	}
	return s.reserve(tx, labID)
}

func desiredRow(d control.Desired) (desiredColumns, error) {
	row := desiredColumns{
		Want: string(d.Want), Generation: d.Generation, Deploy: d.Deploy, Deployed: d.Revision,
		Returning: d.Returning, Forget: d.Forget, Note: d.Note, EgressRate: d.EgressRate,
	}
	var err error
	if row.ImageMapJSON, err = toJSON(d.ImageMap); err != nil {
		return row, err
	}
	if row.GivenUpJSON, err = toJSON(d.GivenUp); err != nil {
		return row, err
	}
	if row.VNIsJSON, err = toJSON(d.VNIs); err != nil {
		return row, err
	}
	if d.Back != nil {
		row.BackRevision = d.Back.Revision
	}
	row.BackJSON, err = toJSON(backOf(d.Back))
	return row, err
}

// updates lists every column, zero values too.
func (r desiredColumns) updates(at int64) map[string]any {
	return map[string]any{
		"want": r.Want, "generation": r.Generation, "deploy": r.Deploy, "deployed": r.Deployed,
		"image_map_json": r.ImageMapJSON, "given_up_json": r.GivenUpJSON, "vnis_json": r.VNIsJSON, "back_json": r.BackJSON, "back_revision": r.BackRevision,
		"returning_back": r.Returning, "forget": r.Forget, "note": r.Note, "egress_rate": r.EgressRate, "updated_at": at,
	}
}

func (r desiredColumns) desired() (control.Desired, error) {
	d := control.Desired{
		Deployment: control.Deployment{Want: control.Want(r.Want), Revision: r.Deployed, EgressRate: r.EgressRate},
		Generation: r.Generation, Deploy: r.Deploy, Returning: r.Returning, Forget: r.Forget, Note: r.Note,
	}
	var err error
	if d.ImageMap, err = fromJSON[map[string]string](r.ImageMapJSON); err != nil {
		return d, err
	}
	if d.GivenUp, err = fromJSON[[]string](r.GivenUpJSON); err != nil {
		return d, err
	}
	if d.VNIs, err = fromJSON[map[string]uint32](r.VNIsJSON); err != nil {
		return d, err
	}
	back, err := fromJSON[*backJSON](r.BackJSON)
	d.Back = back.deployment()
	return d, err
}

func backOf(d *control.Deployment) *backJSON {
	if d == nil {
		return nil
	}
	b := &backJSON{Want: string(d.Want), Revision: d.Revision, ImageMap: d.ImageMap, VNIs: d.VNIs, GivenUp: d.GivenUp, EgressRate: d.EgressRate, Nodes: map[string]backNodeJSON{}, Places: map[string]placeJSON{}}
	for name, asked := range d.Nodes {
		b.Nodes[name] = backNodeJSON{Run: string(asked.Run), Restarts: asked.Restarts, Remade: asked.Remade}
	}
	for name, p := range d.Places {
		b.Places[name] = placeJSON{
			Host: p.HostID, Why: p.Why, CPU: p.Needs.CPU, Memory: p.Needs.Memory, PIDs: p.Needs.PIDs, Interfaces: p.Needs.Interfaces,
		}
	}
	return b
}

func (b *backJSON) deployment() *control.Deployment {
	if b == nil {
		return nil
	}
	d := &control.Deployment{
		Want: control.Want(b.Want), Revision: b.Revision, ImageMap: b.ImageMap, VNIs: b.VNIs, GivenUp: b.GivenUp, EgressRate: b.EgressRate,
		Nodes: map[string]control.NodeDesired{}, Places: map[string]control.Place{},
	}
	for name, asked := range b.Nodes {
		d.Nodes[name] = control.NodeDesired{Run: hostapi.RunState(asked.Run), Restarts: asked.Restarts, Remade: asked.Remade}
	}
	for name, p := range b.Places {
		d.Places[name] = control.Place{HostID: p.Host, Why: p.Why, Needs: place.Amount{CPU: p.CPU, Memory: p.Memory, PIDs: p.PIDs, Interfaces: p.Interfaces}}
	}
	return d
}

// loadDeployment reads what stands in tables of its own: what was asked of nodes, and their places.
func loadDeployment(tx *gorm.DB, labID string, d *control.Deployment) error {
	var nodes []nodeRow
	if err := tx.Where("lab_id = ?", labID).Find(&nodes).Error; err != nil {
		return err
	}
	var places []placementRow
	if err := tx.Where("lab_id = ?", labID).Find(&places).Error; err != nil {
		return err
	}
	d.Nodes, d.Places = map[string]control.NodeDesired{}, map[string]control.Place{}
	for _, n := range nodes {
		d.Nodes[n.Node] = control.NodeDesired{Run: hostapi.RunState(n.Run), Restarts: n.Restarts, Remade: n.Remade}
	}
	for _, p := range places {
		d.Places[p.Node] = control.Place{HostID: p.HostID, Why: p.Why, Needs: place.Amount{CPU: p.CPU, Memory: p.Memory, PIDs: p.PIDs, Interfaces: p.Interfaces}}
	}
	return nil
}

// saveDeployment replaces them where they differ.
func saveDeployment(tx *gorm.DB, labID string, d control.Deployment) error {
	var had control.Deployment
	if err := loadDeployment(tx, labID, &had); err != nil {
		return err
	}
	if !maps.Equal(had.Nodes, d.Nodes) {
		if err := tx.Where("lab_id = ?", labID).Delete(&nodeRow{}).Error; err != nil {
			return err
		}
		var rows []nodeRow
		for _, name := range slices.Sorted(maps.Keys(d.Nodes)) {
			rows = append(rows, nodeRow{LabID: labID, Node: name, Run: string(d.Nodes[name].Run), Restarts: d.Nodes[name].Restarts, Remade: d.Nodes[name].Remade})
		}
		if err := insertAll(tx, rows); err != nil {
			return err
		}
	}
	if maps.Equal(had.Places, d.Places) {
		return nil
	}
	if err := tx.Where("lab_id = ?", labID).Delete(&placementRow{}).Error; err != nil {
		return err
	}
	var rows []placementRow
	for _, name := range slices.Sorted(maps.Keys(d.Places)) {
		p := d.Places[name]
		rows = append(rows, placementRow{
			LabID: labID, Node: name, HostID: p.HostID, Why: p.Why, CPU: p.Needs.CPU, Memory: p.Needs.Memory, PIDs: p.Needs.PIDs, Interfaces: p.Needs.Interfaces,
		})
	}
	return insertAll(tx, rows)
}
