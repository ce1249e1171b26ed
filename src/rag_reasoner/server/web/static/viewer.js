/** A page beside the result, or over it on a small screen: its picture, with the quote marked where it stands. */

import { picture } from "./api.js";
import { announce, byId, el, svg } from "./dom.js";

const WIDE = matchMedia("(min-width: 1000px)");
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const ZOOMS = [1, 1.5, 2, 3];
const KEPT = 12;

const viewer = byId("viewer");
const pictures = new Map();
const title = el("h2", { id: "viewer-title", tabindex: "-1" });
const stage = el("div", { class: "stage", tabindex: "0", role: "group", "aria-label": "Picture of the page" });
const said = el("div", { class: "context" });
const back = tool("‹", "Previous page", () => turn(-1));
const forth = tool("›", "Next page", () => turn(1));
const larger = tool("+", "Larger", () => zoom(1));
const smaller = tool("−", "Smaller", () => zoom(-1));

let shown = null; // { place, quote }
let size = 0;
let opener = null;
let drawing = 0;

viewer.append(
  el("header", {}, title, el("div", { class: "tools" }, back, forth, smaller, larger, tool("✕", "Close the page", closeViewer))),
  stage, said);
viewer.addEventListener("cancel", (event) => {
  event.preventDefault();
  closeViewer();
});
addEventListener("keydown", (event) => event.key === "Escape" && viewer.open && !event.defaultPrevented && closeViewer());
WIDE.addEventListener("change", () => viewer.open && appear(document.activeElement !== document.body));

/** Shows a quote on its page, or a page alone. `from` gets the focus back; without it the focus stays where it is. */
export function openViewer(target, from = null) {
  const quote = target.place ? target : null;
  document.querySelectorAll("[aria-current=true]").forEach((one) => one.removeAttribute("aria-current"));
  from?.setAttribute("aria-current", "true");
  opener = from ?? opener;
  size = quote && !WIDE.matches ? 1 : 0; // small print is for large screens
  appear(from !== null);
  return show(quote?.place ?? target, quote);
}

export function closeViewer() {
  if (viewer.open) viewer.close();
  document.body.classList.remove("reading");
  opener?.focus();
  opener?.removeAttribute("aria-current");
  opener = null;
}

/** Nothing of an older result stays. */
export function resetViewer() {
  opener = null;
  closeViewer();
  shown = null;
  for (const url of pictures.values()) url.then(URL.revokeObjectURL, () => {});
  pictures.clear();
}

/** Beside the result where there is room, and then no focus is taken that nobody gave. */
function appear(focus) {
  document.body.classList.add("reading");
  if (viewer.open) viewer.close();
  if (WIDE.matches) viewer.setAttribute("open", "");
  else if (focus) viewer.showModal();
  if (focus) title.focus({ preventScroll: true });
}

async function show(place, quote) {
  shown = { place, quote };
  const mine = ++drawing;
  title.replaceChildren(el("span", { title: place.name }, place.name), place.page ? el("span", { class: "quiet" }, `page ${place.page} of ${place.pages}`) : "");
  back.disabled = !place.picture || place.picture <= 1;
  forth.disabled = !place.picture || place.page === null || place.picture >= place.pages;
  explain(quote, place.picture);
  stage.hidden = place.picture === null;
  if (stage.hidden) return;
  stage.setAttribute("aria-busy", "true");
  stage.replaceChildren(el("p", { class: "quiet drawing" }, "Drawing the page"));
  try {
    const sheet = await drawn(place, quote);
    if (mine !== drawing) return;
    stage.replaceChildren(sheet);
    apply();
    announce(`${place.name}${place.page ? `, page ${place.page}` : ""}${quote?.boxes.length ? ": the quote is marked" : ""}`);
  } catch (error) {
    if (mine === drawing) stage.replaceChildren(el("p", { class: "error" }, error.message));
  } finally {
    if (mine === drawing) stage.removeAttribute("aria-busy");
  }
}

async function drawn(place, quote) {
  const image = el("img", { src: await url(place), alt: `Page ${place.picture} of ${place.name}`, draggable: "false" });
  await image.decode();
  const marks = (quote?.boxes ?? []).map(([left, top, right, bottom]) => svg("rect", {
    x: left - 0.002, y: top - 0.002, width: right - left + 0.004, height: bottom - top + 0.004,
    class: quote.verified === "none" ? "mark region" : "mark",
  }));
  return el("div", { class: "sheet" }, image,
    svg("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, marks));
}

/** The address of a page's picture, the last few of which are kept. */
function url({ file, picture: page }) {
  const key = `${file}/${page}`;
  const kept = pictures.get(key) ?? picture(file, page).then((blob) => URL.createObjectURL(blob));
  pictures.delete(key);
  pictures.set(key, kept);
  kept.catch(() => pictures.delete(key));
  for (const [old, gone] of [...pictures].slice(0, -KEPT)) {
    pictures.delete(old);
    gone.then(URL.revokeObjectURL, () => {});
  }
  return kept;
}

/** The quote in its words: for who cannot see the picture, and where there is none. */
function explain(quote, pictured) {
  said.hidden = !quote?.quote.trim();
  if (said.hidden) return;
  const found = quote.verified !== "none";
  const note = !found ? "This quote was not found in the document." : pictured && !quote.boxes.length ? "Where it stands on the page is not known." : null;
  said.replaceChildren(
    note ? el("p", { class: "warning" }, note) : "",
    el("p", {}, quote.before, el("mark", {}, quote.quote), quote.after));
  said.scrollTop = said.querySelector("mark").offsetTop - said.offsetTop - 16;
}

function turn(step) {
  const number = shown.place.picture + step;
  const same = shown.quote && shown.quote.place.picture === number ? shown.quote : null;
  const origin = shown.origin ?? shown.quote;
  const quote = same ?? (origin?.place.picture === number ? origin : null);
  show({ ...shown.place, picture: number, page: number }, quote);
  shown.origin = origin;
}

function zoom(step) {
  size = Math.min(Math.max(size + step, 0), ZOOMS.length - 1);
  apply();
}

function apply() {
  const sheet = stage.querySelector(".sheet");
  if (!sheet) return;
  sheet.style.width = `${100 * ZOOMS[size]}%`;
  [smaller.disabled, larger.disabled] = [size === 0, size === ZOOMS.length - 1];
  reveal();
}

/** Scrolls the picture, and nothing else, to the first mark. */
function reveal() {
  const mark = stage.querySelector("rect");
  if (!mark) {
    stage.scrollTo(0, 0);
    return;
  }
  const [box, around] = [mark.getBoundingClientRect(), stage.getBoundingClientRect()];
  stage.scrollTo({
    top: stage.scrollTop + box.top - around.top - Math.max(24, (around.height - box.height) / 3),
    left: stage.scrollLeft + box.left - around.left - Math.max(16, (around.width - box.width) / 2),
    behavior: CALM.matches ? "auto" : "smooth",
  });
}

function tool(sign, label, onclick) {
  return el("button", { class: "ghost", type: "button", "aria-label": label, title: label, onclick }, sign);
}
