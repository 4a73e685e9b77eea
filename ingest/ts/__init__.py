"""ingest.ts: an MPEG transport stream becomes decoder configurations, access units and splice sections (no I/O).

Enters  octets of a transport stream (ISO/IEC 13818-1 | ITU-T H.222.0), cut anywhere, damaged anywhere.
Leaves  TrackConfig and Frame of one program (ingest/media.py), Splice sections, and counts of what was lost.
Keeps   the tables in force, one unfinished PES packet a stream, at most one unfinished frame of sound a stream.
Never   hands on a picture with a hole in it; grows with what a publisher sends; reads a clock.

    octets -> packets -> sections -> tables -+-> pes -> video | audio -> demuxer's events
                                             +-> splice sections
"""
