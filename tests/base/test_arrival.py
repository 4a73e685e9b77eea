import msgspec
import pytest

from base.arrival import Completion, Piece


def test_a_completion_reads_back_as_itself() -> None:
    made = Completion(files=(Piece(number=1, bytes=9, name="a.mp4"),), last="long", bootstrap="1000,2000")
    assert msgspec.json.decode(msgspec.json.encode(made), type=Completion) == made


@pytest.mark.parametrize("body", ['{"files": []}', '{"files": [{"number": 0, "bytes": 1}]}', "{}"])
def test_a_completion_without_files_is_none(body: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Completion)
