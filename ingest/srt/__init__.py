"""ingest.srt: encoders that publish a transport stream over SRT.

Enters  SRT callers whose stream id carries a stream key; passphrases from a file of secrets.
Leaves  frames of the ingest's live sessions (ingest.ts), figures of each link as metrics.
Keeps   one library handle, one listener, what a link has received and nobody has read yet: in the library, bounded.
Never   logs a key or a passphrase; accepts before the key is known to be good; blocks the event loop.

    listener -> endpoint (the port in code: accept, read, figures) -> libsrt (ctypes)
         access: what a stream id asks for, and the answer
"""
