//go:build !unix

package project

import (
	"io/fs"
	"os"
)

const nonBlocking = 0

func noReader(error) bool { return false }

func keepOwner(*os.File, fs.FileInfo) {}
