"""control: the catalog and what the fleet should look like.

Enters  an operator's wish (admin API, operator page), a file to play, a node that asks what it should run.
Leaves  one desired state with a rising sequence; a file handed to the origin; watch and operator pages.
Keeps   channels, assets, hashes of stream keys, the sequence of changes (`data/control/`); on the operator's own
        box the stream keys themselves (`secrets/`).
Never   stands between a viewer and the media, or between an encoder and ingest; holds a file in memory; answers a
        change before it is on the disk.
"""
