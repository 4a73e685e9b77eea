"""ingest.cmaf: media that encoders push over HTTP (DASH-IF live media ingest 1.2).

Enters  PUT and POST below `/push/{channel}/`: CMAF headers and segments, whole or while they are made; manifests.
Leaves  `TrackConfig` and `Frame` values, in decode order over all tracks, to the session of the channel.
Keeps   per publishing session: headers by path, and what waits for a hole to be filled or another track to come.
Never   answers a viewer; keeps a segment; shows a key that stands in a path.

    octets -> boxes (reader, header) -> order (sequence: re-sent, missing) -> pairing (presentation, manifest, names)
           -> merge -> session
"""
