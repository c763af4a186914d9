// Elements from plain calls. Text is always text: nothing that the ledger holds is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Return an HTML element. */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Return an SVG element. */
export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Replace what an element holds. */
export function show(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** Return a card: a section with a heading, something at its right, and a content. */
export function card(title, content, { more = null, size = "", padded = false } = {}) {
  return h("section", { class: `card ${size}`, "aria-label": title },
    h("header", {}, h("h2", {}, title), more && h("div", { class: "more" }, more)),
    padded ? h("div", { class: "body" }, content) : content);
}

/** Return a table that turns into a list of cards on narrow screens. `columns`: [title, cell(row), class]. */
export function table(caption, columns, rows, { body = h("tbody") } = {}) {
  append(body, rows.map((row) => tableRow(columns, row)));
  return h("div", { class: "scroll" }, h("table", { class: "stack", "aria-label": caption },
    h("thead", {}, h("tr", {}, columns.map(([title, , kind]) => h("th", { scope: "col", class: kind }, title)))), body));
}

export function tableRow(columns, row, fresh = false) {
  return h("tr", { class: fresh ? "fresh" : null },
    columns.map(([title, cell, kind]) => h("td", { class: kind, "data-label": title }, h("span", {}, cell(row)))));
}

/** Return names and values side by side; pairs whose value is null are left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" },
    pairs.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function tiles(pairs) {
  return h("dl", { class: "tiles" }, pairs.map(([name, value, note]) =>
    h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value, note && h("small", {}, note)))));
}

export function label(text, kind = "") {
  return h("span", { class: `label ${kind}` }, text);
}

export function notice(text, kind = "") {
  return h("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
}

export function button(text, action, kind = "plain") {
  return h("button", { type: "button", class: kind, onclick: action }, text);
}

function copyIcon() {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("rect", { x: 5.5, y: 5.5, width: 8, height: 8, rx: 1.5 }), svg("path", { d: "M10.5 3V2.5h-8v8H3" }));
}

/** Return a button that copies a text. */
export function copier(text) {
  const it = h("button", { type: "button", class: "copy", "aria-label": "Copy", title: "Copy" }, copyIcon());
  it.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    it.replaceChildren("copied");
    setTimeout(() => it.replaceChildren(copyIcon()), 1200);
  });
  return it;
}
