"""From one state of a store to the next: what is dead, what is merged, what is indexed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rag_reasoner.retrieve.store.base import PageVectors
from rag_reasoner.retrieve.store.manifest import Manifest, SegmentEntry
from rag_reasoner.retrieve.store.segment import Segment
from rag_reasoner.retrieve.store.sketch_index import build, faiss_is_here, write
from rag_reasoner.retrieve.store.snapshot import Snapshot
from rag_reasoner.retrieve.store.writer import LARGEST_SEGMENT, merged, new_name, written

FAN = 8
"""So many segments of about one size become one: a page is copied once for every eightfold growth of the store."""

SMALLEST = 1 << 22
"""Segments of fewer bytes are all of one size."""

INDEXED_PAGES = 8192
"""Fewer pages than this have no index: all their sketches are compared in the time that an index takes."""

_OUTDATED = 4

Dead = Mapping[str, set[int]]
"""The places of the dead pages of each segment."""


def with_pages(before: Snapshot, pages: Iterable[PageVectors]) -> Manifest:
    """The state after `pages` took the place of those with their ids. Their segments are on the disk then."""
    entries: list[SegmentEntry] = []
    dead: dict[str, set[int]] = defaultdict(set)
    newest: dict[str, tuple[str, int]] = {}
    for entry, ids in written(before.folder, before.manifest.identity, pages):
        entries.append(entry)
        for place, page in enumerate(ids):
            _replace(newest, page, (entry.name, place), dead)
    for place in (before.by_id[page] for page in newest if page in before.by_id):
        _kill(before, place, dead)
    return _after(before.manifest, [*before.manifest.segments, *entries], dead)


def without(before: Snapshot, places: Iterable[int]) -> Manifest:
    """The state after the pages at `places` were forgotten."""
    dead: dict[str, set[int]] = defaultdict(set)
    for place in places:
        _kill(before, place, dead)
    return _after(before.manifest, before.manifest.segments, dead)


def tidied(manifest: Manifest, folder: Path, known: Mapping[str, Segment]) -> Manifest:
    """`manifest` with fewer segments: the empty ones dropped, the half-dead rewritten, many small ones made one."""
    entries = [entry for entry in manifest.segments if len(entry.dead) < entry.pages]
    while chosen := _to_merge(entries):
        parts = [(_opened(entry, manifest, folder, known), _living(entry)) for entry in chosen]
        entries = [entry for entry in entries if entry not in chosen]
        entries.append(merged(folder, manifest.identity, parts))
    return replace(manifest, segments=tuple(entries))


def indexed(manifest: Manifest, folder: Path, known: Mapping[str, Segment]) -> Manifest:
    """`manifest` with a new index, if the one it has leaves out a quarter of the sketches of a large store."""
    covered = {name for name, _ in manifest.proposals.segments} if manifest.proposals else set()
    left_out = sum(entry.sketches for entry in manifest.segments if entry.name not in covered)
    pages = sum(entry.pages - len(entry.dead) for entry in manifest.segments)
    if pages < INDEXED_PAGES:
        return replace(manifest, proposals=None)
    if not faiss_is_here() or _OUTDATED * left_out <= sum(entry.sketches for entry in manifest.segments):
        return manifest
    parts = [_opened(entry, manifest, folder, known).sketches for entry in manifest.segments]
    content = build(parts, manifest.identity.dim)
    names = ((entry.name, entry.sketches) for entry in manifest.segments)
    return replace(manifest, proposals=write(folder, new_name(), content, names))


def _opened(entry: SegmentEntry, manifest: Manifest, folder: Path, known: Mapping[str, Segment]) -> Segment:
    return known.get(entry.name) or Segment(folder, entry, manifest.identity)


def _to_merge(entries: Sequence[SegmentEntry]) -> list[SegmentEntry]:
    """Segments that should be one: FAN of a size that is not yet large, else one that is half dead; else none."""
    of_size: dict[int, list[SegmentEntry]] = defaultdict(list)
    for entry in entries:
        if entry.size < LARGEST_SEGMENT // FAN:
            of_size[_magnitude(entry)].append(entry)
    many = next((alike for alike in of_size.values() if len(alike) >= FAN), [])
    return many or [entry for entry in entries if 2 * len(entry.dead) > entry.pages][:1]


def _magnitude(entry: SegmentEntry) -> int:
    """How often `entry` can be divided by FAN until it is small."""
    steps, size = 0, entry.size
    while size > SMALLEST:
        steps, size = steps + 1, size // FAN
    return steps


def _living(entry: SegmentEntry) -> list[int]:
    dead = set(entry.dead)
    return [place for place in range(entry.pages) if place not in dead]


def _replace(newest: dict[str, tuple[str, int]], page: str, at: tuple[str, int], dead: Mapping[str, set[int]]) -> None:
    """Note that `page` is now at `at`; where it was in this batch before is dead."""
    if page in newest:
        name, place = newest[page]
        dead[name].add(place)
    newest[page] = at


def _kill(before: Snapshot, place: int, dead: Mapping[str, set[int]]) -> None:
    segment, local = before.at(place)
    dead[segment.name].add(local)


def _after(manifest: Manifest, entries: Iterable[SegmentEntry], dead: Dead) -> Manifest:
    """`manifest` with these segments, in which `dead` are dead too."""
    marked = (replace(entry, dead=tuple(sorted({*entry.dead, *dead.get(entry.name, ())}))) for entry in entries)
    return replace(manifest, segments=tuple(marked))
