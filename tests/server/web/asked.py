"""What the tests of the page say to the server, without a browser."""

import json

from small_pdf import Page, pdf, text

ONE, OTHER = {"X-Workspace": "a" * 22}, {"X-Workspace": "b" * 22}
QUESTION = "When was the bridge opened?"
REPORT = pdf(Page(text("Nothing of note happened.")), Page(text("The bridge was opened in 1932 by the mayor.")))


def put(client, name="report.pdf", content=REPORT, **options):
    return client.post("/v1/documents", params={"name": name}, content=content, **options)


def ask(client, question=QUESTION, **asked):
    """The events of the reply, as (name, data)."""
    reply = client.post("/v1/documents/ask", json={"question": question, **asked})
    assert reply.status_code == 200, reply.text
    return events(reply.text)


def result(client, question=QUESTION, **asked):
    name, data = ask(client, question, **asked)[-1]
    assert name == "result", data
    return data


def events(body):
    blocks = [block for block in body.split("\n\n") if block.startswith("event: ")]
    parts = [block.split("\n", 1) for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in parts]


def names(client):
    return [held["name"] for held in client.get("/v1/documents").json()["files"]]
