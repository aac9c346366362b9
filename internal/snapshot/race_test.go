//go:build race

package snapshot_test

// raceBuild tells that everything takes ten times as long.
const raceBuild = true
