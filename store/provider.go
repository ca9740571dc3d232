package store

import (
	"context"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/internal/seal"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// Providers keeps how providers are set up, and the rules for their claims. Client secrets rest sealed. It is a login.ProviderStore.
type Providers struct {
	store *Store
	keys  *seal.Ring
}

var _ login.ProviderStore = (*Providers)(nil)

// Providers returns the store of providers; keys seal their secrets.
func (s *Store) Providers(keys *seal.Ring) *Providers { return &Providers{store: s, keys: keys} }

type providerRow struct {
	ID           string `gorm:"primaryKey"`
	Place        int64
	SettingsJSON string `gorm:"column:settings_json"`
	Secret       string
	FromFile     bool
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
	UpdatedAt    int64 `gorm:"autoUpdateTime:false"`
}

func (providerRow) TableName() string { return "login_providers" }

type ruleRow struct {
	ID        string `gorm:"primaryKey"`
	Provider  string
	Place     int64
	RuleJSON  string `gorm:"column:rule_json"`
	CreatedAt int64  `gorm:"autoCreateTime:false"`
}

func (ruleRow) TableName() string { return "login_rules" }

const secretPurpose = "client secret"

var noProvider = fault.New(fault.NotFound, "There is no such provider.")

// Providers lists all, in the order of their buttons.
func (s *Providers) Providers(ctx context.Context) ([]login.Provider, error) {
	var rows []providerRow
	if err := s.store.ask(ctx).Order("place, id").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	providers := make([]login.Provider, len(rows))
	for i, row := range rows {
		var err error
		if providers[i], err = s.provider(row); err != nil {
			return nil, err
		}
	}
	return providers, nil
}

// Provider returns one. Code: not_found.
func (s *Providers) Provider(ctx context.Context, id string) (login.Provider, error) {
	var row providerRow
	if err := s.store.ask(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
		return login.Provider{}, orMissing(err, noProvider)
	}
	return s.provider(row)
}

func (s *Providers) provider(row providerRow) (login.Provider, error) {
	p, err := fromJSON[login.Provider](row.SettingsJSON)
	if err != nil || row.Secret == "" {
		return p, err
	}
	secret, err := s.keys.Open(secretPurpose, row.ID, row.Secret)
	if fault.Is(err, fault.Invalid) {
		p.SecretLost = true // the rest is still there to be seen and mended
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.ClientSecret = string(secret)
	return p, nil
}

// Rules lists a provider's, in their order.
func (s *Providers) Rules(ctx context.Context, providerID string) ([]tenancy.Rule, error) {
	rules, err := rulesOf(s.store.ask(ctx), providerID)
	return rules, translate(err)
}

func rulesOf(tx *gorm.DB, providerID string) ([]tenancy.Rule, error) {
	var rows []ruleRow
	if err := tx.Where("provider = ?", providerID).Order("place, id").Find(&rows).Error; err != nil {
		return nil, err
	}
	rules := make([]tenancy.Rule, len(rows))
	for i, row := range rows {
		rule, err := fromJSON[tenancy.Rule](row.RuleJSON)
		if err != nil {
			return nil, err
		}
		rule.ID, rule.Provider = row.ID, row.Provider
		rules[i] = rule
	}
	return rules, nil
}

// ManagedByFile says that the provider comes from the file, which alone may change it. Code: not_found.
func (s *Providers) ManagedByFile(ctx context.Context, id string) (bool, error) {
	var row providerRow
	err := s.store.ask(ctx).Select("from_file").Where("id = ?", id).Take(&row).Error
	return row.FromFile, orMissing(err, noProvider)
}

// ChangeProvider asks decide about a provider as it is, with its secret, and stores what it says with all its rules, in one transaction; one without an id is not
// there yet. Nobody else changes providers meanwhile. Codes: invalid; conflict when it comes from the file.
func (s *Providers) ChangeProvider(ctx context.Context, id string, decide func(login.Setup) (login.Provider, []tenancy.Rule, error)) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		place, err := s.placeOf(tx, id)
		if err != nil {
			return err
		}
		had, err := s.setupOf(tx, id)
		if err != nil {
			return err
		}
		p, rules, err := decide(had)
		if err != nil {
			return err
		}
		if err := p.Check(); err != nil {
			return err
		}
		if err := tenancy.CheckRules(rules); err != nil {
			return err
		}
		return s.save(tx, p, rules, place, false)
	})
}

// setupOf reads one with its rules; the zero one: there is none.
func (s *Providers) setupOf(tx *gorm.DB, id string) (had login.Setup, err error) {
	var rows []providerRow
	if err := tx.Where("id = ?", id).Find(&rows).Error; err != nil || len(rows) == 0 {
		return had, err
	}
	had.FromFile = rows[0].FromFile
	if had.Provider, err = s.provider(rows[0]); err != nil {
		return had, err
	}
	had.Rules, err = rulesOf(tx, id)
	return had, err
}

// placeOf is where a provider's button is: at the end for a new one. One from the file is refused.
func (s *Providers) placeOf(tx *gorm.DB, id string) (int64, error) {
	var rows []providerRow
	if err := forUpdate(tx).Order("place").Find(&rows).Error; err != nil {
		return 0, err
	}
	last := int64(-1)
	for _, row := range rows {
		if row.ID == id && row.FromFile {
			return 0, fault.New(fault.Conflict, "The provider %s is set up in the file of --providers. Change it there and start Trunkline again.", id)
		}
		if row.ID == id {
			return row.Place, nil
		}
		last = row.Place
	}
	return last + 1, nil
}

func (s *Providers) save(tx *gorm.DB, p login.Provider, rules []tenancy.Rule, place int64, fromFile bool) error {
	settings, err := toJSON(p)
	if err != nil {
		return err
	}
	now := stamp(s.store.now())
	row := providerRow{ID: p.ID, Place: place, SettingsJSON: settings, FromFile: fromFile, CreatedAt: now, UpdatedAt: now}
	if p.ClientSecret != "" {
		if row.Secret, err = s.keys.Seal(secretPurpose, p.ID, []byte(p.ClientSecret)); err != nil {
			return err
		}
	}
	changed := tx.Model(&providerRow{}).Where("id = ?", p.ID).Updates(map[string]any{
		"place": row.Place, "settings_json": row.SettingsJSON, "secret": row.Secret, "from_file": row.FromFile, "updated_at": now,
	})
	if changed.Error != nil {
		return changed.Error
	}
	if changed.RowsAffected == 0 {
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
	}
	return saveRules(tx, p.ID, rules, now)
}

// saveRules puts the rules in the place of the provider's. One that brings the id of one of these keeps it.
func saveRules(tx *gorm.DB, providerID string, rules []tenancy.Rule, now int64) error {
	var had []ruleRow
	if err := tx.Where("provider = ?", providerID).Find(&had).Error; err != nil {
		return err
	}
	created := map[string]int64{}
	for _, row := range had {
		created[row.ID] = row.CreatedAt
	}
	if err := tx.Where("provider = ?", providerID).Delete(&ruleRow{}).Error; err != nil {
		return err
	}
	rows := make([]ruleRow, len(rules))
	for i, r := range rules {
		row := ruleRow{ID: r.ID, Provider: providerID, Place: int64(i), CreatedAt: created[r.ID]}
		if row.CreatedAt == 0 {
			row.ID, row.CreatedAt = ident.New(), now
		}
		delete(created, row.ID) // two rules cannot have one id
		r.ID, r.Provider = "", ""
		text, err := toJSON(r)
		if err != nil {
			return err
		}
		row.RuleJSON = text
		rows[i] = row
	}
	return insertAll(tx, rows)
}

// OrderProviders puts the buttons into the order of the ids, all those made by hand; those of the file stay before them. Code: conflict when they are not those
// that there are.
func (s *Providers) OrderProviders(ctx context.Context, ids []string) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		var rows []providerRow
		if err := forUpdate(tx).Where("NOT from_file").Find(&rows).Error; err != nil {
			return err
		}
		known := map[string]bool{}
		for _, row := range rows {
			known[row.ID] = true
		}
		changed := fault.New(fault.Conflict, "The providers are others than those you saw. Look again and order them then.")
		if len(ids) != len(rows) {
			return changed
		}
		for place, id := range ids {
			if !known[id] {
				return changed
			}
			delete(known, id)
			if err := tx.Model(&providerRow{}).Where("id = ?", id).Update("place", place).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteProvider removes one with its rules and the memberships that it gave, but for those of last owners; its people stay known, so that they are the same if it comes back.
// Codes: not_found; conflict when it comes from the file.
func (s *Providers) DeleteProvider(ctx context.Context, id string) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		if _, err := s.placeOf(tx, id); err != nil {
			return err
		}
		return s.remove(tx, id)
	})
}

func (s *Providers) remove(tx *gorm.DB, id string) error {
	gone := tx.Where("id = ?", id).Delete(&providerRow{})
	if gone.Error == nil && gone.RowsAffected == 0 {
		return noProvider
	}
	if gone.Error != nil {
		return gone.Error
	}
	return s.store.dropSource(tx, id)
}

// SyncFile makes the providers of the file what they are there, and removes those that were in it before. Code: conflict when one was made by hand.
func (s *Providers) SyncFile(ctx context.Context, all []login.FileProvider) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		var rows []providerRow
		if err := forUpdate(tx).Order("id").Find(&rows).Error; err != nil {
			return err
		}
		in := map[string]bool{}
		for _, f := range all {
			in[f.ID] = true
		}
		for _, row := range rows {
			switch {
			case in[row.ID] && !row.FromFile:
				return fault.New(fault.Conflict, "The provider %s was made on the page. Delete it there, or give the one in the file another id.", row.ID)
			case !in[row.ID] && row.FromFile:
				if err := s.remove(tx, row.ID); err != nil {
					return err
				}
			}
		}
		for i, f := range all {
			if err := s.save(tx, f.Provider, f.Rules, int64(i-len(all)), true); err != nil { // before those made by hand
				return err
			}
		}
		return nil
	})
}
