"""One media playlist as it stands."""

import pytest

from node.probe import media
from node.probe.rules import Finding
from tests.node.probe.pairs import CONTROL, Cases, live, pair, playlist, rules, shows, vod


def of(source: str) -> list[Finding]:
    return list(media.check(playlist(source)))


def edited(old: str, new: str, times: int = 1) -> list[Finding]:
    source = live()
    assert old in source
    return of(source.replace(old, new, times))


def key(attributes: str) -> list[Finding]:
    return of(vod(head=f"#EXT-X-KEY:{attributes}"))


def ranged(attributes: str) -> list[Finding]:
    dated = "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n"
    return of(vod(head=f'{dated}#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:10Z"{attributes}'))


GOOD, FILM = of(live()), of(vod())
DATE = "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:20.000Z"
PLAIN = "\n".join(line for line in live().split("\n") if not line.startswith(("#EXT-X-PART", "#EXT-X-PRELOAD")))
UNDATED = "\n".join(line for line in live().split("\n") if "DATE-TIME" not in line)
CASES: Cases = {
    "target-missing": pair(FILM, of(vod().replace("#EXT-X-TARGETDURATION:4\n", ""))),
    "target-exceeded": pair(of(vod("#EXTINF:4.49,", "0.m4s")), of(vod("#EXTINF:4.5,", "0.m4s"))),
    "extinf-missing": pair(FILM, of(vod("#EXTINF:4,", "0.m4s", "1.m4s"))),
    "sequence-place": pair(GOOD, of(vod("#EXTINF:4,", "0.m4s", "#EXT-X-MEDIA-SEQUENCE:0"))),
    "discontinuity-sequence-place": pair(
        GOOD, of(vod("#EXTINF:4,", "0.m4s", "#EXT-X-DISCONTINUITY-SEQUENCE:0", "#EXTINF:4,", "1.m4s"))
    ),
    "skip-boundary": pair(GOOD, edited("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=11")),
    "skip-dateranges": pair(
        of(live(control=CONTROL + ",CAN-SKIP-DATERANGES=YES")), edited("CAN-SKIP-UNTIL=12", "CAN-SKIP-DATERANGES=YES")
    ),
    "hold-back": pair(of(live(control=CONTROL + ",HOLD-BACK=6")), of(live(control=CONTROL + ",HOLD-BACK=5"))),
    "part-hold-back": pair(GOOD, edited(",PART-HOLD-BACK=1.5", "")),
    "part-hold-back-low": pair(GOOD, edited("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.2")),
    "part-inf": pair(GOOD, edited("#EXT-X-PART-INF:PART-TARGET=0.5\n", "")),
    "part-long": pair(GOOD, edited("DURATION=0.5,", "DURATION=0.51,")),
    "part-short": pair(GOOD, edited('DURATION=0.5,URI="16.1', 'DURATION=0.4,URI="16.1')),
    "part-sum": pair(GOOD, edited('DURATION=0.5,URI="16.3', 'DURATION=0.3,URI="16.3')),
    "part-head": pair(GOOD, edited("#EXTINF:2.0,\n17.m4s", "#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\n17.m4s")),
    "part-old": pair(
        GOOD,
        edited("#EXTINF:2.0,\n10.m4s", '#EXT-X-PART:DURATION=2,URI="a"\n#EXTINF:2.0,\n10.m4s'),
    ),
    "hint-once": pair(GOOD, of(live(tail='#EXT-X-PRELOAD-HINT:TYPE=PART,URI="x"'))),
    "hint-ended": pair(GOOD, of(live(tail="#EXT-X-ENDLIST"))),
    "hint-missing": pair(GOOD, edited("#EXT-X-PRELOAD-HINT:TYPE=PART", "#EXT-X-PRELOAD-HINT:TYPE=MAP")),
    "date-low-latency": pair(GOOD, of(UNDATED)),
    "date-live": pair(of(PLAIN), of("\n".join(line for line in PLAIN.split("\n") if "DATE-TIME" not in line))),
    "date-syntax": pair(GOOD, edited(DATE, DATE.removesuffix("Z"))),
    "date-order": pair(GOOD, edited(DATE, DATE.replace("20.000", "20.500"))),
    "key": pair(key('METHOD=AES-128,URI="k",IV=0x' + "0" * 32), key("METHOD=AES-128")),
    "byterange": pair(
        of(vod("#EXTINF:4,", "#EXT-X-BYTERANGE:5@0", "a", "#EXTINF:4,", "#EXT-X-BYTERANGE:5", "a")),
        of(vod("#EXTINF:4,", "#EXT-X-BYTERANGE:5@0", "a", "#EXTINF:4,", "#EXT-X-BYTERANGE:5", "b")),
    ),
    "daterange-date": pair(ranged(""), of(vod(head='#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:10Z"'))),
    "daterange": pair(ranged(',END-DATE="2026-01-01T00:00:10Z"'), ranged(',END-DATE="2026-01-01T00:00:09Z"')),
    "start-live": pair(
        of(live().replace("#EXT-X-INDEP", "#EXT-X-START:TIME-OFFSET=-8\n#EXT-X-INDEP")),
        of(live().replace("#EXT-X-INDEP", "#EXT-X-START:TIME-OFFSET=-3\n#EXT-X-INDEP")),
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_sound_playlists_break_nothing() -> None:
    assert GOOD == [] and FILM == [] and of(PLAIN) == []
    assert of(live(open_parts=0)) == []


@pytest.mark.parametrize(
    "attributes",
    [
        'METHOD=NONE,URI="k"',
        'METHOD=AES-256-GCM,URI="k",IV=0x00',
        'METHOD=ROT-13,URI="k"',
        'METHOD=AES-128,URI="k",IV=0x' + "0" * 33,
    ],
)
def test_keys_that_cannot_be(attributes: str) -> None:
    assert rules(key(attributes)) == {"key"}


@pytest.mark.parametrize(
    "attributes",
    [
        ',CUE="PRE,POST"',
        ",END-ON-NEXT=YES",
        ',END-DATE="2026-01-01T00:00:20Z",DURATION=5',
        '\n#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:11Z"',
    ],
)
def test_date_ranges_that_cannot_be(attributes: str) -> None:
    assert rules(ranged(attributes)) == {"daterange"}


def test_a_second_tag_may_add_to_a_date_range() -> None:
    assert ranged('\n#EXT-X-DATERANGE:ID="a",DURATION=5') == []


def test_a_short_part_is_free_before_a_gap_and_at_the_end() -> None:
    last = edited('DURATION=0.5,URI="18.1', 'DURATION=0.1,URI="18.1')
    assert rules(last) == set()
