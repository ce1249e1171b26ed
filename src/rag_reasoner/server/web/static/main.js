/** The page's life: empty, ready, asking, answered; and the token, where the server has one. */

import { Refused, ask, forgetToken, hasToken, setToken } from "./api.js";
import { announce, byId, counted } from "./dom.js";
import { heldCount, idle, sendingCount, showHeld, startFiles } from "./files.js";
import { startProgress } from "./progress.js";
import { firstQuote, showResult } from "./result.js";
import { openViewer, resetViewer } from "./viewer.js";

const WIDE = matchMedia("(min-width: 1000px)");
const question = byId("question");
let stop = null;

startFiles({ onchange: filesChanged, onlocked: lock });
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!stop) answer();
});
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("ask").requestSubmit();
});
byId("cancel").addEventListener("click", () => stop?.abort());
byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(byId("token").value.trim());
  byId("token").value = "";
  open();
});
open();

/** Who may come in sees their files; who may not is asked for the token. */
async function open() {
  const tried = hasToken();
  try {
    const listed = await showHeld();
    unlock();
    byId("model").textContent = `model ${listed.model}`;
    byId("model").hidden = false;
    if (tried) question.focus();
  } catch (error) {
    if (!isLocked(error)) return problem(error.message);
    lock();
    if (tried) problem("This is not the server’s token.");
  }
}

function lock() {
  forgetToken();
  byId("key").hidden = false;
  byId("desk").inert = true;
  document.body.dataset.state = "locked";
  byId("token").focus();
}

function unlock() {
  byId("key").hidden = true;
  byId("desk").inert = false;
  problem(null);
  filesChanged();
}

function filesChanged() {
  const [held, sending] = [heldCount(), sendingCount()];
  if (document.body.dataset.state === "locked" && byId("desk").inert) return;
  if (!stop && byId("result").hidden) document.body.dataset.state = held || sending ? "ready" : "empty";
  byId("send").disabled = held + sending === 0;
  byId("ask-help").textContent = sending ? `reading ${counted(sending, "file")}` : held ? "" : "drop a file first";
}

/** Asks the files, shows what happens, and then the result; what came before stays until there is something new. */
async function answer() {
  const asked = question.value.trim();
  if (!asked) return question.focus();
  stop = new AbortController();
  problem(null);
  resetViewer();
  byId("result").hidden = true;
  asking(true);
  const progress = startProgress();
  try {
    await Promise.race([idle(), aborted(stop.signal)]);
    await run(asked, progress);
  } catch (error) {
    failed(error);
  } finally {
    progress.end();
    stop = null;
    asking(false);
  }
}

async function run(asked, progress) {
  const top = byId("top").value;
  for await (const { name, data } of ask({ question: asked, top_n: top ? Number(top) : null }, stop.signal)) {
    if (name === "error") throw new Error(data.message);
    if (name === "result") return finish(data);
    progress[name]?.(data);
  }
  throw new Error("the server ended the answer before it was complete; ask again");
}

function finish(result) {
  showResult(result, openViewer);
  document.body.dataset.state = "answered";
  announce(`Answered: ${counted(result.ranked.length, "page")} ranked, ${result.dropped.length} left out`);
  const first = firstQuote(result) ?? result.ranked[0]?.place;
  if (first && WIDE.matches) openViewer(first);
  byId("answer-title").focus();
}

function failed(error) {
  if (error.name === "AbortError") {
    problem("Cancelled. Nothing more is computed for this question.", "calm");
    question.focus();
  } else if (isLocked(error)) lock();
  else if (error.kind === "gone") {
    problem("Some files are no longer held by the server: drop them again.");
    showHeld().catch(() => {});
  } else problem(error.message);
}

function asking(busy) {
  byId("send").hidden = busy;
  byId("cancel").hidden = !busy;
  if (busy) {
    document.body.dataset.state = "asking";
    byId("cancel").focus();
  } else filesChanged();
}

function problem(message, tone = "bad") {
  const place = byId("problem");
  place.hidden = message === null;
  place.dataset.tone = tone;
  place.textContent = message === null ? "" : message[0].toUpperCase() + message.slice(1);
}

const isLocked = (error) => error instanceof Refused && error.status === 401;

const aborted = (signal) => new Promise((_, reject) => {
  signal.addEventListener("abort", () => reject(signal.reason));
});
