//go:build race

package node

// raceBuild tells that everything takes ten times as long.
const raceBuild = true
