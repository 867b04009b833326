// Talks with the server, and with no other. Every error becomes one sentence for people.

import { t } from "./i18n.js";

const RETRY_AFTER = 3000;

export class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Whether nobody was there, or a proxy said so: the same request may be answered later. */
export const isPassing = (error) => [0, 408, 429, 502, 503, 504].includes(error.status);

/** Where the API is: data-api of the page's element, relative to the page's address, so that subpaths work; else beside this file. */
export function apiBase(root) {
  const given = root.dataset.api;
  const base = given ? new URL(given, document.baseURI) : new URL("../api/v1", import.meta.url);
  return base.href.replace(/\/+$/, "");
}

export function createApi(base) {
  const url = (path, params = {}) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined && value !== null) query.set(name, value);
    }
    const words = query.toString();
    return `${base}/${path}${words ? `?${words}` : ""}`;
  };
  return {
    url,
    get: (path, params) => answer(url(path, params), { headers: { Accept: "application/json" } }),
    post: (path, body = {}) =>
      answer(url(path), {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-LoRA-Workbench": "1" },
        body: JSON.stringify(body),
        keepalive: path === "project", // the last edit arrives even where the page is left at once
      }),
    /** Sends bytes as they are. */
    bytes: (path, params, body, signal) =>
      answer(url(path, params), {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream", "X-LoRA-Workbench": "1" },
        body,
        signal,
      }),
    text: (path) => answer(url(path), {}, (reply) => reply.text()),
    listen: (onMessage, onState) => listen(url("events"), onMessage, onState),
  };
}

async function answer(address, options, read = (reply) => reply.json()) {
  let reply;
  try {
    reply = await fetch(address, { credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(t("The server does not answer. Is it still running?"));
  }
  if (reply.ok) return read(reply);
  let sentence = "";
  try {
    const told = await reply.json();
    sentence = told.error || told.detail || "";
  } catch {
    sentence = ""; // not our JSON: a proxy, or the host's own page
  }
  throw new ApiError(String(sentence) || t("The server answered with error {status}.", { status: reply.status }), reply.status);
}

/** Server-sent events, opened again when they break; returns what closes them. */
function listen(address, onMessage, onState) {
  let source = null;
  let timer = 0;
  let closed = false;
  const open = () => {
    source = new EventSource(address);
    source.onopen = () => onState(true);
    source.onmessage = (message) => onMessage(JSON.parse(message.data));
    source.onerror = () => {
      onState(false);
      source.close(); // the browser's own retry gives up after an error status, ours does not
      clearTimeout(timer);
      if (!closed) timer = setTimeout(open, RETRY_AFTER);
    };
  };
  open();
  return () => {
    closed = true;
    clearTimeout(timer);
    source.close();
  };
}
