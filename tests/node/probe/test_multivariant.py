"""The multivariant playlist, alone and beside what its media says."""

import pytest

from node.probe import multivariant
from node.probe.rules import Finding
from tests.node.probe.pairs import Cases, master, pair, rules, shows

BASE = "http://origin.example/live/"
VARIANT = (
    '#EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1500,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,'
    'FRAME-RATE=25.000,AUDIO="a",CLOSED-CAPTIONS=NONE\nv.m3u8\n'
)
AUDIO = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="One",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="one.m3u8"\n'
SECOND = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Two",LANGUAGE="fr",AUTOSELECT=YES,URI="two.m3u8"\n'
SOUND = "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n" + AUDIO + SECOND + VARIANT


def of(source: str) -> list[Finding]:
    return list(multivariant.check(master(source)))


def edited(old: str, new: str) -> list[Finding]:
    assert old in SOUND
    return of(SOUND.replace(old, new, 1))


def more(line: str) -> list[Finding]:
    return of(SOUND + line + "\n")


OTHER_GROUP = AUDIO.replace('"a"', '"b"').replace("one.m3u8", "b1.m3u8") + SECOND.replace('"a"', '"b"')
GOOD = of(SOUND)
FOUND = master(SOUND)
STEERED = '#EXT-X-CONTENT-STEERING:SERVER-URI="s",PATHWAY-ID="{}"'
IFRAMES = SOUND + '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"\n'
CASES: Cases = {
    "variant-uri": pair(GOOD, edited("\nv.m3u8\n", "\n")),
    "group-missing": pair(GOOD, edited('AUDIO="a"', 'AUDIO="z"')),
    "group-name": pair(GOOD, edited('NAME="Two"', 'NAME="One"')),
    "group-default": pair(GOOD, edited('LANGUAGE="fr",', 'LANGUAGE="fr",DEFAULT=YES,')),
    "group-autoselect": pair(GOOD, edited('LANGUAGE="fr"', 'LANGUAGE="en"')),
    "group-members": pair(more(OTHER_GROUP), more(OTHER_GROUP.replace('LANGUAGE="fr"', 'LANGUAGE="de"'))),
    "rendition-uri": pair(
        more('#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="C",INSTREAM-ID="CC1"'),
        more('#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="C"'),
    ),
    "rendition-default": pair(GOOD, edited("DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO")),
    "rendition-forced": pair(GOOD, edited('LANGUAGE="fr"', 'LANGUAGE="fr",FORCED=YES')),
    "captions-none": pair(GOOD, of(SOUND + VARIANT.replace(",CLOSED-CAPTIONS=NONE", ""))),
    "score": pair(GOOD, of(SOUND + VARIANT.replace("BANDWIDTH=2000", "SCORE=1.0,BANDWIDTH=2000"))),
    "session-data": pair(
        more('#EXT-X-SESSION-DATA:DATA-ID="x",VALUE="1"'), more('#EXT-X-SESSION-DATA:DATA-ID="x",VALUE="1",URI="u"')
    ),
    "session-key": pair(
        more('#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="k"'), more('#EXT-X-SESSION-KEY:METHOD=NONE,URI="k"')
    ),
    "pathway": pair(more(STEERED.format(".")), more(STEERED.format("east"))),
    "variant-codecs": pair(GOOD, edited('CODECS="avc1.42c01e,mp4a.40.2",', "")),
    "variant-resolution": pair(GOOD, edited("RESOLUTION=640x360,", "")),
    "variant-average": pair(GOOD, edited("AVERAGE-BANDWIDTH=1500,", "")),
    "variant-frame-rate": pair(GOOD, edited("FRAME-RATE=25.000,", "")),
    "iframe-playlist": pair(
        multivariant.playlists(master(IFRAMES), {BASE + "i.m3u8": True}),
        multivariant.playlists(master(IFRAMES), {BASE + "i.m3u8": False}),
    ),
    "variant-independent": pair(
        multivariant.independence(FOUND, {BASE + "v.m3u8": False}),
        multivariant.independence(master(SOUND.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "")), {BASE + "v.m3u8": False}),
    ),
    "bandwidth": pair(
        multivariant.rates(FOUND, {BASE + "v.m3u8": 1500.0, BASE + "one.m3u8": 500.0, BASE + "two.m3u8": 400.0}),
        multivariant.rates(FOUND, {BASE + "v.m3u8": 1500.0, BASE + "one.m3u8": 400.0, BASE + "two.m3u8": 600.0}),
    ),
    "codecs-missing": pair(
        multivariant.codecs(FOUND, {BASE + "v.m3u8": ["avc1.42c01e"], BASE + "one.m3u8": ["mp4a.40.2"]}),
        multivariant.codecs(FOUND, {BASE + "v.m3u8": ["avc1.42c01e"], BASE + "one.m3u8": ["ec-3"]}),
    ),
    "codecs-differ": pair(
        multivariant.codecs(FOUND, {BASE + "v.m3u8": ["avc1.42C01E"]}),
        multivariant.codecs(FOUND, {BASE + "v.m3u8": ["avc1.640028"]}),
    ),
    "resolution-differs": pair(
        multivariant.resolution(FOUND, {BASE + "v.m3u8": (640, 360)}),
        multivariant.resolution(FOUND, {BASE + "v.m3u8": (1280, 720)}),
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_a_sound_playlist_breaks_nothing() -> None:
    assert GOOD == [] and more(OTHER_GROUP) == []


def test_audio_alone_needs_no_picture() -> None:
    alone = "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n" + VARIANT.replace("avc1.42c01e,", "")
    plain = alone.replace("RESOLUTION=640x360,FRAME-RATE=25.000,", "").replace(',AUDIO="a"', "")
    assert of(plain.replace(",CLOSED-CAPTIONS=NONE", "")) == []


def test_the_peak_is_over_runs_that_last_about_a_target_duration() -> None:
    """RFC 8216bis 4.1: 0.5 TD to 1.5 TD + 0.5 s; a short segment counts only with its neighbours."""
    assert multivariant.peak([(4, 1000), (1, 2000), (4, 1000)], 4) == pytest.approx(3000 * 8 / 5)
    assert multivariant.peak([(4, 1000), (4, 2000)], 4) == 4000
    assert multivariant.peak([(1, 2000)], 4) == 0


def test_session_data_is_unique_by_language() -> None:
    row = '#EXT-X-SESSION-DATA:DATA-ID="x",VALUE="1"'
    assert rules(more(f"{row}\n{row}")) == {"session-data"}
    assert more(f'{row}\n{row},LANGUAGE="fr"') == []
