"""A sealed file is the old one or the new one, and damage is noticed before anything is believed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.errors import Unreadable
from rag_reasoner.retrieve.sealed import read_sealed, sweep_sealed, write_sealed

CONTENT = b'{"any": "bytes"}\n\x00\xff'


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "folder" / "thing.index"
    write_sealed(path, "thing", 3, CONTENT)
    return path


def test_what_was_written_is_read(sealed):
    assert read_sealed(sealed, "thing", 3) == CONTENT


def test_every_damaged_byte_is_noticed(sealed):
    whole = sealed.read_bytes()
    for place in range(len(whole)):
        sealed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Unreadable, match=r"thing\.index"):
            read_sealed(sealed, "thing", 3)


def test_every_truncation_is_noticed(sealed):
    whole = sealed.read_bytes()
    for size in range(len(whole)):
        sealed.write_bytes(whole[:size])
        with pytest.raises(Unreadable):
            read_sealed(sealed, "thing", 3)


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_refused_in_words(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("junk") / "thing.index"
    path.write_bytes(junk)
    with pytest.raises(Unreadable):
        read_sealed(path, "thing", 3)


def test_another_kind_another_version_and_a_missing_file_are_told_apart(sealed, tmp_path):
    with pytest.raises(Unreadable, match="not a file of the kind 'other'"):
        read_sealed(sealed, "other", 3)
    with pytest.raises(Unreadable, match="version '3', this release reads 4"):
        read_sealed(sealed, "thing", 4)
    with pytest.raises(Unreadable, match="No such file"):
        read_sealed(tmp_path / "missing", "thing", 3)


@pytest.mark.skipif(os.name != "posix", reason="who may read a file is said otherwise there")
def test_who_may_read_it_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_sealed(tmp_path / "file", "thing", 3, CONTENT)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_what_killed_writers_left_is_swept_up_and_nothing_else(sealed):
    for name in (f".{sealed.name}-1a", f".{sealed.name}", "other"):
        (sealed.parent / name).write_bytes(b"half")
    sweep_sealed(sealed)
    assert {path.name for path in sealed.parent.iterdir()} == {sealed.name, f".{sealed.name}", "other"}


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(sealed, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_sealed(sealed, "thing", 3, b"new")
    monkeypatch.undo()
    assert read_sealed(sealed, "thing", 3) == CONTENT
    assert list(sealed.parent.iterdir()) == [sealed]
