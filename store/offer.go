package store

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

type networkRow struct {
	Name      string `gorm:"primaryKey"`
	CreatedAt int64  `gorm:"autoCreateTime:false"`
}

func (networkRow) TableName() string { return "provider_networks" }

type deviceRow struct {
	Network string `gorm:"primaryKey"`
	HostID  string `gorm:"primaryKey"`
	Device  string
}

func (deviceRow) TableName() string { return "provider_devices" }

type vlanRow struct {
	Network   string `gorm:"primaryKey"`
	VLAN      int    `gorm:"column:vlan;primaryKey;autoIncrement:false"`
	TenantID  string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	FreedAt   int64
}

func (vlanRow) TableName() string { return "provider_vlans" }

func missingNetwork(name string) error {
	return fault.New(fault.NotFound, "There is no physical network %q. The list of offers shows those there are.", name)
}

// Offers lists the physical networks that are offered, by name.
func (s *Store) Offers(ctx context.Context) ([]control.Offer, error) {
	var networks []networkRow
	var devices []deviceRow
	var vlans []vlanRow
	err := s.ask(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Order("name").Find(&networks).Error; err != nil {
			return err
		}
		if err := tx.Find(&devices).Error; err != nil {
			return err
		}
		return tx.Where("freed_at = 0").Order("vlan").Find(&vlans).Error
	})
	if err != nil {
		return nil, translate(err)
	}
	offers := make([]control.Offer, len(networks))
	at := make(map[string]*control.Offer, len(networks))
	for i, n := range networks {
		offers[i] = control.Offer{Network: n.Name, Devices: map[string]string{}}
		at[n.Name] = &offers[i]
	}
	for _, d := range devices {
		if offer := at[d.Network]; offer != nil {
			offer.Devices[d.HostID] = d.Device
		}
	}
	for _, v := range vlans {
		if offer := at[v.Network]; offer != nil {
			offer.VLANs = append(offer.VLANs, control.OfferedVLAN{VLAN: v.VLAN, Tenant: v.TenantID})
		}
	}
	return offers, nil
}

// SaveOffer makes or replaces the offer of that name. Tenants may be named by id or name. Codes: invalid, not_found (a host), conflict (a
// VLAN is another tenant's or rests, an interface leads to another network, a lab uses what would be taken away).
func (s *Store) SaveOffer(ctx context.Context, offer control.Offer) error {
	if err := checkOffer(offer); err != nil {
		return err
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		row := networkRow{Name: offer.Network, CreatedAt: stamp(s.now())}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
			return err
		}
		if err := forUpdate(tx).Where("name = ?", offer.Network).Take(&networkRow{}).Error; err != nil {
			return err
		}
		uses, err := usesOf(tx, offer.Network)
		if err != nil {
			return err
		}
		if err := s.saveVLANs(tx, offer, uses); err != nil {
			return err
		}
		return saveDevices(tx, offer, uses)
	})
}

var (
	networkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	deviceName  = regexp.MustCompile(`^[^\s/:]{1,15}$`) // dev_valid_name() of Linux
)

func checkOffer(offer control.Offer) error {
	if !networkName.MatchString(offer.Network) {
		return fault.New(fault.Invalid, "Name the physical network with 1 to 63 letters, digits, dots, dashes and underscores, such as campus.").InField("network")
	}
	for _, device := range offer.Devices {
		if !deviceName.MatchString(device) || device == "." || device == ".." {
			return fault.New(fault.Invalid, "%q is no name of a network interface. It has 1 to 15 characters, such as eth1.", device).InField("devices")
		}
	}
	return nil
}

// use is a node of a deployed lab that leads to a physical network.
type use struct {
	LabID  string
	HostID string
	VLAN   int `gorm:"column:vlan"`
}

// usesOf lists them, also those of the version that a cancelled deploy goes back to; HostID "" where a node is not placed.
func usesOf(tx *gorm.DB, network string) ([]use, error) {
	var all []use
	err := tx.Table("lab_externals").
		Select("lab_externals.lab_id, lab_externals.vlan, COALESCE(placements.host_id, '') AS host_id").
		Joins("JOIN labs ON labs.id = lab_externals.lab_id").
		Joins("LEFT JOIN placements ON placements.lab_id = lab_externals.lab_id AND placements.node = lab_externals.node").
		Where("lab_externals.network = ? AND (lab_externals.revision = labs.deployed OR "+mayGoBack+" AND lab_externals.revision = labs.back_revision)", network).
		Scan(&all).Error
	return all, err
}

// inUse is a conflict when a use is one that the function knows.
func inUse(uses []use, what string, taken func(use) bool) error {
	labs := map[string]bool{}
	for _, u := range uses {
		if taken(u) {
			labs[u.LabID] = true
		}
	}
	switch len(labs) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Conflict, "A lab uses %s. Destroy it first.", what)
	}
	return fault.New(fault.Conflict, "%d labs use %s. Destroy them first.", len(labs), what)
}

func (s *Store) saveVLANs(tx *gorm.DB, offer control.Offer, uses []use) error {
	wanted, err := wantedVLANs(tx, offer)
	if err != nil {
		return err
	}
	known, err := vlansOf(tx, offer.Network)
	if err != nil {
		return err
	}
	now := s.now()
	change, err := tenancy.ChangeVLANs(offer.Network, wanted, known, s.vnis.Quarantine, now)
	if err != nil {
		return err
	}
	for _, v := range change.Free {
		if err := inUse(uses, fmt.Sprintf("VLAN %d of %s", v.Tag, offer.Network), func(u use) bool { return u.VLAN == v.Tag }); err != nil {
			return err
		}
	}
	if err := s.freeVLANs(tx, offer.Network, change.Free); err != nil {
		return err
	}
	rows := make([]vlanRow, len(change.Give))
	for i, v := range change.Give {
		rows[i] = vlanRow{Network: offer.Network, VLAN: v.Tag, TenantID: v.Tenant, CreatedAt: stamp(now)}
	}
	return insertAll(tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "network"}, {Name: "vlan"}},
		DoUpdates: clause.AssignmentColumns([]string{"tenant_id", "created_at", "freed_at"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "provider_vlans.freed_at <> 0"}}},
	}), rows)
}

// wantedVLANs is what each tag's tenant shall be, by id.
func wantedVLANs(tx *gorm.DB, offer control.Offer) (map[int]string, error) {
	refs := make([]string, len(offer.VLANs))
	for i, v := range offer.VLANs {
		refs[i] = v.Tenant
	}
	ids, err := tenantIDs(tx, refs)
	if err != nil {
		return nil, err
	}
	wanted := map[int]string{}
	for i, v := range offer.VLANs {
		if other, twice := wanted[v.VLAN]; twice && other != ids[i] {
			return nil, fault.New(fault.Invalid, "VLAN %d of %s is given to two workspaces. Each VLAN is one workspace's.", v.VLAN, offer.Network).InField("vlans")
		}
		wanted[v.VLAN] = ids[i]
	}
	return wanted, nil
}

func vlansOf(tx *gorm.DB, network string) ([]tenancy.VLAN, error) {
	var rows []vlanRow
	err := tx.Where("network = ?", network).Order("vlan").Find(&rows).Error
	known := make([]tenancy.VLAN, len(rows))
	for i, row := range rows {
		known[i] = tenancy.VLAN{Tag: row.VLAN, Tenant: row.TenantID, FreedAt: moment(row.FreedAt)}
	}
	return known, err
}

func (s *Store) freeVLANs(tx *gorm.DB, network string, vlans []tenancy.VLAN) error {
	if len(vlans) == 0 {
		return nil
	}
	tags := make([]int, len(vlans))
	for i, v := range vlans {
		tags[i] = v.Tag
	}
	return tx.Model(&vlanRow{}).Where("network = ? AND vlan IN ? AND freed_at = 0", network, tags).Update("freed_at", stamp(s.now())).Error
}

// saveDevices replaces the interfaces of the network.
func saveDevices(tx *gorm.DB, offer control.Offer, uses []use) error {
	var had []deviceRow
	if err := tx.Where("network = ?", offer.Network).Find(&had).Error; err != nil {
		return err
	}
	for _, d := range had {
		if offer.Devices[d.HostID] == d.Device {
			continue
		}
		what := fmt.Sprintf("%s on a host through interface %s", offer.Network, d.Device)
		if err := inUse(uses, what, func(u use) bool { return u.HostID == d.HostID }); err != nil {
			return err
		}
	}
	if err := tx.Where("network = ?", offer.Network).Delete(&deviceRow{}).Error; err != nil {
		return err
	}
	hostIDs := slices.Sorted(maps.Keys(offer.Devices))
	rows := make([]deviceRow, len(hostIDs))
	for i, hostID := range hostIDs {
		if err := tx.Where("id = ?", hostID).Take(&hostRow{}).Error; err != nil {
			return orMissing(err, missingHost(hostID))
		}
		rows[i] = deviceRow{Network: offer.Network, HostID: hostID, Device: offer.Devices[hostID]}
	}
	return orTaken(insertAll(tx, rows), fault.New(fault.Conflict, "An interface of this offer leads to another physical network already. Each interface of a host leads to one.").InField("devices"))
}

// DeleteOffer takes a physical network back from everyone. Its VLANs rest, should a network of that name come again.
// Codes: not_found, conflict (a lab uses it).
func (s *Store) DeleteOffer(ctx context.Context, network string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := forUpdate(tx).Where("name = ?", network).Take(&networkRow{}).Error; err != nil {
			return orMissing(err, missingNetwork(network))
		}
		uses, err := usesOf(tx, network)
		if err != nil {
			return err
		}
		if err := inUse(uses, "the physical network "+network, func(use) bool { return true }); err != nil {
			return err
		}
		known, err := vlansOf(tx, network)
		if err != nil {
			return err
		}
		if err := s.freeVLANs(tx, network, known); err != nil {
			return err
		}
		return tx.Where("name = ?", network).Delete(&networkRow{}).Error
	})
}
