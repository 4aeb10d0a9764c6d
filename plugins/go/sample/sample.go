// Package sample is a module whose tests end in every way that tests of Go can end.
package sample
