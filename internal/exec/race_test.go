//go:build race

package exec_test

// raceBuild tells that everything takes ten times as long.
const raceBuild = true
