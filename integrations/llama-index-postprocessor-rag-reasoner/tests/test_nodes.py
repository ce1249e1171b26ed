"""Nodes of every kind, good and bad: read without fetching anything, given back as they came, none lost."""

import base64
import copy

import pytest
from conftest import QUESTION
from llama_index.core.schema import ImageNode, IndexNode, MediaResource, Node, NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.rag_reasoner import ReasoningRerankPostprocessor
from llama_index.postprocessor.rag_reasoner.convert import candidates_of
from PIL import Image as Pillow

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.errors import Unreadable
from rag_reasoner.messages import images
from rag_reasoner.pages import load
from rag_reasoner.types import Fault

ASKED = QueryBundle(QUESTION)
BASE64 = base64.b64encode(b"picture").decode()
URL = "https://example.org/a.png"


def document_of(node):
    (candidate,) = candidates_of([NodeWithScore(node=node)])
    return candidate.document


@pytest.mark.parametrize(
    ("node", "text", "image"),
    [
        (TextNode(text="words"), "words", {}),
        (IndexNode(text="words", index_id="i"), "words", {}),
        (ImageNode(text="caption", image=BASE64), "caption", {"data": b"picture"}),
        (ImageNode(image=BASE64[:4] + "\n" + BASE64[4:]), "", {"data": b"picture"}),
        (ImageNode(image=f"data:image/webp;base64,{BASE64}"), "", {"data": b"picture", "media_type": "image/webp"}),
        (ImageNode(image="not base64 at all é"), "", {"data": "not base64 at all é".encode()}),
        (ImageNode(image=BASE64, image_mimetype="image/png"), "", {"data": b"picture", "media_type": "image/png"}),
        (ImageNode(text="caption", image_path="a.png"), "caption", {"path": "a.png", "media_type": "image/png"}),
        (ImageNode(image_url=URL), "", {"url": URL}),
        (ImageNode(image_url=f"data:image/png;base64,{BASE64}"), "", {"data": b"picture", "url": None}),
        (ImageNode(image_url="file:///pictures/a%20b.png"), "", {"path": "/pictures/a b.png", "url": None}),
        (ImageNode(text="caption", metadata={"image_path": "a.png"}), "caption", {"path": "a.png"}),
        (TextNode(text="words", metadata={"image_path": "a.png"}), "words", {"path": "a.png"}),
        (TextNode(text="words", metadata={"image_path": URL}), "words", {"url": URL}),
        (TextNode(text="words", metadata={"file_path": "a.JPEG"}), "words", {"path": "a.JPEG"}),
        (TextNode(text="words", metadata={"file_path": "a.pdf"}), "words", {}),
        (TextNode(text="words", metadata={"image_path": None, "file_path": None}), "words", {}),
        (
            Node(text_resource=MediaResource(text="words"), image_resource=MediaResource(path="a.png")),
            "words",
            {"path": "a.png", "media_type": "image/png"},
        ),
        (Node(image_resource=MediaResource(data=b"picture")), "", {"data": b"picture"}),
        (Node(image_resource=MediaResource(url=URL)), "", {"url": URL}),
        (Node(image_resource=MediaResource()), "", {}),
        (Node(text_resource=MediaResource(text=None)), "", {}),
        (Node(), "", {}),
    ],
)
def test_every_kind_of_node_is_read_and_given_back(reranker, node, text, image):
    before = copy.deepcopy(node)
    document = document_of(node)
    assert document.text == text
    assert {name: getattr(document.image, name) for name in image} == image
    assert bool(document.image) is bool(image)
    (out,) = ReasoningRerankPostprocessor(reranker).postprocess_nodes([NodeWithScore(node=node)], ASKED)
    assert type(out.node) is type(node)
    assert node == before


@pytest.mark.parametrize(
    ("metadata", "page"),
    [
        ({"page_label": "7"}, 7),
        ({"page_label": 7}, 7),
        ({"page_label": "007"}, 7),
        ({"page_number": 7}, 7),
        ({"page_label": None, "page_number": 7}, 7),
        ({"page_label": "", "page_number": 7}, 7),
        ({"page_label": "iv"}, None),
        ({"page_label": "0"}, None),
        ({"page_label": "-3"}, None),
        ({"page_label": "٧"}, None),
        ({"page_label": "9" * 5000}, None),
        ({"page_label": "4", "rag_reasoner": {"page": 9}}, 9),
        ({"rag_reasoner": "someone else's"}, None),
        ({}, None),
    ],
)
def test_a_page_is_a_number_from_one_up_or_none(metadata, page):
    assert document_of(TextNode(text="words", metadata=metadata)).page == page


def test_a_title_of_none_is_no_title():
    assert document_of(TextNode(metadata={"title": None})).title == ""


def crowd():
    return [NodeWithScore(node=TextNode(id_=f"m{n}", text=f"The museum did open in {n}.")) for n in range(8)]


@pytest.mark.parametrize(
    ("node", "faults"),
    [
        (Node(id_="odd"), {"empty"}),
        (TextNode(id_="odd", text="  "), {"empty"}),
        (ImageNode(id_="odd", image_path="no/such/file.png"), {"no_text", "image_unseen"}),
        (ImageNode(id_="odd", image="???"), {"no_text", "image_unseen"}),
    ],
)
def test_what_nobody_could_read_stays_in_the_list_and_says_so(reranker, node, faults):
    out = ReasoningRerankPostprocessor(reranker).postprocess_nodes([NodeWithScore(node=node), *crowd()], ASKED)
    (odd,) = [one for one in out if one.node.node_id == "odd"]
    assert odd is out[-1]
    assert set(odd.node.metadata["rag_reasoner"]["faults"]) == faults
    assert odd.node.metadata["rag_reasoner"]["dropped"]
    few = ReasoningRerankPostprocessor(reranker, top_n=3).postprocess_nodes([NodeWithScore(node=node), *crowd()], ASKED)
    assert "odd" not in [one.node.node_id for one in few]


class Sighted:
    """Looks at every image, as the options of the reranker allow; one it may not see is a fault."""

    card = Card("sighted", 10_000, reads_images=True)

    def __init__(self, **allowed):
        self.allowed, self.seen = allowed, []

    def count(self, messages):
        return 10

    def judge(self, tasks):
        return [self._judged(task) for task in tasks]

    async def ajudge(self, tasks):
        return self.judge(tasks)

    def _judged(self, task):
        try:
            self.seen += [load(image, **self.allowed).size for image in images(task.messages())]
        except Unreadable as error:
            return Judged(None, Fault("image_unread", str(error)))
        return Judged(0.9)


@pytest.fixture
def pictures(tmp_path):
    for folder in ("inside", "outside"):
        (tmp_path / folder).mkdir()
        Pillow.new("RGB", (40, 30), "white").save(tmp_path / folder / "a.png")
    return tmp_path


async def test_images_outside_the_roots_and_on_the_network_are_refused_and_their_nodes_kept(pictures):
    judge = Sighted(image_roots=[pictures / "inside"])
    nodes = [
        NodeWithScore(node=ImageNode(id_="inside", image_path=str(pictures / "inside" / "a.png"))),
        NodeWithScore(node=ImageNode(id_="outside", image_path=str(pictures / "outside" / "a.png"))),
        NodeWithScore(node=ImageNode(id_="dots", image_path=str(pictures / "inside" / ".." / "outside" / "a.png"))),
        NodeWithScore(node=Node(id_="url", image_resource=MediaResource(url=URL))),
        NodeWithScore(node=ImageNode(id_="broken", image=BASE64)),
        NodeWithScore(node=TextNode(id_="note", metadata={"rag_reasoner": {"image": {"path": "/etc/hostname"}}})),
    ]
    ours = ReasoningReranker(judge).as_llama_index()
    for out in (ours.postprocess_nodes(nodes, ASKED), await ours.apostprocess_nodes(nodes, ASKED)):
        unread = {one.node.node_id for one in out if "image_unread" in one.node.metadata["rag_reasoner"]["faults"]}
        assert len(out) == 6
        assert unread == {"outside", "dots", "url", "broken", "note"}
    assert judge.seen == [(40, 30)] * 2
