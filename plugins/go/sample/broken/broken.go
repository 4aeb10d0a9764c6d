// Package broken does not compile.
package broken

func broken() int { return "text" }
