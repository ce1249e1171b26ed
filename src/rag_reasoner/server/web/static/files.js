/** The files: dropped or chosen, sent one after the other, listed with what could not be read of them. */

import { Refused, listFiles, removeFile, sendFile } from "./api.js";
import { announce, byId, counted, el } from "./dom.js";

const rows = new Map();
let limits = { bytes: Infinity, files: Infinity, kinds: [] };
let changed = () => {};
let locked = () => {};
let queue = Promise.resolve();

/** Listens for files. `onchange` is told after every change, `onlocked` when the server wants its token. */
export function startFiles({ onchange, onlocked }) {
  [changed, locked] = [onchange, onlocked];
  const chooser = byId("file");
  chooser.addEventListener("change", () => {
    take(chooser.files);
    chooser.value = "";
  });
  takeDrops();
}

/** The files that the server holds for this tab. */
export async function showHeld() {
  const listed = await listFiles();
  limits = listed.limits;
  byId("file").accept = limits.kinds.join(",");
  const sending = [...rows].filter(([, row]) => row.dataset.state !== "held");
  rows.clear();
  byId("held").replaceChildren();
  listed.files.forEach((file) => place(file.id, heldRow(file)));
  sending.forEach(([key, row]) => place(key, row));
  changed();
  return listed;
}

export const heldCount = () => [...rows.values()].filter((row) => row.dataset.state === "held").length;
export const sendingCount = () => [...rows.values()].filter((row) => row.dataset.state === "sending").length;
export const idle = () => queue;

function takeDrops() {
  let inside = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const drag = (step) => (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    inside = Math.max(0, inside + step);
    document.body.classList.toggle("dragging", inside > 0);
  };
  addEventListener("dragenter", drag(1));
  addEventListener("dragleave", drag(-1));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    inside = 0;
    document.body.classList.remove("dragging");
    take(event.dataTransfer.files);
  });
}

/** Files that came in. The list of a file chooser lives no longer than its event. */
function take(files) {
  for (const file of [...files]) {
    const key = Symbol(file.name);
    const problem = refusal(file);
    if (problem) place(key, failedRow(key, file.name, problem));
    else send(key, file);
  }
  changed();
}

function refusal(file) {
  const kinds = limits.kinds;
  if (kinds.length && !kinds.some((kind) => file.name.toLowerCase().endsWith(kind))) {
    return `files of this kind are not read; these are: ${kinds.join(", ")}`;
  }
  if (file.size > limits.bytes) {
    return `it has ${megabytes(file.size)}; a file may have ${megabytes(limits.bytes)}`;
  }
  return null;
}

function send(key, file) {
  const stop = new AbortController();
  const row = sendingRow(file, () => stop.abort());
  place(key, row.element);
  queue = queue.then(async () => {
    try {
      stop.signal.throwIfAborted();
      announce(`Reading ${file.name}`);
      const held = await sendFile(file, row.sent, stop.signal);
      forget(key);
      place(held.id, heldRow(held));
      announce(`${held.name}: ${counted(held.pages, "page")} read${held.unread.length ? `; ${held.unread.join("; ")}` : ""}`);
    } catch (error) {
      forget(key);
      if (error.name !== "AbortError") failed(key, file.name, error);
    }
    changed();
  });
}

function failed(key, name, error) {
  if (error instanceof Refused && error.status === 401) locked();
  const message = error.message.startsWith(`${name}: `) ? error.message.slice(name.length + 2) : error.message;
  place(key, failedRow(key, name, message));
  announce(`${name}: ${message}`);
}

function place(key, row) {
  rows.set(key, row);
  byId("held").append(row);
}

function forget(key) {
  rows.get(key)?.remove();
  rows.delete(key);
}

function sendingRow(file, cancel) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
  const state = el("span", { class: "quiet" }, "waiting");
  const sent = (part) => {
    bar.value = part;
    state.textContent = part < 1 ? `sending ${Math.round(100 * part)} %` : "reading its pages";
    if (part === 1) bar.removeAttribute("value");
  };
  const element = el("li", { "data-state": "sending" },
    el("div", { class: "file" }, el("strong", {}, file.name), state, bar),
    el("button", { class: "ghost", type: "button", "aria-label": `Stop ${file.name}`, onclick: cancel }, "✕"));
  return { element, sent };
}

function heldRow(held) {
  const remove = async () => {
    await removeFile(held.id).catch((error) => error.status === 401 && locked());
    forget(held.id);
    announce(`${held.name} removed`);
    changed();
    byId("file").focus();
  };
  return el("li", { "data-state": "held" },
    el("div", { class: "file" },
      el("strong", { title: held.name }, held.name),
      el("span", { class: "quiet" }, `${counted(held.pages, "page")} · ${megabytes(held.bytes)}`),
      unread(held.unread)),
    el("button", { class: "ghost", type: "button", "aria-label": `Remove ${held.name}`, onclick: remove }, "✕"));
}

function unread(sentences) {
  if (!sentences.length) return null;
  if (sentences.length === 1) return el("p", { class: "warning" }, sentences[0]);
  return el("details", { class: "warning" }, el("summary", {}, `${sentences.length} things could not be read`),
    el("ul", {}, sentences.map((sentence) => el("li", {}, sentence))));
}

function failedRow(key, name, message) {
  const dismiss = () => {
    forget(key);
    changed();
    byId("file").focus();
  };
  return el("li", { "data-state": "failed" },
    el("div", { class: "file" }, el("strong", {}, name), el("p", { class: "error" }, message)),
    el("button", { class: "ghost", type: "button", "aria-label": `Dismiss ${name}`, onclick: dismiss }, "✕"));
}

function megabytes(bytes) {
  return bytes < 100_000 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
