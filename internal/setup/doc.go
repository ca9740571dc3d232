// Package setup holds the scripts that prepare a machine for Trunkline, and their tests: install.sh installs what is missing, daemons.sh
// starts Docker and Open vSwitch where nothing answers.
//
// It knows Debian's packages and how the two daemons are started with and without systemd. It refuses to know anything of Trunkline: the
// program itself runs with whatever answers, and "trunkline doctor" says what is not right.
package setup
