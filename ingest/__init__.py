"""ingest: an encoder's stream comes in and leaves as tracks cut on the grid.

Enters  RTMP publishers with a stream key; control's desired state, which says whose key it is.
Leaves  a session note, init segments and parts, PUT to the origin under the names at which viewers GET them.
Keeps   the last desired state on disk; in memory what the origin has not acknowledged, bounded.
Never   answers a viewer; trusts what a publisher says of itself; logs a stream key; asks control while a publisher
        waits.

A source (rtmp today) ends at one border: `flv.Config` and `flv.Frame` with the source's own clock. Everything behind
it is the same for every source:

    bytes -> chunks -> rtmp -> flv -> | intake (media_clock, grid) -> packager.segmenter -> publisher -> origin
"""
