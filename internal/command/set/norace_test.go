//go:build !race

package set_test

const raceBuild = false
