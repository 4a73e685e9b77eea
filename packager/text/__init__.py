"""packager.text: subtitles and captions of an asset, from a sidecar file to segments. Pure.

Enters  the octets of a WebVTT, SubRip or TTML file, caption octets of a video's SEI; a plan of the media.
Leaves  cues; segments and init segments of WebVTT, `wvtt` and `stpp`; media playlists.
Keeps   nothing.
Never   does I/O; resolves an XML entity; changes a time that the source gave.
"""
