"""ingest.pictures: media in, pictures and waveforms out; the one process that decodes.

Enters  orders of an origin over the box's socket: a few keyframes or a stretch of sound, and what to make of them.
Leaves  a JPEG or a WebP, or the peaks of the sound.
Keeps   nothing.
Never   reads a file; makes an origin or a publisher wait: a decoder that crashes or hangs takes this process only.
"""
