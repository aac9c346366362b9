//go:build race

package set_test

// raceBuild tells that pools drop what they are given, by chance, and that
// everything takes ten times as long.
const raceBuild = true
