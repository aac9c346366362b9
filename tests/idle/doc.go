// Package idle measures what connections that do nothing cost: memory, and time
// of the commands of those that do something.
package idle
