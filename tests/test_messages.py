from rag_reasoner.messages import DocumentText, ImagePart, Message, Text, images, plain
from rag_reasoner.types import Image

A, B = Image(path="a.png"), Image(path="b.png")
MESSAGES = (
    Message("system", (Text("Rank."),)),
    Message("user", (Text("[1] "), ImagePart(A), DocumentText("one"), Text("\n[2] "), ImagePart(B))),
)


def test_images_come_in_reading_order():
    assert list(images(MESSAGES)) == [A, B]


def test_plain_shows_every_part_where_it_stands():
    assert plain(MESSAGES) == "--- system\nRank.\n--- user\n[1] <image>one\n[2] <image>"


def test_messages_are_values():
    assert hash(MESSAGES) == hash((MESSAGES[0], MESSAGES[1]))
