package tenancy

import "slices"

// AuditGroup is verbs that people look for together.
type AuditGroup struct {
	Key, Name string
	Verbs     []AuditVerb
}

// AuditGroups holds every verb once.
var AuditGroups = []AuditGroup{
	{"sign-in", "Signing in and out", []AuditVerb{
		AuditSignIn, AuditSignInRefused, AuditSignOut, AuditSessionEnd, AuditPassword, AuditIdentityLink, AuditIdentityUnlink, AuditTakeOver, AuditTakeOverEnd,
	}},
	{"people", "People and roles", []AuditVerb{
		AuditUserCreate, AuditUserChange, AuditUserDelete, AuditMemberAdd, AuditMemberRole, AuditMemberRemove, AuditInvite, AuditInviteWithdraw,
	}},
	{"labs", "Labs", []AuditVerb{
		AuditLabCreate, AuditLabChange, AuditLabDeploy, AuditLabCancel, AuditLabStop, AuditLabDestroy, AuditLabDelete, AuditLabTransfer, AuditNodeAction, AuditLinkChange,
	}},
	{"shells", "Shells, commands and files", []AuditVerb{
		AuditShellOpen, AuditShellWatch, AuditShellClose, AuditCommand, AuditUpload, AuditDownload, AuditCapture,
	}},
	{"sharing", "Sharing", []AuditVerb{AuditShare, AuditShareOpen, AuditShareEnd}},
	{"tokens", "API tokens", []AuditVerb{AuditTokenCreate, AuditTokenRevoke}},
	{"workspaces", "Workspaces and quotas", []AuditVerb{
		AuditTenantCreate, AuditTenantChange, AuditTenantDelete, AuditTenantRestore, AuditTenantAdopt, AuditTenantTransfer, AuditQuotaChange, AuditImagesChange,
	}},
	{"hosts", "Hosts and networks", []AuditVerb{
		AuditHostInvite, AuditHostInviteEnd, AuditHostJoin, AuditHostChange, AuditHostKey, AuditHostRevoke, AuditHostRemove, AuditNetworkChange, AuditNetworkDelete,
	}},
	{"site", "Site settings", []AuditVerb{AuditSiteChange, AuditProviderChange, AuditProviderDelete, AuditRuleChange, AuditDatabaseRestore}},
	{"audit", "The audit itself", []AuditVerb{AuditExport, AuditPrune}},
}

// AuditGroupOf finds a group by its key.
func AuditGroupOf(key string) (AuditGroup, bool) {
	i := slices.IndexFunc(AuditGroups, func(g AuditGroup) bool { return g.Key == key })
	if i < 0 {
		return AuditGroup{}, false
	}
	return AuditGroups[i], true
}
