"""Files in, pages as pictures, questions out: what the page asks of the server, asked without a browser."""

import asyncio
import io
import re
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from asked import ONE, OTHER, QUESTION, REPORT, ask, names, put, result
from fakes import Mute, Perfect
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hostile_pdfs import HOSTILE, self_drawing_form
from PIL import Image
from small_pdf import Page, pdf, text

from rag_reasoner import ReasoningReranker
from rag_reasoner.errors import BackendError
from rag_reasoner.pages import roots
from rag_reasoner.results import Result
from rag_reasoner.server.app import create_app
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.told import tell
from rag_reasoner.server.web import routes as web
from rag_reasoner.server.web.held import Held
from rag_reasoner.server.web.replied import ask_reply
from rag_reasoner.server.web.room import Room
from rag_reasoner.server.web.shelf import Shelf
from rag_reasoner.types import Answer, Candidate, Document, Dropped, Fault

EXAMPLES = Path(__file__).parents[3] / "examples" / "pdfs"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where temporary folders are made."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


@pytest.fixture
def client():
    with TestClient(create_app(ReasoningReranker("lexical"))) as client:
        client.headers.update(ONE)
        yield client


def roomy(model="lexical", **room):
    """A client of an application that is nothing but the page."""
    app = FastAPI()
    app.include_router(web.router(ReasoningReranker(model, keep="all"), ServerSettings(), Room(**room)))
    app.add_exception_handler(Problem, tell)
    return TestClient(app, headers=ONE)


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file() and "rag-reasoner-" in str(path)]


def darkest(picture, box):
    """The darkest of the pixels in `box`."""
    left, top, right, bottom = box
    area = (left * picture.width, top * picture.height, right * picture.width, bottom * picture.height)
    return picture.crop(tuple(map(int, area))).getextrema()[0]


def test_a_file_is_read_and_asked_and_its_quote_has_boxes_on_the_picture(client):
    held = put(client).json()
    assert (held["name"], held["pages"], held["unread"]) == ("report.pdf", 2, [])
    told = ask(client)
    assert {name for name, _ in told} == {"found", "step", "text", "result"}
    assert told[0][1] == {"files": 1, "pages": 2, "found": 1}
    best = told[-1][1]["ranked"][0]
    assert (best["place"]["page"], best["place"]["file"], best["place"]["picture"]) == (2, held["id"], 2)
    (quote,) = best["quotes"]
    assert (quote["verified"], quote["quote"]) == ("exact", "The bridge was opened in 1932 by the mayor.")
    reply = client.get(f"/v1/documents/{held['id']}/pages/2.png")
    picture = Image.open(io.BytesIO(reply.content)).convert("L")
    assert darkest(picture, quote["boxes"][0]) < 100  # letters stand in the box
    assert darkest(picture, (0, 0.5, 1, 1)) > 250  # and only there


def test_the_answer_cites_by_rank_and_each_citation_can_be_opened(client):
    put(client)
    answer = result(client)["answer"]
    assert re.findall(r"\[(\d+)\]", answer["text"]) == ["1"]
    assert (answer["quotes"][0]["rank"], answer["quotes"][0]["place"]["picture"]) == (1, 2)


def test_a_real_report_is_asked(client):
    name = "opm-fy2019-annual-performance-report.pdf"
    assert put(client, name, (EXAMPLES / name).read_bytes()).json()["pages"] == 72
    found = result(client, "How many cases were in the inventory in FY 2015?", top_n=3)
    assert [one["rank"] for one in found["ranked"]] == [1, 2, 3]
    assert 41 in [one["place"]["page"] for one in found["ranked"]]
    assert len(found["dropped"]) == 17
    assert "beyond top_n=3" in found["dropped"][0]["reason"]


def test_what_stands_around_a_quote_is_told_in_whole_words(client):
    before, after = text("word " * 100, size=1), text(" words" * 100, y=500, size=1)
    put(client, content=pdf(Page(before + text(". The bridge was opened in 1932.", y=600) + after)))
    (quote,) = result(client)["ranked"][0]["quotes"]
    assert quote["before"].startswith("… word ")
    assert quote["after"].endswith("words …")


def test_an_image_and_a_text_are_taken_too(client):
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(out, "PNG")
    image = put(client, "photo.png", out.getvalue()).json()
    assert image["unread"] == ["1 page without text: found and checked by eye only"]
    drawn = Image.open(io.BytesIO(client.get(f"/v1/documents/{image['id']}/pages/1.png").content))
    assert (drawn.size, drawn.getpixel((5, 5))) == ((60, 40), (255, 0, 0))
    notes = put(client, "notes.md", b"The bridge was opened in 1932.").json()
    place = result(client)["ranked"][0]["place"]
    assert (place["file"], place["page"], place["picture"]) == (notes["id"], None, None)
    assert client.get(f"/v1/documents/{notes['id']}/pages/1.png").status_code == 404


def test_only_the_files_that_are_named_are_asked(client):
    put(client, "one.pdf")
    two = put(client, "two.pdf").json()["id"]
    assert {one["place"]["name"] for one in result(client)["ranked"]} == {"one.pdf", "two.pdf"}
    assert {one["place"]["name"] for one in result(client, documents=[two])["ranked"]} == {"two.pdf"}


def test_two_files_of_one_name_are_told_apart(client):
    assert [put(client, "a.pdf").json()["name"] for _ in range(3)] == ["a.pdf", "a (2).pdf", "a (3).pdf"]
    assert [one["place"]["name"] for one in result(client)["ranked"]] == ["a (2).pdf", "a (3).pdf", "a.pdf"]


def test_a_file_that_is_removed_is_gone_from_the_disk(client, folder):
    id = put(client).json()["id"]
    (path,) = files_in(folder)
    assert str(path.resolve()) in roots._granted
    assert client.delete(f"/v1/documents/{id}").status_code == 204
    assert files_in(folder) == []
    assert str(path.resolve()) not in roots._granted
    assert client.delete(f"/v1/documents/{id}").status_code == 404
    assert client.post("/v1/documents/ask", json={"question": QUESTION}).json()["error"] == "no_files"


def test_nothing_is_left_when_the_server_ends(folder):
    with TestClient(create_app(ReasoningReranker("lexical")), headers=ONE) as client:
        put(client)
        assert len(files_in(folder)) == 1
    assert not [path for path in folder.iterdir() if path.name.startswith("rag-reasoner-")]


def test_nobody_sees_the_files_of_another(client):
    id = put(client).json()["id"]
    assert client.get("/v1/documents", headers=OTHER).json()["files"] == []
    for reply in (
        client.get(f"/v1/documents/{id}/pages/1.png", headers=OTHER),
        client.delete(f"/v1/documents/{id}", headers=OTHER),
        client.post("/v1/documents/ask", json={"question": QUESTION, "documents": [id]}, headers=OTHER),
    ):
        assert (reply.status_code, reply.json()["error"]) == (404, "gone")
    assert names(client) == ["report.pdf"]


@pytest.mark.parametrize("workspace", ["", "short", "a" * 65, "../" * 10, "é" * 30])
def test_a_workspace_is_a_long_random_word(client, workspace):
    reply = client.get("/v1/documents", headers={"X-Workspace": workspace.encode()})
    assert (reply.status_code, reply.json()["error"]) == (400, "no_workspace")


def test_ids_cannot_be_guessed(client):
    ids = {put(client, f"{number}.txt", b"words").json()["id"] for number in range(8)}
    assert len(ids) == 8
    assert all(len(id) >= 22 for id in ids)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\x\\report.PDF", "report.PDF"),
        ("/", None),
        ("", None),
        ("a\u202efdp.exe.pdf", "a�fdp.exe.pdf"),
        ("line\nbreak\x00.pdf", "line break�.pdf"),
        ("<img src=x onerror=alert(1)>.pdf", "<img src=x onerror=alert(1)>.pdf"),
        ("x" * 400 + ".pdf", "x" * 115 + "….pdf"),
        ("日本語.pdf", "日本語.pdf"),
    ],
)
def test_a_files_name_is_for_people_and_never_a_path(client, folder, name, shown):
    reply = put(client, name)
    if shown is None:
        assert (reply.status_code, reply.json()["error"]) == (422, "no_name")
        return
    assert reply.json()["name"] == shown
    (path,) = files_in(folder)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}\.pdf", path.name)


@pytest.mark.parametrize("name", ["program.exe", "page.html", "pdf", "picture.svg"])
def test_other_kinds_of_files_are_refused_with_those_that_are_read(client, name):
    reply = put(client, name)
    assert reply.status_code == 415
    assert ".pdf" in reply.json()["message"]


def test_a_file_larger_than_may_be_is_refused():
    with TestClient(create_app(ReasoningReranker("lexical"), ServerSettings(max_body=1000)), headers=ONE) as client:
        assert put(client, content=REPORT + b" " * 1000).status_code == 413
        assert names(client) == []


@pytest.mark.hostile
@pytest.mark.parametrize(
    "name", ["a header and noise", "encrypted", "no bytes", "a form that draws itself", "100,000 pages"]
)
def test_a_hostile_file_is_a_message_and_the_next_one_is_read(client, folder, name):
    reply = put(client, "evil.pdf", HOSTILE[name]())
    if reply.status_code == 201:
        assert reply.json()["unread"]
    else:
        assert (reply.status_code, reply.json()["error"]) == (422, "unreadable")
        assert reply.json()["message"].startswith("evil.pdf: ")
        assert files_in(folder) == []
    assert str(folder) not in reply.text
    assert put(client).status_code == 201
    assert result(client)["ranked"][0]["place"]["page"] == 2


@pytest.mark.hostile
def test_a_bad_page_is_told_and_the_others_are_read(client):
    bad = self_drawing_form()
    form = bad[bad.index(b"4 0 obj\n") + 8 : bad.index(b"\nendobj", bad.index(b"4 0 obj"))]
    held = put(client, content=pdf(Page(b"/X Do", xobjects={"X": form}), Page(text("words")))).json()
    assert held["pages"] == 1
    assert held["unread"][0].startswith("p. 1: ")


def test_pages_beyond_the_most_are_left_out_and_told():
    with roomy(pages=1) as client:
        held = put(client).json()
        assert (held["pages"], held["unread"]) == (1, ["pages 2 to 2 were left out: only 1 are read"])


def test_a_file_that_takes_too_long_keeps_the_pages_that_were_read(tmp_path, monkeypatch):
    from rag_reasoner.server.web import intake

    times = iter([0.0, 0.5, *[100.0] * 50])
    monkeypatch.setattr(intake, "time", SimpleNamespace(monotonic=lambda: next(times)))
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf(*[Page(text(f"page {number}")) for number in range(1, 6)]))
    shelf = Shelf(Room(seconds=1))
    held = intake.take_in(path, "x", Room(seconds=1), shelf.pool, threading.Event())
    shelf.pool.close()
    assert len(held.documents) == 2
    assert held.unread == ("it takes longer than 1 seconds; pages after 2 were left out",)


def test_the_least_recently_used_file_leaves_when_there_are_too_many(folder):
    with roomy(files=2) as client:
        first = put(client, "first.pdf").json()["id"]
        put(client, "second.pdf")
        assert client.get(f"/v1/documents/{first}/pages/1.png").status_code == 200  # used again
        put(client, "third.pdf", headers=OTHER)
        assert names(client) == ["first.pdf"]
        assert len(files_in(folder)) == 2


def test_the_least_recently_used_file_leaves_when_bytes_run_out():
    with roomy(bytes=2 * len(REPORT) + 400) as client:
        for name in ("first.pdf", "second.pdf", "third.pdf"):
            put(client, name)
        assert names(client) == ["second.pdf", "third.pdf"]


def test_one_browser_may_have_so_many_files_and_so_much_text():
    with roomy(files_each=1) as client:
        put(client)
        assert put(client).json()["error"] == "full"
    with roomy(characters=100) as client:
        assert put(client).status_code == 201
        assert put(client).json()["error"] == "full"
        assert put(client, headers=OTHER).status_code == 201


async def test_who_leaves_while_a_file_is_read_leaves_nothing_behind(folder, monkeypatch):
    from rag_reasoner.server.web import shelf as module

    reading, go_on = threading.Event(), threading.Event()

    def slow(path, id, room, pool, gone):
        reading.set()
        assert go_on.wait(30)
        assert gone.is_set()
        return take_in(path, id, room, pool, gone)

    take_in = module.take_in
    monkeypatch.setattr(module, "take_in", slow)
    shelf = Shelf(Room())
    upload = asyncio.ensure_future(shelf.put("a" * 22, "report.pdf", REPORT))
    await asyncio.to_thread(reading.wait, 30)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    go_on.set()
    await shelf.apart(lambda: None)
    assert shelf.files("a" * 22) == []
    await shelf.aclose()
    assert files_in(folder) == []


def test_words_of_a_document_never_become_marks_or_tags_of_ours(client):
    evil = "<script>alert(1)</script> The bridge was opened in 1932 [7] <img src=x onerror=alert(2)>"
    put(client, content=pdf(Page(text(evil, size=6))))
    found = ask(client)[-1][1]
    assert "<script>" in found["ranked"][0]["quotes"][0]["quote"]  # as text, in JSON


def test_a_models_failure_is_told_without_its_details():
    class Down(Perfect):
        async def acomplete(self, tasks, on_text=None):
            raise BackendError("http://secret.example:8000 is down")

    with roomy(Down()) as client:
        put(client, "one.pdf")
        put(client, "two.pdf")
        found = result(client)
    assert found["degraded"]
    assert "backend_error" in {note["kind"] for note in found["notes"]}
    assert "secret" not in str(found)


def test_what_the_result_says_has_names_in_place_of_paths(tmp_path):
    path = tmp_path / "secret.pdf"
    document = Document("a.pdf#p1", "words", source="a.pdf", page=1)
    held = Held("id", "a.pdf", path, 1, (document,))
    fault = Fault("image_unread", f"{path} p. 1: it cannot be drawn", 0)
    dropped = Dropped(Candidate(document), None, f"{path} could not be read")
    found = ask_reply(Result("q", (), (dropped,), Answer(""), (fault,)), [held])
    assert found.notes[0].details == ["a.pdf p. 1: it cannot be drawn"]
    assert found.dropped[0].reason == "a.pdf could not be read"


def test_an_error_in_the_middle_is_the_last_event():
    class Broken(Perfect):
        async def acomplete(self, tasks, on_text=None):
            raise RuntimeError("the text of a document")

    with roomy(Broken()) as client:
        put(client)
        name, data = ask(client)[-1]
    assert (name, data["error"]) == ("error", "internal")
    assert "text of a document" not in data["message"]


def test_a_fallback_carries_its_own_name():
    with roomy(Mute()) as client:
        put(client, "one.pdf")
        put(client, "two.pdf")
        found = result(client)
    assert found["degraded"]
    assert found["ranked"][0]["reasoned_by"] == "extractive"
    assert found["ranked"][0]["ordered_by"] != "fake"


def test_the_page_needs_no_token_and_everything_else_does():
    settings = ServerSettings(token="secret-token")
    with TestClient(create_app(ReasoningReranker("lexical"), settings), headers=ONE) as client:
        page = client.get("/")
        assert page.status_code == 200
        for address in re.findall(r'(?:href|src)="(/web/[^"]+)"', page.text):
            assert client.get(address).status_code == 200, address
        assert client.get("/v1/documents").status_code == 401
        assert put(client).status_code == 401
        assert client.get("/v1/documents", headers={"Authorization": "Bearer secret-token"}).status_code == 200


def test_the_page_is_guarded_and_asked_for_again_only_when_it_changed(client):
    page = client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304


def test_the_page_has_no_inline_code_and_names_no_other_host(client):
    page = client.get("/").text
    addresses = ["/", *re.findall(r'(?:href|src)="(/web/[^"]+)"', page)]
    modules = [path.name for path in (Path(web.__file__).parent / "static").iterdir()]
    for address in {*addresses, *(f"/web/{name}" for name in modules if name != "index.html")}:
        content = client.get(address).text.replace("http://www.w3.org/2000/svg", "")
        assert "://" not in content, address
        assert "innerHTML" not in content
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", page)


async def test_nothing_of_the_page_answers_to_an_unknown_name(client):
    assert client.get("/web/../routes.py").status_code == 404
    assert client.get("/web/%2e%2e/routes.py").status_code == 404
    assert client.get("/web/nothing.js").status_code == 404


async def test_a_rerankers_own_stream_works_without_an_engine():
    app = FastAPI()
    app.include_router(web.router(ReasoningReranker("lexical"), ServerSettings()))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=ONE) as client:
        assert (await client.get("/v1/documents")).json()["model"] == "lexical"
