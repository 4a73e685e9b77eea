"""A playlist over time."""

import pytest

from node.probe import reloads
from node.probe.playlist import media, read
from node.probe.rules import Finding
from tests.node.probe.pairs import URL, Cases, live, pair, playlist, rules, shows, vod


def between(before: str, after: str) -> list[Finding]:
    return list(reloads.check(playlist(before), playlist(after)))


def short(first: int = 10, count: int = 8, skipped: int = 2, edit: tuple[str, str] = ("", ""), breaks: int = 0) -> str:
    """The delta update of `live(first, count)`."""
    lines = live(first, count, breaks=breaks).split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("#EXT-X-MAP"))
    kept = next(i for i, line in enumerate(lines) if line == f"{first + skipped - 1}.m4s") + 1
    text = "\n".join([*lines[:at], f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}", *lines[kept:]])
    return text.replace("VERSION:6", "VERSION:9").replace(*edit) if edit[0] else text


def delta(full: str, update: str) -> list[Finding]:
    return list(reloads.delta(playlist(full), media(read(update, URL))))


NOW, NEXT = live(), live(11)
FILM = vod()
BROKEN = ("#EXTINF:2.0,\n12.m4s", "#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\n12.m4s")
EVENT = NOW.replace("#EXT-X-MEDIA", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA")
CASES: Cases = {
    "reload-sequence": pair(between(NOW, NEXT), between(NEXT, NOW)),
    "reload-discontinuity": pair(
        between(live(breaks=1), live(11, breaks=1)), between(live(breaks=1), live(11, breaks=0))
    ),
    "reload-target": pair(between(NOW, NEXT), between(NOW, live(11, target=3))),
    "reload-segment": pair(between(NOW, NEXT), between(NOW, live(11, edit=("\n12.m4s", "\nother.m4s")))),
    "reload-part": pair(between(NOW, live(10, 8, 3)), between(NOW, live(10, 8, 3, edit=("17.1.m4s", "17.x.m4s")))),
    "reload-end": pair(between(NOW, NOW), between(NOW, live(10, 7))),
    "reload-removed": pair(between(EVENT, EVENT), between(EVENT, EVENT.replace("SEQUENCE:10", "SEQUENCE:11"))),
    "reload-ended": pair(
        between(FILM, FILM), between(FILM, FILM.replace("#EXT-X-ENDLIST", "#EXTINF:4,\n2.m4s\n#EXT-X-ENDLIST"))
    ),
    "reload-short": pair(between(live(10, 4), live(11, 3)), between(live(10, 3), live(11, 2))),
    "window-short": pair(between(live(10, 7), live(11, 6)), between(live(10, 6), live(11, 5))),
    "reload-late": pair(reloads.late(3.9, playlist(NOW)), reloads.late(4.1, playlist(NOW))),
    "hint-kept": pair(between(NOW, live(10, 8, 3)), between(NOW, live(10, 8, 3, edit=("18.2.m4s", "18.z.m4s")))),
    "block-answer": pair(reloads.blocked((18, 1), playlist(NOW), 0.1), reloads.blocked((18, 2), playlist(NOW), 0.1)),
    "block-part-alone": pair(
        reloads.refused("block-part-alone", URL, 400), reloads.refused("block-part-alone", URL, 200)
    ),
    "block-far": pair(reloads.refused("block-far", URL, 400), reloads.refused("block-far", URL, 404)),
    "block-long": pair(reloads.blocked((18, 1), playlist(NOW), 6.0), reloads.blocked((18, 1), playlist(NOW), 7.1)),
    "delta-equal": pair(delta(NOW, short()), delta(NOW, short(edit=("\n13.m4s", "\nx.m4s")))),
    "delta-boundary": pair(delta(NOW, short(skipped=2)), delta(NOW, short(skipped=5))),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NOW, NOW),
        (NOW, live(10, 8, 3)),
        (live(10, 8, 4), live(11, 8, 0)),  # the segment closed, the hint meant the next
        (live(10, 8, 4), live(11, 8, 1)),
        (NOW, live(30)),  # nothing in common
        (live(breaks=1, edit=BROKEN), live(11, breaks=1, edit=BROKEN)),
        (live(breaks=1, edit=BROKEN), live(13, breaks=2)),
    ],
)
def test_a_sound_reload_breaks_nothing(before: str, after: str) -> None:
    assert between(before, after) == []


def test_parts_leave_together() -> None:
    """6.2.1: EXT-X-PART tags of a segment may go, but not some of the last of them."""
    fewer = live(edit=('#EXT-X-PART:DURATION=0.5,URI="18.1.m4s"\n', ""))
    assert rules(between(NOW, fewer)) == {"reload-part"}


def test_a_break_takes_the_hint_back() -> None:
    after = live(10, 9, edit=("#EXTINF:2.0,\n18.m4s", "#EXTINF:2.0,\n18.m4s"))
    broken = after.replace('#EXT-X-PART:DURATION=0.5,URI="18.2.m4s"', '#EXT-X-PART:DURATION=0.5,URI="18.2.m4s",GAP=YES')
    assert between(NOW, broken) == []


def test_an_ended_playlist_answers_at_once() -> None:
    assert list(reloads.blocked((99, 0), playlist(vod()), 0.1)) == []


def test_a_full_playlist_is_a_fair_answer_to_who_asks_for_a_delta() -> None:
    assert delta(NOW, NOW) == []


def test_a_delta_of_a_window_that_has_moved_on() -> None:
    assert delta(NOW, short(11, skipped=2)) == []


def test_a_delta_does_not_skip_what_was_never_listed() -> None:
    assert rules(delta(live(20), short(40))) == {"delta-equal"}
