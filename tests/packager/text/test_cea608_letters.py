from packager.text import cea608_letters as letters


def test_letters() -> None:
    assert "".join(map(letters.basic, b"A'*\\^_`{|}~")) == "A’áéíóúç÷Ññ"
    assert (letters.special(0x37), letters.special(0x39), letters.special(0x3F)) == ("♪", "\u00a0", "û")
    assert (letters.extended(0x12, 0x21), letters.extended(0x13, 0x34)) == ("É", "ß")
    assert all(letters.extended(first, second) for first in (0x12, 0x13) for second in range(0x20, 0x40))
