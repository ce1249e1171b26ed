/** What is going on while a question is answered: stages that are done, the one at work, and those to come. */

import { announce, byId, counted, el } from "./dom.js";

const STAGES = [
  ["find", "Finding pages"],
  ["filter", "Judging each page"],
  ["rank", "Ranking with reasons, and answering"],
];
const SAME = { answer: "rank" }; // one reply ranks and answers, where all fits into one
const ORDER = STAGES.map(([stage]) => stage);

/** Shows the stages, and gives what takes the events of a run. */
export function startProgress() {
  const parts = new Map(STAGES.map(([stage, title]) => [stage, part(title)]));
  const clock = el("span", { class: "quiet", "aria-hidden": "true" }, "0 s");
  const written = el("pre", { tabindex: "0", "aria-label": "What the model writes" });
  const writing = el("details", { class: "writing", hidden: true }, el("summary", {}, "What the model writes"), written);
  const list = el("ol", { class: "stages" }, [...parts.values()].map((one) => one.element));
  const place = byId("progress");
  place.replaceChildren(el("p", { class: "working" }, "Working ", clock), list, writing);
  place.hidden = false;

  const started = performance.now();
  const ticking = setInterval(() => {
    clock.textContent = `${Math.round((performance.now() - started) / 1000)} s`;
  }, 1000);
  const tasks = new Map();
  const reach = (stage) => ORDER.forEach((one, at) => parts.get(one).become(at, ORDER.indexOf(stage)));
  reach("find");

  return {
    found({ pages, found }) {
      parts.get("find").say(`${found} of ${counted(pages, "page")}`);
      reach("filter");
      announce(`${counted(found, "page")} found; judging and ranking`);
    },
    step({ stage: given, tasks: number }) {
      const stage = SAME[given] ?? given;
      tasks.set(stage, (tasks.get(stage) ?? 0) + number);
      parts.get(stage)?.say(stage === "filter" ? counted(tasks.get(stage), "page") : `${tasks.get(stage)} written`);
      reach("rank");
    },
    text({ stage, text }) {
      reach(SAME[stage] ?? stage);
      writing.hidden = false;
      written.append(text);
      written.scrollTop = written.scrollHeight;
    },
    end() {
      clearInterval(ticking);
      place.hidden = true;
      place.replaceChildren();
    },
  };
}

function part(title) {
  const note = el("span", { class: "quiet" });
  const element = el("li", {}, el("span", {}, title), note);
  return {
    element,
    say: (text) => { note.textContent = text; },
    become(at, reached) {
      element.dataset.state = at < reached ? "done" : at === reached ? "active" : "coming";
      if (at === reached) element.setAttribute("aria-current", "step");
      else element.removeAttribute("aria-current");
    },
  };
}
