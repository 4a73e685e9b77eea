import pytest

from packager.text.cues import Place
from packager.text.ttml_regions import place_of, text_align

SIZE = (1280, 720, 32, 15)


@pytest.mark.parametrize(
    "origin, extent, shown, align, where",
    [
        ("10% 80%", "80% 15%", "after", "", Place()),
        ("10% 10%", "80% 10%", "before", "", Place(line="10%")),
        ("10% 10%", "80% 10%", "after", "", Place(line="20%,end")),
        ("0% 0%", "100% 100%", "center", "", Place(line="50%,center")),
        ("10% 0%", "50% 50%", "before", "left", Place(line="0%", position="10%,line-left", align="left")),
        ("10% 0%", "50% 50%", "before", "end", Place(line="0%", position="60%,line-right", align="end")),
        ("128px 72px", "1024px 72px", "before", "", Place(line="10%")),
        ("0c 3c", "32c 3c", "before", "", Place(line="20%")),
        ("auto", "80% 10%", "before", "left", Place(align="left")),
        ("0em 0em", "1em 1em", "before", "", Place()),
    ],
)
def test_places(origin: str, extent: str, shown: str, align: str, where: Place) -> None:
    assert place_of({"origin": origin, "extent": extent, "displayAlign": shown}, align, SIZE) == where


def test_pixels_mean_nothing_without_a_size() -> None:
    assert place_of({"origin": "1px 1px", "extent": "2px 2px"}, "", (0, 0, 32, 15)) == Place()


def test_alignment_of_the_text_before_that_of_the_region() -> None:
    assert text_align({"textAlign": "right"}, {"textAlign": "left"}) == "right"
    assert text_align({}, {"textAlign": "center"}) == "" and text_align({}, {"textAlign": "start"}) == "start"
