// Package e2e runs the ways into CI with the real tools: see the script run.
package e2e
