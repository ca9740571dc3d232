package control

// revokedReason is what the agent of a host reads when its link is cut.
const revokedReason = "This host was revoked by an administrator. Remove its state folder and join it anew if it should come back."
