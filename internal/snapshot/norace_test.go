//go:build !race

package snapshot_test

const raceBuild = false
