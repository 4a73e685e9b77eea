"""The report."""

from node.probe.result import Result, Row, as_json, lines
from node.probe.rules import Finding


def made() -> Result:
    result = Result("http://o/x.m3u8", form="HLS media playlist", live=True, latency_s=1.234)
    result.rows.append(Row("/x.m3u8", "video 640x360", "avc1.42c01e", 12.0, 6, 4, "target 2 s"))
    result.add(Finding("target-exceeded", "http://o/x.m3u8", line, "3 s", "2 s at most") for line in range(1, 6))
    result.add([Finding("gzip", "http://o/x.m3u8", 0, "5000 bytes")])
    return result


def test_a_finding_is_kept_once() -> None:
    result = made()
    result.add(list(result.findings))
    assert len(result.findings) == 6 and result.musts == 5


def test_people_read_the_gravest_first_and_few_of_a_kind() -> None:
    text = "\n".join(lines(made()))
    assert text.index("MUST RFC 8216bis 4.4.3.1") < text.index("SHOULD Apple")
    assert "http://o/x.m3u8:1: 3 s (expected 2 s at most)" in text and "and 2 more" in text
    assert "behind the clock: 1.23 s" in text and "5 MUST, 1 SHOULD" in text


def test_machines_read_all_of_it() -> None:
    found = as_json(made())
    assert (found["must"], found["should"], len(found["findings"])) == (5, 1, 6)
    assert found["findings"][0] == {
        "rule": "target-exceeded",
        "level": "MUST",
        "section": "RFC 8216bis 4.4.3.1",
        "sentence": "no EXTINF, rounded, is over the target duration",
        "url": "http://o/x.m3u8",
        "line": 1,
        "seen": "3 s",
        "expected": "2 s at most",
    }
    assert found["renditions"][0]["codec"] == "avc1.42c01e" and found["latency_s"] == 1.234
