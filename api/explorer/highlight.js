// Colours for contract source: one pass over the text, and no markup from it.

import { h } from "./dom.js";

const KEYWORDS = new Set(("and as assert break continue def elif else False for from global if import in is lambda None not or pass "
  + "return True while with yield").split(" "));
const TOKEN = /("""[\s\S]*?"""|'''[\s\S]*?'''|[bf]?"(?:\\.|[^"\\\n])*"|[bf]?'(?:\\.|[^'\\\n])*')|(#[^\n]*)|(@[A-Za-z_]\w*)|(\b\d[\d_]*\b)|([A-Za-z_]\w*)|([\s\S])/g;

/** Return source as lines with colours. */
export function source(text) {
  const lines = [h("span", {})];
  let after = "";
  const put = (piece, kind) => {
    piece.split("\n").forEach((part, at) => {
      if (at) lines.push(h("span", { id: null }));
      if (part) lines.at(-1).append(kind ? h("span", { class: kind }, part) : part);
    });
  };
  for (const [piece, string, comment, decorator, digits, name] of text.matchAll(TOKEN)) {
    if (string) put(piece, "t-s");
    else if (comment) put(piece, "t-c");
    else if (decorator) put(piece, "t-d");
    else if (digits) put(piece, "t-n");
    else if (name) {
      put(piece, KEYWORDS.has(name) ? "t-k" : after === "def" ? "t-d" : null);
      after = name;
    } else put(piece, null);
  }
  return h("pre", { class: "source", tabindex: "0", "aria-label": "Source" }, lines);
}
