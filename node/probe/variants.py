"""A multivariant playlist as a value: its variants and renditions (RFC 8216bis 4.4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

from node.probe.playlist import Document, Tag, Uri


@dataclass(frozen=True, slots=True)
class Variant:
    """`uri` is empty where no URI line follows."""

    tag: Tag
    uri: str
    iframes: bool = False


@dataclass(frozen=True, slots=True)
class Multivariant:
    document: Document
    variants: tuple[Variant, ...]
    renditions: tuple[Tag, ...]

    def absolute(self, uri: str) -> str:
        return urljoin(self.document.url, uri)

    def members(self, kind: str, group: str) -> list[Tag]:
        return [tag for tag in self.renditions if tag.get("TYPE") == kind and tag.get("GROUP-ID") == group]

    @property
    def playlists(self) -> list[str]:
        """The absolute URLs of all media playlists, each once, in order."""
        uris = [v.uri for v in self.variants if not v.iframes] + [t.get("URI") for t in self.renditions]
        uris += [v.uri for v in self.variants if v.iframes]
        return list(dict.fromkeys(self.absolute(uri) for uri in uris if uri))


def multivariant(document: Document) -> Multivariant:
    variants: list[Variant] = []
    rows = document.rows
    for at, row in enumerate(rows):
        if not isinstance(row, Tag):
            continue
        if row.name == "EXT-X-STREAM-INF":
            after = rows[at + 1] if at + 1 < len(rows) else None
            variants.append(Variant(row, after.text if isinstance(after, Uri) else ""))
        elif row.name == "EXT-X-I-FRAME-STREAM-INF":
            variants.append(Variant(row, row.get("URI"), iframes=True))
    return Multivariant(document, tuple(variants), tuple(document.all("EXT-X-MEDIA")))
