// Asking the node: JSON answers, event streams that resume, and what went wrong in words.

let token = sessionStorage.getItem("token");

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

export function setToken(text) {
  token = text;
  sessionStorage.setItem("token", text);
}

function headers(accept) {
  return token ? { Accept: accept, Authorization: `Bearer ${token}` } : { Accept: accept };
}

/** Fetch a resource; `signal` gives up with the page that asked. */
export async function fetchRaw(path, signal, accept = "application/json") {
  const response = await fetch(path, { headers: headers(accept), signal });
  if (!response.ok) {
    let problem = {};
    try { problem = await response.json(); } catch { /* Not a problem document: the status says it all. */ }
    throw new ApiError(response.status, problem);
  }
  return response;
}

export async function get(path, signal) {
  return (await fetchRaw(path, signal)).json();
}

/** Return a path with query parameters; absent ones are left out. */
export function withQuery(path, query) {
  const parts = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = parts.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return text ? `${path}?${text}` : path;
}

/** Call a view of a contract. */
export async function view(contract, method, args, signal) {
  const path = `/v1/contracts/${encodeURIComponent(contract)}/views/${encodeURIComponent(method)}`;
  return get(withQuery(path, { args: JSON.stringify(args) }), signal);
}

/** Follow a stream until the signal ends it. `take(data)` gets each event, `state(true|false)` whether it is connected. */
export async function follow(path, signal, take, state) {
  let last = null;
  while (!signal.aborted) {
    try {
      const extra = last ? { "Last-Event-ID": last } : {};
      const response = await fetch(path, { headers: { ...headers("text/event-stream"), ...extra }, signal, cache: "no-store" });
      if (!response.ok) throw new ApiError(response.status, {});
      state(true);
      last = await readStream(response, take, last);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError || error instanceof TypeError)) throw error;
    }
    state(false);
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}

async function readStream(response, take, last) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return last;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
      }
      if (fields.id) last = fields.id;
      if (fields.event === "error") return last;
      if (fields.data) take(JSON.parse(fields.data));
    }
  }
}
