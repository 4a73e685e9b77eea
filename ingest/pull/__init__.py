"""ingest.pull: channels whose media this node fetches itself: a transport stream over UDP, RTP or HTTP, or as HLS.

Enters  the address of a source in the desired state; datagrams or a body that does not end.
Leaves  frames of the ingest's live sessions (ingest.ts), as an encoder's are.
Keeps   one task a channel with a source; datagrams that were not read yet, bounded and counted.
Never   gives up: what is away is asked again, ever more seldom; logs more of an address than its host.

    puller -> udp | http | hls -> ingest.ts.feed
    (what an address says: base.sources)
"""
