"""A teacher for tests: a real HTTP server in a process of its own, that replies as a good, a bad or a broken one does.

python fake_teacher.py MODE LOG: prints its port, and adds a line to LOG for each request.
"""

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

from rag_reasoner.words import sentences

NUMBERS = count(1)


def texts(message):
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def line(question):
    """One line on the one document of a question."""
    answer = re.search(r"Right answer: (.*)", question)[1].split(" / ")[0]
    text = question.split("Document [1]:\n", 1)[1]
    for start, end in sentences(text):
        if answer in text[start:end]:
            words = " ".join(text[start:end].split()[:24])
            return f'[1] yes: "{words}"'
    return "[1] no: it is about something else"


def refined(question):
    """The whole reply, made of the notes in the question."""
    notes = question.split("\nNotes:\n", 1)[1]
    answer = re.search(r"\nRight answer: (.*)", notes)[1].split(" / ")[0]
    lines = re.findall(r"^\[(\d+)\] (yes|no): (.*)$", notes, re.MULTILINE)
    good = [number for number, verdict, _ in lines if verdict == "yes"]
    rank = [*good, *(number for number, verdict, _ in lines if verdict == "no")]
    evidence = "".join(f"[{number}] {verdict}: {said}\n" for number, verdict, said in lines)
    marks = "".join(f"[{number}]" for number in sorted(good, key=int))
    stated = f"<answer>{f'{answer} {marks}'.strip()}</answer>"
    return f"<evidence>\n{evidence}</evidence>\n<rank>{' > '.join(rank)}</rank>\n{stated}"


def good(question):
    return refined(question) if "\nNotes:\n" in question else line(question)


def reply(mode, messages, number):
    question = texts(messages[1])
    match mode:
        case "blind":  # never sees that a document helps
            return "[1] no: it is about something else"
        case "inventor":  # quotes what does not stand there
            return '[1] yes: "the moon is made of cheese"' if "Notes" not in question else good(question)
        case "pointer":
            return good(question).replace("it is about something", "unlike document 2 it is about something")
        case "backwards":
            said = good(question)
            ranked = re.search(r"<rank>(.*)</rank>", said)
            return said.replace(ranked[1], " > ".join(ranked[1].split(" > ")[::-1])) if ranked else said
        case "mistaken":
            return good(question).replace("<answer>1962", "<answer>1850")
        case "learner":  # gets it right when told what was wrong
            return good(question) if len(messages) > 2 else "Sure! Here is my line."
        case "asker":  # asks about pages; nothing is worth asking on most
            opened = re.search(r"opened in (\d+)", question)
            return f"Question: When did the museum open its doors?\nAnswer: {opened[1]}" if opened else "None"
        case "liar":
            return "Question: When did the museum open its doors?\nAnswer: 1850"
        case "thinker":
            return f"<think>hm, [1] no: what?</think>\n{good(question)}"
        case _:
            return good(question)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        number = next(NUMBERS)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        entry = {"path": self.path, "key": self.headers.get("Authorization"), "turns": len(body["messages"])}
        listed = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
        images = sum(part["type"] == "image_url" for parts in listed for part in parts)
        notes = "\nNotes:\n" in texts(body["messages"][1])
        with LOG.open("a") as log:
            log.write(json.dumps({**entry, "images": images, "notes": notes}) + "\n")
        if MODE == "slow":
            time.sleep(0.02)
        if not self.broken(number):
            said = reply(MODE, body["messages"], number)
            self.answer(200, {"choices": [{"message": {"role": "assistant", "content": said}}]})

    def broken(self, number):
        """Whether the request meets one of the ways in which servers fail."""
        if MODE == "unauthorized":
            self.answer(401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}"}})
        elif MODE == "refusing":
            self.answer(400, {"error": {"message": "too long"}})
        elif MODE == "html":
            self.answer(200, "<html>hello</html>")
        elif MODE == "flaky" and number % 2:
            failure = number // 2 % 5
            if failure == 0:
                self.connection.close()
            else:
                self.answer((500, 429, 503, 200)[failure - 1], {"choices": []}, {"Retry-After": "0"})
        else:
            return False
        return True

    def answer(self, status, value, headers=()):
        content = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for name, said in dict(headers).items():
            self.send_header(name, said)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Nothing on stderr."""


if __name__ == "__main__":
    MODE, LOG = sys.argv[1], Path(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
