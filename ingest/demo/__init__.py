"""ingest.demo: an encoder of our own, so that a new appliance has something to show.

Enters  the channels that control marked as demo; the wall clock.
Leaves  a moving test picture with the time in it (two renditions) and a tone on each full second, PUT like any channel.
Keeps   nothing.
Never   draws more than what moves; runs in the ingest process (an encoder that stumbles must not stop publishers).
"""
