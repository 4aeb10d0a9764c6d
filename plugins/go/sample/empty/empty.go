// Package empty has no test files.
package empty
