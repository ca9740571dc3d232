// Package rights holds the matrix of rights: every page, form, stream, websocket and API operation is called by every kind of person, on what is
// his workspace's and on what is another's, and has to answer as its declared verb and the rule table say.
//
// It knows the tables of routes and operations, the rule table, and what a valid request of each looks like. It refuses to know how a right is
// checked: what it compares is what comes back. All of it is tests, on a whole controller with hosts that need no root.
package rights
