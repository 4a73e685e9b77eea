from packager.text.ttml_styles import Styles
from packager.text.ttml_tree import Node, parse

HEAD = b"""<tt xmlns="http://www.w3.org/ns/ttml"
xmlns:tts="http://www.w3.org/ns/ttml#styling" tts:extent="1280px 720px">
<head><styling><style xml:id="a" tts:color="red" tts:fontStyle="italic"/>
<style xml:id="b" style="a missing" tts:color="blue"/></styling>
<layout><region xml:id="r" style="a" tts:origin="0% 0%"><style tts:extent="50% 50%"/>
<style tts:origin="1% 1%"/></region></layout></head></tt>"""


def styles() -> Styles:
    root = parse(HEAD)
    return Styles(root, root.find("head"))


def test_own_before_referred_before_inherited() -> None:
    node = Node("p", 1, {"style": "b", "tts:fontWeight": "bold"})
    assert styles().of(node, {"fontStyle": "normal", "textAlign": "left", "origin": "9% 9%"}) == {
        "textAlign": "left", "fontStyle": "italic", "color": "blue", "fontWeight": "bold",
    }  # fmt: skip


def test_a_region_has_the_styles_that_are_nested_in_it() -> None:
    found = styles().region("r")
    assert (found["origin"], found["extent"], found["color"]) == ("0% 0%", "50% 50%", "red")
    assert styles().region("missing") == {} and styles().root_size == (1280, 720, 32, 15)
