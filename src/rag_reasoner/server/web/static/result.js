/** A result: the answer with citations to click, ranked pages with reasons, those left out, and what to know of it all. */

import { byId, counted, el } from "./dom.js";

const MAKERS = {
  extractive: "taken from the page, no model’s words",
  lexical: "shared words, no model",
  "coarse order": "order of the search, not of a model",
};
const MARKS = {
  exact: "verified",
  normalised: "verified, up to blanks and hyphens",
  none: "not found in the document",
};
const TOUCHES = {
  hidden_text: "has text nobody can see",
  cut: "cut to what matters",
  no_text: "no text: by eye only",
  image_unseen: "picture not seen by the model",
  image_unread: "picture could not be read",
  empty: "empty",
  backend_error: "the model could not be asked",
  budget: "not asked: budget used up",
};

/** Shows the result; `open(quote or place)` shows a page. */
export function showResult(result, open) {
  const place = byId("result");
  place.replaceChildren(...[
    answer(result, open),
    honesty(result),
    ranking(result, open),
    left(result.dropped, open),
    el("p", { class: "quiet account" }, account(result)),
  ].filter(Boolean));
  place.hidden = false;
}

/** The quote to show first: the answer's, else the best page's, else nothing. */
export function firstQuote(result) {
  const every = [...result.answer.quotes, ...result.ranked.flatMap((card) => card.quotes)];
  return every.find((quote) => quote.boxes.length) ?? every[0] ?? null;
}

function answer(result, open) {
  const { text, abstained, answered_by: maker } = result.answer;
  return el("article", { class: abstained ? "answer abstained" : "answer", "aria-labelledby": "answer-title" },
    el("h2", { id: "answer-title", tabindex: "-1" }, "Answer"),
    el("p", { class: "said" }, abstained ? text || "The pages do not say." : cited(text, result, open)),
    maker ? el("p", { class: "by" }, "by ", makerChip(maker)) : null);
}

/** The answer's text, each [n] a button that opens what it cites. */
function cited(text, result, open) {
  return text.split(/(\[\d+\])/).map((piece) => {
    const rank = Number(/^\[(\d+)\]$/.exec(piece)?.[1]);
    const target = rank ? cites(rank, result) : null;
    if (!target) return piece;
    const where = target.place ?? target;
    return el("button", {
      class: "cite", type: "button", "aria-label": `Source ${rank}: ${placed(where)}`, title: placed(where),
      onclick: (event) => open(target, event.currentTarget),
    }, String(rank));
  });
}

function cites(rank, result) {
  const card = result.ranked.find((one) => one.rank === rank);
  const own = result.answer.quotes.filter((quote) => quote.rank === rank);
  return own.find((quote) => quote.verified !== "none") ?? card?.quotes[0] ?? own[0] ?? card?.place ?? null;
}

/** What a reader must know before trusting the order; nothing is hidden, the details are folded. */
function honesty({ degraded, notes }) {
  if (!degraded && !notes.length) return null;
  const said = degraded ? "The order is not wholly a trained model’s own." : `${counted(notes.length, "thing")} to know about this result`;
  return el("details", { class: degraded ? "honesty degraded" : "honesty" },
    el("summary", {}, said),
    el("ul", {}, notes.map((note) => el("li", {},
      el("b", {}, note.kind.replaceAll("_", " ")), note.times > 1 ? ` (${note.times} times)` : "", `: ${note.meaning}`,
      note.details.length ? el("span", { class: "quiet" }, ` ${note.details.slice(0, 5).join("; ")}${note.details.length > 5 ? " …" : ""}`) : null))));
}

function ranking({ ranked, model }, open) {
  if (!ranked.length) {
    return el("p", { class: "nothing" }, "No page shares a word with the question. Try the words that the pages would use.");
  }
  return el("section", { "aria-labelledby": "ranked-title" },
    el("h2", { id: "ranked-title" }, "Ranked pages"),
    el("ol", { class: "cards" }, ranked.map((card) => cardOf(card, model, open))));
}

function cardOf(card, model, open) {
  const { rank, place, probability, reasoning, reasoned_by: maker, ordered_by: orderer } = card;
  return el("li", { class: "card" },
    el("div", { class: "head" },
      el("span", { class: "rank", "aria-label": `Rank ${rank}` }, String(rank)),
      el("button", { class: "where", type: "button", onclick: (event) => open(place, event.currentTarget) },
        el("strong", {}, place.name), " ", place.page ? el("span", { class: "quiet" }, `page ${place.page}`) : null),
      chance(probability)),
    card.quotes.map((quote) => quoteOf(quote, open)),
    reasoning ? el("p", { class: "why" }, el("b", {}, "Why "), reasoning, " ", makerChip(maker)) : null,
    el("p", { class: "touches" },
      orderer && orderer !== model ? el("span", { class: "chip caution" }, `placed by ${orderer}`) : null,
      card.faults.filter((kind) => TOUCHES[kind]).map((kind) => el("span", { class: "chip caution" }, TOUCHES[kind]))));
}

function chance(probability) {
  if (probability === null) return el("span", { class: "chance quiet" }, "not judged");
  const percent = Math.round(100 * probability);
  return el("span", { class: "chance", title: "P(relevant): how likely the filter holds the page to be of help" },
    el("meter", { min: 0, max: 1, value: probability, "aria-label": "P(relevant)" }, `${percent} %`),
    el("span", { "aria-hidden": "true" }, `P ${probability.toFixed(2)}`));
}

function quoteOf(quote, open) {
  const found = quote.verified !== "none";
  const seen = !found && quote.boxes.length > 0;
  const mark = seen ? "where to look, by sight: not a verified quote" : quote.quote.trim() ? MARKS[quote.verified] : "no quote";
  return el("button", { class: `quote ${found ? "found" : "unfound"}`, type: "button", onclick: (event) => open(quote, event.currentTarget) },
    quote.quote.trim() ? el("q", {}, quote.quote) : null,
    el("span", { class: "mark" }, el("span", { "aria-hidden": "true" }, found ? "✓ " : seen ? "◎ " : "✗ "), mark,
      quote.hidden ? " · hidden text" : "", el("span", { class: "go" }, quote.place.picture ? "show on the page" : "show in the text")));
}

function left(dropped, open) {
  if (!dropped.length) return null;
  return el("details", { class: "left" },
    el("summary", {}, `${counted(dropped.length, "page")} left out, and why`),
    el("ul", {}, dropped.map(({ place, probability, reason }) => el("li", {},
      el("button", { class: "where", type: "button", onclick: (event) => open(place, event.currentTarget) }, placed(place)),
      probability === null ? null : el("span", { class: "quiet" }, `P ${probability.toFixed(2)}`),
      el("span", { class: "quiet" }, reason)))));
}

function makerChip(maker) {
  const known = MAKERS[maker];
  return el("span", { class: known ? "chip caution" : "chip" }, known ? `${maker}: ${known}` : maker);
}

function account({ ranked, dropped, seconds, tokens, model, agreement }) {
  const parts = [counted(ranked.length + dropped.length, "candidate"), `${seconds.toFixed(1)} s`, counted(tokens, "token"), `model ${model}`];
  if (agreement !== null) parts.push(`agreement of the shuffles ${agreement.toFixed(2)}`);
  return parts.join(" · ");
}

const placed = ({ name, page }) => (page ? `${name}, page ${page}` : name);
