"""packager: sample tables in, everything a player asks for out. The product's heart, and pure.

Enters  a buffer with media (a mapped file, a chunk), samples, an index and `now`.
Leaves  an index, init segments, segments and parts (header bytes plus ranges of a file), playlists, manifests.
Keeps   nothing.
Never   reads a clock, a file or a socket; copies a sample that lies in a file; knows who asks.
"""
