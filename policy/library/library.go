// Package library is the Rego that assay ships: helpers that every policy can
// use as data.assay, and packs of rules to switch on by name.
package library

import "embed"

// Files are the packs: PACK/RULE/RULE.rego, its unit test and its fixture.
//
//go:embed */*/*.rego */*/*.txtar
var Files embed.FS

// Helpers are the modules of package assay.
//
//go:embed assay/assay.rego
var Helpers embed.FS
