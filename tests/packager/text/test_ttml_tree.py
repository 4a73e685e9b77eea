from packager.text.ttml_tree import parse


def test_elements_keep_their_lines_and_known_attributes() -> None:
    root = parse(
        b'<t:tt xmlns:t="http://www.w3.org/ns/ttml" xmlns:s="http://www.w3.org/ns/ttml#styling"\n xml:lang="de" '
        b'xmlns:o="urn:other" o:odd="1" s:color="red">\n<t:body>text<o:thing/></t:body></t:tt>'
    )
    assert root.attributes == {"xml:lang": "de", "tts:color": "red"}
    body = root.find("body")
    assert body is not None and body.line == 3 and body.children[0] == "text"
    assert [child.tag for child in body.children[1:]] == [""] and root.all("body") == [body]
