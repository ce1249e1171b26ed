"""A tab of the browser with our page in it: what a person does there, and what the browser saw."""

import base64
import io
import json
from urllib.parse import urlsplit

from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 60

WATCH = """
window.seen = { violations: [], alerts: [] };
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  seen.violations.push(violatedDirective + " " + blockedURI);
});
addEventListener("unhandledrejection", (event) => seen.alerts.push(String(event.reason)));
window.alert = (text) => seen.alerts.push("alert " + text);
"""

DROP = """
const [name, content] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
const carried = new DataTransfer();
carried.items.add(new File([bytes], name));
for (const kind of ["dragenter", "dragover", "drop"]) {
  document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
}
"""

WHERE = """
const box = document.querySelector(arguments[0]).getBoundingClientRect();
return [box.left, box.top, box.right, box.bottom];
"""


class Tab:
    """One tab, in which the page has a workspace of its own."""

    def __init__(self, driver, url, app, screenshots):
        self.driver, self.url, self.app, self._screenshots = driver, url, app, screenshots
        driver.switch_to.new_window("tab")
        self._handle = driver.current_window_handle
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        for kind in ("browser", "performance"):
            driver.get_log(kind)

    def shape(self, size, dark=False):
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, calm]})

    def open(self):
        self.driver.get(self.url)
        self.until(lambda: self.shown("#model") or self.shown("#key"))

    def close(self):
        self.driver.switch_to.window(self._handle)
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])

    # What a person does

    def choose(self, *paths):
        for path in paths:
            self.one("#file").send_keys(str(path))

    def drop(self, name, content):
        self.driver.execute_script(DROP, name, base64.b64encode(content).decode())

    def read(self, count=1):
        """Waits until so many files are held."""
        self.until(lambda: len(self.all("#held > li[data-state=held]")) == count)

    def ask(self, question):
        self.one("#question").clear()
        self.one("#question").send_keys(question)
        self.click("#send")

    def answered(self):
        self.until(lambda: self.shown("#result"))

    def click(self, selector):
        self.one(selector).click()

    def press(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    # What is there

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self, selector):
        try:
            return any(one.is_displayed() for one in self.all(selector))
        except StaleElementReferenceException:
            return False

    def text(self, selector):
        return self.one(selector).text

    def texts(self, selector):
        return [one.text for one in self.all(selector)]

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def focused(self):
        return self.driver.switch_to.active_element

    def until(self, true):
        WebDriverWait(self.driver, SECONDS, 0.05).until(lambda _: true(), f"the page shows {self.text('body')[:600]!r}")

    def box(self, selector):
        """Left, top, right and bottom in the window."""
        return self.run(WHERE, selector)

    def inside(self, selector, around):
        """Whether an element is wholly within another one, and both within the window."""
        (left, top, right, bottom), outer = self.box(selector), self.box(around)
        width, height = self.run("return [innerWidth, innerHeight]")
        outer = (max(outer[0], 0), max(outer[1], 0), min(outer[2], width), min(outer[3], height))
        return outer[0] <= left < right <= outer[2] + 1 and outer[1] <= top < bottom <= outer[3] + 1

    def picture(self):
        return Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")

    def keep(self, name):
        """Writes a picture of the window into the folder of screenshots."""
        path = self._screenshots / f"{name}.png"
        self.picture().save(path)
        return path

    # What the browser saw

    def complaints(self, network=False):
        """What stands in the console, what the policy has stopped, and promises that were broken."""
        logged = [entry for entry in self.driver.get_log("browser") if network or entry["source"] != "network"]
        seen = self.run("return window.seen")
        return [entry["message"] for entry in logged] + seen["violations"] + seen["alerts"]

    def hosts(self):
        """Where requests of the page went."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return {urlsplit(url).netloc for url in sent if not url.startswith(("blob:", "data:"))}
