"""ingest.remux: a file that is no MP4 becomes a CMAF mezzanine, without transcoding.

Enters  a file of an upload (Matroska, WebM, MPEG-TS, MOV, FLV, FLAC, Ogg, ...), POSTed by control: base/arrival.py.
Leaves  one CMAF file for each track, PUT to the origin as files of the same upload; what was left out and why.
Keeps   the file, and the samples of its tracks, while it works on them. Nothing afterwards.
Never   decodes or encodes; opens anything but the file that it was given; runs in the ingest process (FFmpeg reads
        what strangers made, and a fault there must not stop publishers).
"""
