"""Bad input is named by file, line, row and value, and never costs a good row."""

import gzip
import json
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.line import as_line, read_line
from rag_reasoner_train.rows.reading import RowFiles, read_rows
from small_rows import LINE, hostile_rows, written

from rag_reasoner.errors import InvalidInput


def without(name):
    return {key: value for key, value in LINE.items() if key != name}


def candidate(**changes):
    return {**LINE, "candidates": [*LINE["candidates"], {"id": "z", "text": "x", **changes}]}


BAD = {
    "relevant id not among the candidates": (
        {**LINE, "relevant": ["b", "nowhere"]},
        "relevant id 'nowhere' is not among",
    ),
    "relevant id twice": ({**LINE, "relevant": ["b", "b"]}, "names 'b' twice"),
    "grade of nothing": ({**LINE, "relevant": {"b": 0}}, "the grade of 'b' is 0.0"),
    "grade below nothing": ({**LINE, "relevant": {"b": -1}}, "the grade of 'b' is -1.0"),
    "empty answer": ({**LINE, "answers": ["1962", " "]}, "an answer is empty: ['1962', ' ']"),
    "answers without a relevant candidate": ({**LINE, "relevant": []}, "no relevant candidate"),
    "two candidates with one id": (candidate(id="a"), "two candidates have the id 'a'"),
    "no candidate": ({**LINE, "candidates": [], "relevant": []}, "there is no candidate"),
    "empty question": ({**LINE, "question": " \n"}, "the question is empty: ' \\n'"),
    "no question": (without("question"), "question: Field required"),
    "no candidates": (without("candidates"), "candidates: Field required"),
    "question that is no text": (
        {**LINE, "question": ["when?"]},
        "question: Input should be a valid string: ['when?']",
    ),
    "candidate with nothing to judge": (candidate(text=" "), "candidate 'z' has neither text nor image"),
    "candidate without id": (candidate(id=""), "candidates.3.id"),
    "image outside": (candidate(image="../secret.png"), "the image of candidate 'z' must be a path below the folder"),
    "image anywhere": (candidate(image="/etc/passwd"), "not '/etc/passwd'"),
    "image from the network": (candidate(image="http://127.0.0.1/x.png"), "must be a path below"),
    "image that is not there": (candidate(image="no.png"), "the image of candidate 'z' cannot be read"),
    "image that is none": (candidate(image="train.jsonl"), "the image of candidate 'z' cannot be read"),
    "page 0": (candidate(page=0), "candidates.3.page"),
    "half a line": ('{"id": "r1", "question": ', "it is not JSON"),
    "no object": ("[1, 2]", "Input should be an object"),
    "half a surrogate pair": ('{"id": "r1", "question": "\\ud800"}', "it is not JSON"),
    "a deep nest": ('{"id": ' + "[" * 100_000, "it is not JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_stops_the_reading_and_is_named(tmp_path, case):
    line, reason = BAD[case]
    folder = written(tmp_path, [{**LINE, "id": "good"}, line])
    with pytest.raises(BadRow) as raised:
        list(read_rows(folder))
    assert str(raised.value).startswith(f"{folder / 'train.jsonl'}, line 2")
    assert reason in str(raised.value)
    if isinstance(line, dict):
        assert "(row 'r1')" in str(raised.value)


def test_skipping_loses_only_the_bad_rows_and_keeps_each_reason(tmp_path):
    lines = [one for number, (line, _) in enumerate(BAD.values()) for one in (line, {**LINE, "id": f"good {number}"})]
    folder = written(tmp_path, lines)
    bad = []
    found = list(RowFiles((folder,), on_bad=bad.append))
    assert [row.id for row in found] == [f"good {number}" for number in range(len(BAD))]
    assert len(bad) == len(BAD)
    assert [(one.where, reason in one.reason) for one, (_, reason) in zip(bad, BAD.values(), strict=True)] == [
        (f"{folder / 'train.jsonl'}, line {2 * number + 1}", True) for number in range(len(BAD))
    ]


def test_an_id_used_twice_is_named_with_both_places(tmp_path):
    one, other = written(tmp_path / "one", [LINE]), written(tmp_path / "other", [{**LINE, "id": "r2"}, LINE])
    with pytest.raises(BadRow) as raised:
        list(RowFiles((one, other)))
    assert str(raised.value) == (
        f"{other / 'train.jsonl'}, line 2 (row 'r1'): this id was used before, at {one / 'train.jsonl'}, line 1"
    )


def test_an_image_through_a_link_that_leads_out_is_refused(tmp_path):
    pillow.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    folder = written(tmp_path / "rows", [candidate(image="inside.png")])
    (folder / "inside.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(BadRow, match=r"\(row 'r1'\): the image of candidate 'z' cannot be read: .*outside the folders"):
        list(read_rows(folder))


@pytest.mark.parametrize("damage", [b"\x89PNG\r\n\x1a\n", b""])
def test_a_damaged_image_is_named(tmp_path, damage):
    folder = written(tmp_path, [candidate(image="broken.png")])
    (folder / "broken.png").write_bytes(damage)
    with pytest.raises(BadRow, match=r"the image of candidate 'z' cannot be read"):
        list(read_rows(folder))


def test_images_are_read_below_the_folder_and_unread_images_can_be_left_for_later(tmp_path):
    folder = written(tmp_path, [candidate(image="pages/p1.png"), {**candidate(image="no.png"), "id": "r2"}])
    (folder / "pages").mkdir()
    pillow.new("RGB", (30, 20)).save(folder / "pages/p1.png")
    first, second = read_rows(folder, images=False)
    assert first.candidates[3].image.path == str(folder / "pages/p1.png")
    assert second.candidates[3].image.path == str(folder / "no.png")
    assert next(iter(read_rows(folder))) == first


def test_plain_packed_and_marked_files_give_the_same_rows(tmp_path):
    text = "".join(json.dumps({**LINE, "id": str(n), "set": "s"}) + "\n" for n in range(5)).encode()
    forms = {
        "plain": ("train.jsonl", text),
        "gz": ("train.jsonl.gz", gzip.compress(text)),
        "xz": ("train.jsonl.xz", lzma.compress(text)),
        "bom": ("train.jsonl", b"\xef\xbb\xbf" + text),
        "windows": ("train.jsonl", text.replace(b"\n", b"\r\n")),
        "blank lines": ("train.jsonl", text.replace(b"\n", b"\n\n \n")),
    }
    for name, (file, content) in forms.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(content)
    found = [list(read_rows(tmp_path / name)) for name in forms]
    assert [row.id for row in found[0]] == list("01234")
    assert all(rows == found[0] for rows in found)


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (lzma.compress, ".xz")])
def test_a_packed_file_cut_short_gives_the_rows_before_the_cut_and_says_so(tmp_path, pack, suffix):
    rows = [{**LINE, "id": str(n), "noise": [hash((n, k)) for k in range(60)]} for n in range(200)]
    packed = pack("".join(json.dumps(row) + "\n" for row in rows).encode())
    path = tmp_path / f"train.jsonl{suffix}"
    path.write_bytes(packed[: len(packed) // 2])
    bad = []
    found = list(RowFiles((tmp_path,), on_bad=bad.append))
    assert [row.id for row in found] == [str(n) for n in range(len(found))]
    assert 0 < len(found) < 200
    assert bad[-1].where == f"{path}, after line {len(found)}" or "not JSON" in bad[-1].reason or len(bad) == 2
    assert any("damaged from here on" in one.reason for one in bad)
    with pytest.raises(BadRow, match=r"damaged from here on|not JSON"):
        list(read_rows(tmp_path))


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_missing_file_is_named(tmp_path, split):
    with pytest.raises(InvalidInput, match=rf"{split}\.jsonl is missing"):
        list(read_rows(tmp_path, split))


def test_what_a_row_says_beside_is_kept_and_written_back(tmp_path):
    line = {**candidate(modality="table", bm25_rank=3, page=2, source="x.pdf"), "derivation": "1+1", "set": "mine"}
    row = read_line(json.dumps(line).encode(), tmp_path, "here")
    assert row.extra == {"derivation": "1+1", "set": "mine"}
    assert row.candidates[3].metadata == {"modality": "table", "bm25_rank": 3}
    assert as_line(row, tmp_path) == line


def test_numbers_as_ids_are_texts(tmp_path):
    line = {**LINE, "id": 7, "candidates": [{"id": 1, "text": "The museum opened in 1962."}], "relevant": [1]}
    row = read_line(json.dumps(line).encode(), tmp_path, "here")
    assert (row.id, row.candidates[0].id, dict(row.relevant)) == ("7", "1", {"1": 1.0})


@given(hostile_rows())
def test_a_row_reads_back_as_it_was_written(tmp_path_factory, row):
    folder = tmp_path_factory.getbasetemp()
    assert read_line(json.dumps(as_line(row, folder)).encode(), folder, "here") == row


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_a_line_holds_it_is_a_row_or_a_bad_row(tmp_path_factory, line):
    with pytest.raises(BadRow):
        read_line(line, tmp_path_factory.getbasetemp(), "here")
