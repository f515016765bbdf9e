// Verify checks a bundle in the layout of c2sp.org/tlog-tiles with Go's own sumdb packages, which Qinlian's authors
// did not write:
//
//	verify FOLDER VKEY
//
// It opens the checkpoint with the key, rebuilds the tree from the entry bundles, compares the root and every tile,
// and proves entries and earlier sizes out of the tiles alone. It prints "ok N entries", or what is wrong.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify FOLDER VKEY")
		os.Exit(2)
	}
	size, err := verify(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("ok %d entries\n", size)
}

func verify(folder, vkey string) (int64, error) {
	tree, err := checkpoint(filepath.Join(folder, "checkpoint"), vkey)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	rebuilt, leaves, err := rebuild(folder, tree.N)
	if err != nil {
		return 0, err
	}
	if tree.N == 0 {
		return 0, nil // Go computes no root of nothing; checkpoint has compared it.
	}
	root, err := tlog.TreeHash(tree.N, rebuilt)
	if err != nil {
		return 0, err
	}
	if root != tree.Hash {
		return 0, fmt.Errorf("the entries have root %v, the checkpoint says %v", root, tree.Hash)
	}
	tiles := folderTiles{folder}
	for level, hashes := 0, tree.N; hashes > 0; level, hashes = level+1, hashes/width {
		for n := int64(0); n*width < hashes; n++ {
			tile := tlog.Tile{H: height, L: level, N: n, W: atMostWidth(hashes - n*width)}
			if err := compare(tile, tiles, rebuilt); err != nil {
				return 0, err
			}
		}
	}
	return tree.N, proofs(tree, leaves, tlog.TileHashReader(tree, tiles), rebuilt)
}

// checkpoint opens the signed note and reads its three lines.
func checkpoint(path, vkey string) (tree tlog.Tree, err error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, errors.New("it is not a checkpoint of the log that the key names")
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || tree.N < 0 || strconv.FormatInt(tree.N, 10) != lines[1] {
		return tree, fmt.Errorf("%q is not a size", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tree, fmt.Errorf("%q is not a root", lines[2])
	}
	copy(tree.Hash[:], root)
	if tree.N == 0 && tree.Hash != sha256.Sum256(nil) {
		return tree, errors.New("the empty tree has another root")
	}
	return tree, nil
}

// stored holds the hashes of a tree in the order of Go's tlog.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

// rebuild hashes every entry of the bundles.
func rebuild(folder string, size int64) (all stored, leaves []tlog.Hash, err error) {
	for n := int64(0); n*width < size; n++ {
		count := atMostWidth(size - n*width)
		name := path("entries", n, count)
		bundle, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, nil, err
		}
		for i := 0; i < count; i++ {
			index := n*width + int64(i)
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return nil, nil, fmt.Errorf("%s: cut short in entry %d", name, index)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(index, bundle[2:end], all)
			if err != nil {
				return nil, nil, err
			}
			all, leaves, bundle = append(all, hashes...), append(leaves, hashes[0]), bundle[end:]
		}
		if len(bundle) != 0 {
			return nil, nil, fmt.Errorf("%s: more than %d entries", name, count)
		}
	}
	return all, leaves, nil
}

func atMostWidth(rest int64) int {
	if rest < width {
		return int(rest)
	}
	return width
}

// compare looks for one tile and for every hash in it.
func compare(tile tlog.Tile, tiles folderTiles, rebuilt stored) error {
	expected, err := tlog.ReadTileData(tile, rebuilt)
	if err != nil {
		return err
	}
	found, err := tiles.ReadTiles([]tlog.Tile{tile})
	if err != nil {
		return err
	}
	if !bytes.Equal(found[0], expected) {
		return fmt.Errorf("%s: not the hashes of the entries", path(strconv.Itoa(tile.L), tile.N, tile.W))
	}
	return nil
}

// proofs makes proofs out of the tiles, and checks them with the root: of all entries and from all earlier sizes of a
// small log, of some hundred of a large one.
func proofs(tree tlog.Tree, leaves []tlog.Hash, tiles, rebuilt tlog.HashReader) error {
	for n := int64(0); n < tree.N; n += tree.N/400 + 1 {
		proof, err := tlog.ProveRecord(tree.N, n, tiles)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaves[n])
		}
		if err != nil {
			return fmt.Errorf("inclusion of entry %d: %w", n, err)
		}
	}
	for n := int64(1); n <= tree.N; n += tree.N/400 + 1 {
		old, err := tlog.TreeHash(n, rebuilt)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, n, tiles)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, n, old)
		}
		if err != nil {
			return fmt.Errorf("consistency with size %d: %w", n, err)
		}
	}
	return nil
}

// folderTiles reads tiles from a folder.
type folderTiles struct{ folder string }

func (folderTiles) Height() int                     { return height }
func (folderTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folderTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		name := path(strconv.Itoa(tile.L), tile.N, tile.W)
		data, err := os.ReadFile(filepath.Join(f.folder, name))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes are not %d hashes", name, len(data), tile.W)
		}
		all[i] = data
	}
	return all, nil
}

// path writes tile/<L>/<N>[.p/<W>]; Go's own Tile.Path has the height in it and is another form.
func path(level string, n int64, w int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if w < width {
		name += ".p/" + strconv.Itoa(w)
	}
	return "tile/" + level + "/" + name
}
