"""The page in a real browser: a PDF is dropped, a question asked, a citation clicked, and its quote is marked."""

import asyncio
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from asked import QUESTION, REPORT
from fakes import Mute, Perfect
from hostile_pdfs import HOSTILE
from PIL import Image
from selenium.webdriver.common.keys import Keys
from small_pdf import Page, pdf, text

from rag_reasoner.backends.base import Reply
from rag_reasoner.server.web import static

EXAMPLE = Path(__file__).parents[3] / "examples" / "pdfs" / "opm-fy2019-annual-performance-report.pdf"
CASES = "How many cases were in the inventory in FY 2015?"
MARK = ".sheet rect.mark"


class Waiting(Perfect):
    """Writes a little, and goes on when it is let."""

    def __init__(self):
        super().__init__()
        self.go_on = threading.Event()

    def complete(self, tasks, on_text=None):
        if on_text:
            on_text(0, "so far ")
        assert self.go_on.wait(60)
        return super().complete(tasks, on_text)

    async def acomplete(self, tasks, on_text=None):
        if on_text:
            on_text(0, "so far ")
        await asyncio.to_thread(self.go_on.wait, 60)
        return super().complete(tasks, on_text)


def yellow(picture, box):
    """The share of the pixels in `box` that are the marker's colour."""
    part = picture.crop(tuple(map(round, box)))
    pixels = part.tobytes()
    marked = sum(pixels[at] > 200 and pixels[at + 1] > 150 and pixels[at + 2] < 90 for at in range(0, len(pixels), 3))
    return marked / (len(pixels) // 3)


def test_a_person_drops_a_pdf_asks_and_sees_the_cited_quote_marked_on_its_page(page):
    tab = page()
    assert "Drop PDFs" in tab.text("#drop")
    assert not tab.one("#send").is_enabled()
    tab.keep("empty")
    tab.choose(EXAMPLE)
    tab.read()
    assert "72 pages" in tab.text("#held")
    tab.ask(CASES)
    tab.answered()
    cards = tab.all(".card")
    assert len(cards) == 5
    assert re.match(r"1\s+opm-fy2019-annual-performance-report.pdf\s+page \d+", cards[0].text)
    assert "verified" in cards[0].text
    assert "lexical: shared words, no model" in cards[0].text
    tab.click(".viewer [aria-label='Close the page']")
    assert not tab.shown("#viewer")
    tab.click(".cite")
    tab.until(lambda: tab.all(MARK))
    cited = re.search(r"page (\d+)", tab.one(".cite").get_attribute("aria-label"))[1]
    assert f"page {cited} of 72" in tab.text("#viewer-title")
    assert tab.inside(MARK, ".stage")
    shown = tab.keep("answered")
    assert yellow(Image.open(shown), tab.box(MARK)) > 0.5
    assert tab.complaints(network=True) == []
    assert tab.hosts() == {urlsplit(tab.url).netloc}


def test_a_file_that_is_dropped_is_taken_and_every_quote_leads_to_its_own_page(page):
    tab = page()
    tab.drop("report.pdf", REPORT)
    tab.drop("notes.pdf", pdf(Page(text("The bridge was painted red when it was opened.", y=90))))
    tab.read(2)
    tab.ask(QUESTION)
    tab.answered()
    names = tab.texts(".card .where strong")
    assert sorted(names) == ["notes.pdf", "report.pdf"]
    for place, quote in enumerate(tab.all(".card .quote")):
        quote.click()
        tab.until(lambda place=place: names[place] in tab.text("#viewer-title") and tab.all(MARK))
        assert tab.inside(MARK, ".stage")
        assert tab.box(MARK) == pytest.approx(written(tab), abs=6)
        assert quote.get_attribute("aria-current") == "true"
    assert tab.complaints() == []


def written(tab):
    """The box, in the window, around all that is dark on the part of the page that is seen."""
    sheet, stage = tab.box(".sheet img"), tab.box(".stage")
    edge = 12  # the page's shadow
    left, top = (round(max(place, other)) + edge for place, other in zip(sheet[:2], stage[:2], strict=True))
    right, bottom = (round(min(place, other)) - edge for place, other in zip(sheet[2:], stage[2:], strict=True))
    inside = tab.picture().crop((left, top, right, bottom)).convert("L")
    box = inside.point(lambda light: 255 * (light < 110)).getbbox()
    return [place + offset for place, offset in zip(box, (left, top, left, top), strict=True)]


def test_pages_are_turned_and_enlarged_around_a_quote(page):
    tab = page()
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.ask(QUESTION)
    tab.answered()
    tab.click(".quote")
    tab.until(lambda: tab.all(MARK))
    width = wide(tab)
    tab.click("[aria-label=Larger]")
    assert wide(tab) == pytest.approx(1.5 * width)
    tab.click("[aria-label=Larger]")
    assert tab.inside(MARK, ".stage")
    assert not tab.one("[aria-label='Next page']").is_enabled()
    tab.click("[aria-label='Previous page']")
    tab.until(lambda: "page 1 of 2" in tab.text("#viewer-title") and tab.all(".sheet img"))
    assert tab.all(MARK) == []
    tab.click("[aria-label='Next page']")
    tab.until(lambda: tab.all(MARK))


def wide(tab):
    left, _, right, _ = tab.box(".sheet")
    return right - left


@pytest.mark.hostile
@pytest.mark.parametrize(
    "name", ["a header and noise", "an encryption of no known kind", "a form that draws itself", "no bytes"]
)
def test_a_hostile_pdf_is_a_message_on_the_page_and_the_server_lives(page, name):
    tab = page()
    tab.drop("evil.pdf", HOSTILE[name]())
    tab.until(lambda: tab.all("#held > li[data-state=failed]"))
    row = tab.one("#held > li[data-state=failed]")
    assert row.text.startswith("evil.pdf")
    assert len(row.text.splitlines()[1]) > 8
    tab.keep("hostile")
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.click("[aria-label='Dismiss evil.pdf']")
    tab.ask(QUESTION)
    tab.answered()
    assert tab.texts(".card .where strong") == ["report.pdf"]
    assert tab.complaints() == []


@pytest.mark.hostile
def test_a_page_that_cannot_be_read_is_told_beside_those_that_can(page):
    bad = HOSTILE["a form that draws itself"]()
    form = bad[bad.index(b"4 0 obj\n") + 8 : bad.index(b"\nendobj", bad.index(b"4 0 obj"))]
    tab = page()
    tab.drop("half.pdf", pdf(Page(b"/X Do", xobjects={"X": form}), Page(text("The bridge was opened in 1932."))))
    tab.read()
    assert "p. 1: " in tab.text("#held .warning")
    tab.ask(QUESTION)
    tab.answered()
    assert "page 2" in tab.text(".card .where")


def test_words_and_names_of_a_document_are_never_run(page):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> The bridge was opened in 1932. </q><b>"
    tab = page()
    tab.drop("<img src=x onerror=alert(3)>.pdf", pdf(Page(text(evil, size=6))))
    tab.read()
    tab.ask("When was the bridge opened? <img src=x onerror=alert(4)>")
    tab.answered()
    assert "<script>alert(1)</script>" in tab.text(".quote")
    assert "<img src=x onerror=alert(3)>.pdf" in tab.text("#viewer-title")
    assert tab.all("main script, main img[src=x], q b") == []
    assert tab.complaints() == []
    assert tab.hosts() == {urlsplit(tab.url).netloc}


def test_the_policy_stops_what_a_mistake_of_ours_would_let_through(page):
    tab = page()
    with pytest.raises(Exception, match="TrustedHTML"):
        tab.run("document.body.innerHTML = '<p>hello</p>'")
    tab.run("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/x.png' }))")
    tab.until(lambda: any("img-src" in one for one in tab.run("return seen.violations")))


def test_a_token_is_asked_for_kept_in_the_tab_and_sent(page):
    tab = page(token="right-token")
    assert tab.shown("#token")
    assert tab.run("return document.querySelector('#desk').inert")
    tab.one("#token").send_keys("wrong-token", Keys.ENTER)
    tab.until(lambda: "not the server" in tab.text("#problem"))
    tab.one("#token").send_keys("right-token", Keys.ENTER)
    tab.until(lambda: tab.shown("#model"))
    assert not tab.shown("#key")
    assert not tab.shown("#problem")
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.ask(QUESTION)
    tab.answered()
    tab.click(".cite")
    tab.until(lambda: tab.all(MARK))
    assert tab.run("return [localStorage.length, document.cookie]") == [0, ""]
    tab.driver.refresh()
    tab.read()


def test_another_tab_sees_no_files_and_a_reload_keeps_them(page, chromium):
    tab = page()
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.driver.refresh()
    tab.read()
    chromium.switch_to.new_window("tab")
    tab.open()
    assert tab.all("#held > li") == []
    chromium.close()
    chromium.switch_to.window(tab._handle)
    tab.click("[aria-label='Remove report.pdf']")
    tab.until(lambda: not tab.all("#held > li"))
    tab.driver.refresh()
    tab.until(lambda: tab.shown("#model"))
    assert tab.all("#held > li") == []


def test_everything_works_from_the_keyboard_alone(page):
    tab = page()
    tab.press(Keys.TAB)
    assert tab.focused().get_attribute("class") == "skip"
    tab.press(Keys.TAB)
    assert tab.focused().get_attribute("id") == "file"
    tab.focused().send_keys(str(EXAMPLE))  # what the system's dialog would do
    tab.read()
    reach(tab, "question")
    tab.press(CASES, Keys.ENTER)
    tab.answered()
    assert tab.focused().text == "ANSWER"
    tab.press(Keys.TAB)
    assert tab.focused().get_attribute("class") == "cite"
    label = tab.focused().get_attribute("aria-label")
    tab.press(Keys.ENTER)
    tab.until(lambda: tab.all(MARK))
    assert tab.focused().get_attribute("id") == "viewer-title"
    tab.press(Keys.ESCAPE)
    assert not tab.shown("#viewer")
    assert tab.focused().get_attribute("aria-label") == label


def reach(tab, id):
    for _ in range(12):
        if tab.focused().get_attribute("id") == id:
            return
        tab.press(Keys.TAB)
    raise AssertionError(f"#{id} cannot be reached by the Tab key")


def test_what_is_going_on_is_shown_and_can_be_cancelled(page, caplog):
    model = Waiting()
    tab = page(model)
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.ask(QUESTION)
    tab.until(lambda: tab.shown(".writing"))
    assert tab.texts(".stages li[data-state=active]") == ["Ranking with reasons, and answering"]
    assert "1 of 2 pages" in tab.texts(".stages li[data-state=done]")[0]
    assert tab.run("return document.querySelector('.writing pre').textContent") == "so far "
    tab.keep("working")
    tab.click("#cancel")
    tab.until(lambda: "Cancelled" in tab.text("#problem"))
    assert not tab.shown("#progress")
    tab.until(lambda: tab.app.state.life.working == 0)
    model.go_on.set()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    tab.ask(QUESTION)
    tab.answered()
    assert not tab.shown("#problem")
    assert tab.complaints() == []


def test_a_fallback_never_poses_as_the_model(page):
    tab = page(Mute())
    for name in ("one.pdf", "two.pdf"):
        tab.drop(name, REPORT)
    tab.read(2)
    tab.ask(QUESTION)
    tab.answered()
    assert "not wholly a trained model" in tab.text(".honesty.degraded summary")
    tab.click(".honesty summary")
    assert "backend error" in tab.text(".honesty")
    for card in tab.texts(".card"):
        assert "extractive: taken from the page, no model’s words" in card
        assert "placed by coarse order" in card
        assert "not judged" in card
    assert "by extractive" in tab.text(".answer .by")
    tab.keep("degraded")


def test_a_quote_that_does_not_stand_there_says_so(page):
    class Inventive(Perfect):
        def reply(self, task):
            return Reply(super().reply(task).text.replace("The bridge", "Paris is the capital of France"))

    tab = page(Inventive())
    tab.drop("one.pdf", REPORT)
    tab.drop("two.pdf", REPORT)
    tab.read(2)
    tab.ask(QUESTION)
    tab.answered()
    assert "not found in the document" in tab.text(".quote.unfound .mark")
    assert "verified" not in tab.text(".quote.unfound .mark")
    tab.click(".quote.unfound")
    tab.until(lambda: tab.all(".sheet img"))
    assert "was not found" in tab.text(".viewer .context")
    assert tab.all(MARK) == []


def test_an_error_of_the_server_is_told_and_the_next_question_is_answered(page):
    class Broken(Perfect):
        broken = True

        def complete(self, tasks, on_text=None):
            if self.broken:
                raise RuntimeError("the text of a document")
            return super().complete(tasks, on_text)

    model = Broken()
    tab = page(model)
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.ask(QUESTION)
    tab.until(lambda: tab.shown("#problem"))
    assert tab.text("#problem") == "Something went wrong in the server"
    model.broken = False
    tab.ask(QUESTION)
    tab.answered()


def test_a_question_that_no_page_shares_a_word_with_gets_a_sentence(page):
    tab = page()
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.ask("Xylophone zebra?")
    tab.answered()
    assert "No page shares a word with the question" in tab.text("#result")


def test_other_kinds_of_files_are_refused_before_they_are_sent(page):
    tab = page()
    tab.drop("program.exe", b"MZ")
    tab.until(lambda: tab.all("#held > li[data-state=failed]"))
    assert ".pdf" in tab.text("#held")
    assert tab.complaints(network=True) == []


def test_a_text_without_pages_shows_its_quote_among_its_words(page):
    tab = page()
    tab.drop("notes.md", b"Some words before. The bridge was opened in 1932. Some words behind.")
    tab.read()
    tab.ask(QUESTION)
    tab.answered()
    tab.click(".quote")
    tab.until(lambda: tab.shown(".context mark"))
    assert tab.text(".context mark") == "The bridge was opened in 1932."
    assert "Some words before." in tab.text(".context")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_small_screen_shows_everything_without_scrolling_sideways(page, dark):
    tab = page(size=(390, 844), dark=dark)
    tab.choose(EXAMPLE)
    tab.read()
    tab.ask(CASES)
    tab.answered()
    assert tab.run("return document.scrollingElement.scrollWidth") <= 390
    assert not tab.shown("#viewer")
    tab.keep(f"small-{'dark' if dark else 'light'}")
    tab.click(".cite")
    tab.until(lambda: tab.all(MARK))
    assert tab.inside(MARK, ".stage")
    assert tab.run("return document.querySelector('#viewer').matches(':modal')")
    tab.keep(f"small-page-{'dark' if dark else 'light'}")
    tab.press(Keys.ESCAPE)
    assert not tab.shown("#viewer")
    assert tab.focused().get_attribute("class") == "cite"


def test_whatever_can_be_used_has_a_name(page):
    tab = page(Mute())
    tab.drop("report.pdf", REPORT)
    tab.read()
    tab.ask(QUESTION)
    tab.answered()
    nodes = tab.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {"button", "textbox", "combobox", "meter", "link", "dialog", "image"}
    used = [node for node in nodes if _role(node) in roles]
    assert len(used) > 10
    assert [_role(node) for node in used if not node.get("name", {}).get("value", "").strip()] == []


def _role(node):
    return "" if node.get("ignored") else node.get("role", {}).get("value", "")


PAIRS = [
    ("ink", "paper"), ("ink", "sheet"), ("soft", "paper"), ("soft", "sheet"), ("soft", "tint"), ("accent", "paper"),
    ("accent", "sheet"), ("on-accent", "accent"), ("good", "paper"), ("bad", "paper"), ("bad", "bad-tint"),
    ("caution", "caution-tint"), ("caution", "paper"), ("ink", "marker"), ("ink", "tint"),
]  # fmt: skip


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text_colour", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(mode, text_colour, ground):
    style = next(asset for asset in static.assets() if asset.path.endswith(".css")).content.decode()
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style.split(":root {")[1 + mode].split("}")[0]))
    lighter, darker = sorted((_luminance(colours[text_colour]), _luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def _luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
