/** What the page asks of its server. The token and the name of the workspace live in this tab only. */

const WORKSPACE = "rag_reasoner.workspace";
const TOKEN = "rag_reasoner.token";

/** The server said no, and why. */
export class Refused extends Error {
  constructor(status, kind, message) {
    super(message);
    Object.assign(this, { status, kind });
  }
}

export function setToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

export const forgetToken = () => sessionStorage.removeItem(TOKEN);
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

export const listFiles = async () => (await request("/v1/documents")).json();
export const removeFile = (id) => request(`/v1/documents/${id}`, { method: "DELETE" });
export const picture = async (file, page, signal) =>
  (await request(`/v1/documents/${file}/pages/${page}.png`, { signal })).blob();

/** Sends a file; `onsent` is told the part that is under way, 0 to 1. (fetch cannot tell.) */
export function sendFile(file, onsent, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `/v1/documents?name=${encodeURIComponent(file.name)}`);
    for (const [name, value] of Object.entries(headers())) sending.setRequestHeader(name, value);
    sending.setRequestHeader("Content-Type", "application/octet-stream");
    sending.upload.onprogress = (event) => event.lengthComputable && onsent(event.loaded / event.total);
    sending.upload.onload = () => onsent(1);
    sending.onload = () => {
      const said = parsed(sending.responseText);
      if (sending.status === 201) resolve(said);
      else reject(new Refused(sending.status, said.error, said.message ?? `the server said ${sending.status}`));
    };
    sending.onerror = () => reject(new Error("the file could not be sent: it cannot be read, or the server is away"));
    sending.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(file);
  });
}

/** Asks, and gives the events {name, data} as they come; the last is "result" or "error". */
export async function* ask(asked, signal) {
  const reply = await request("/v1/documents/ask", {
    method: "POST", body: JSON.stringify(asked), headers: { "Content-Type": "application/json" }, signal,
  });
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (waiting + value).split("\n\n");
    waiting = blocks.pop();
    yield* blocks.map(event).filter(Boolean);
  }
}

async function request(path, options = {}) {
  const reply = await fetch(path, { ...options, headers: { ...headers(), ...options.headers }, cache: "no-store" })
    .catch((error) => {
      throw error.name === "AbortError" ? error : new Error("the server cannot be reached: is it still running?");
    });
  if (reply.ok) return reply;
  const said = parsed(await reply.text());
  throw new Refused(reply.status, said.error, said.message ?? `the server said ${reply.status}`);
}

function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return { "X-Workspace": workspace(), ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
}

/** A random word: whoever does not know it does not see the files. */
function workspace() {
  const kept = sessionStorage.getItem(WORKSPACE);
  if (kept !== null) return kept;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(WORKSPACE, made);
  return made;
}

function event(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
  return fields.event ? { name: fields.event, data: JSON.parse(fields.data) } : null;
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
