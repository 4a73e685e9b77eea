"""origin: what was ingested, under the names that viewers use.

Enters  PUT of live sessions, init segments and parts (ingest); PUT of a mezzanine file (control).
Leaves  GET of anything that has a name: playlists and manifests printed per request, segments packaged just in time.
Keeps   on demand: the file and its index; live: segment files and a journal of every closed segment.
Never   announces a segment before its bytes and journal row are there; stores a playlist; asks control while a
        viewer waits.
"""
