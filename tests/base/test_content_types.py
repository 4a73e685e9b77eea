"""Media types."""

from base.content_types import CONTENT_TYPE
from base.names import Leaf


def test_every_sort_of_object_has_a_media_type() -> None:
    assert set(CONTENT_TYPE) == set(Leaf)
