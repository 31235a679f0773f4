// A monitor of a log, by the note and tlog packages of Go's own checksum database.
//
// Usage: monitor FOLDER KEY OLD
//
// FOLDER has the files of a tree, OLD is a checkpoint that was kept. Standard input has the
// records, one in each line. It ends with 1, and says why, at the first thing that differs.
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type tiles struct{ folder string }

func (t tiles) Height() int { return height }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		// C2SP leaves the height out of the path that the checksum database has.
		path := "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		data, err := os.ReadFile(filepath.Join(t.folder, path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func check(err error, what string) {
	if err != nil {
		fmt.Println(what, err)
		os.Exit(1)
	}
}

func checkpoint(path string, keys note.Verifiers) tlog.Tree {
	data, err := os.ReadFile(path)
	check(err, path)
	opened, err := note.Open(data, keys)
	check(err, path)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, path)
	hash, err := tlog.ParseHash(lines[2])
	check(err, path)
	return tlog.Tree{N: size, Hash: hash}
}

func main() {
	folder := os.Args[1]
	key, err := note.NewVerifier(strings.TrimSpace(os.Args[2]))
	check(err, "key")
	keys := note.VerifierList(key)
	tree := checkpoint(filepath.Join(folder, "checkpoint"), keys)
	old := checkpoint(os.Args[3], keys)
	reader := tlog.TileHashReader(tree, tiles{folder})
	grown, err := tlog.ProveTree(tree.N, old.N, reader)
	check(err, "proof of consistency")
	check(tlog.CheckTree(grown, tree.N, tree.Hash, old.N, old.Hash), "consistency")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	var index int64
	for ; lines.Scan(); index++ {
		leaf := tlog.RecordHash(lines.Bytes())
		proof, err := tlog.ProveRecord(tree.N, index, reader)
		check(err, "proof of inclusion")
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf), "inclusion")
	}
	if index != tree.N {
		check(fmt.Errorf("%d records for %d leaves", index, tree.N), "size")
	}
	fmt.Printf("%d leaves continue %d\n", tree.N, old.N)
}
