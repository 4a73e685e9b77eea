"""Publishers over WebRTC: browsers, OBS, FFmpeg and GStreamer by WHIP (RFC 9725).

Enters: an SDP offer over HTTP, then ICE, DTLS, SRTP and SRTCP on one UDP port.
Leaves: `ingest.media` values, that is H.264 access units and Opus packets as they were coded; RTCP to the publisher.
Keeps: a session as long as it lives.
Never: decodes a picture; speaks to an address that has not shown the session's password; lets a broken picture through.
"""
