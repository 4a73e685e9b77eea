"""What the kit's viewer makes of playlists."""

from tests.kit.hls import Place, read_media

OPEN = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init-a.mp4"
#EXTINF:2,
7.m4s
#EXT-X-PART:DURATION=0.5,URI="8.0.m4s"
#EXT-X-PART:DURATION=0.5,URI="8.1.m4s"
#EXTINF:1,
8.m4s
#EXT-X-PART:DURATION=0.5,URI="9.0.m4s"
"""


def uris(text: str, at: Place) -> list[str]:
    return [piece.uri for piece in read_media(text).after(at)]


def test_whole_segments_first_then_parts_of_the_open_one() -> None:
    playlist = read_media(OPEN)
    assert playlist.blocking and not playlist.ended
    assert playlist.start() == Place(8, 0)
    pieces = list(playlist.after(Place(7, 0)))
    assert [piece.uri for piece in pieces] == ["7.m4s", "8.m4s", "9.0.m4s"]
    assert {piece.init for piece in pieces} == {"init-a.mp4"}
    assert pieces[-1].next == Place(9, 1)


def test_the_rest_of_a_segment_comes_in_parts() -> None:
    assert uris(OPEN, Place(8, 1)) == ["8.1.m4s", "9.0.m4s"]
    assert next(iter(read_media(OPEN).after(Place(8, 1)))).next == Place(9, 0)


def test_a_break_before_the_open_segment_is_seen() -> None:
    text = OPEN.replace('#EXT-X-PART:DURATION=0.5,URI="9.0', '#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.5,URI="9.0')
    assert [piece.discontinuity for piece in read_media(text).after(Place(8, 0))] == [False, True]
    assert [piece.discontinuity for piece in read_media(OPEN).after(Place(8, 0))] == [False, False]


def test_a_reload_waits_for_what_comes_next() -> None:
    playlist = read_media(OPEN)
    assert playlist.place(Place(8, 2)) == Place(9, 0), "segment 8 was closed with two parts"
    assert playlist.reaches(Place(9, 0)) and not playlist.reaches(Place(9, 1))
    assert Place(9, 1).directives == "?_HLS_msn=9&_HLS_part=1"


def test_broken_promises_are_named() -> None:
    before = read_media(OPEN)
    after = read_media(OPEN.replace("MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:6").replace("#EXTINF:2,", "#EXTINF:2.5,"))
    assert after.broken_promises(before) == [
        "EXT-X-MEDIA-SEQUENCE went back from 7 to 6",
        "7.m4s lasts 2.5 s, the target duration is 2.0",
        "segment 7 was 7.m4s, now it is 8.m4s",
    ]
    assert before.broken_promises(before) == []
