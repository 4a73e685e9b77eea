"""ingest.playout: films of the catalog as a linear channel, without an encoder and without transcoding.

Enters  a schedule in the desired state; films, as the origin serves them in HLS.
Leaves  frames with epoch times, to a session of the channel.
Keeps   the playlists of the films that are on.
Never   decides by anything but the schedule and the clock what is on: a restart goes on at the right place.
"""
