// The frame: which page an address names, the search field, the theme, the keyboard.

import { ApiError, get, setToken, withQuery } from "./api.js";
import { button, h, notice, show } from "./dom.js";
import { path, resultPath, short } from "./format.js";
import { apiPage } from "./page_api.js";
import { blockPage, blocksPage, eventsPage, transactionPage, transactionsPage, wordPage } from "./page_chain.js";
import { contractPage, contractsPage } from "./page_contract.js";
import { homePage } from "./page_home.js";
import { itemPage } from "./page_item.js";
import { networkPage } from "./page_network.js";
import { accountPage, organisationPage, organisationsPage, proposalPage, proposalsPage } from "./page_people.js";
import { searchPage } from "./page_search.js";
import { transferPage } from "./page_transfer.js";
import { verifyPage } from "./page_verify.js";

const ROUTES = [
  ["", homePage], ["blocks", blocksPage], ["blocks/:", blockPage], ["transactions", transactionsPage],
  ["transactions/:", transactionPage], ["contracts", contractsPage], ["contracts/:", contractPage],
  ["contracts/:/:", contractPage], ["events", eventsPage], ["organisations", organisationsPage],
  ["organisations/:", organisationPage], ["accounts/:", accountPage], ["items/:", itemPage],
  ["transfers/:", transferPage], ["words/:", wordPage], ["network", networkPage], ["proposals", proposalsPage],
  ["proposals/:", proposalPage], ["search", searchPage], ["verify", verifyPage], ["api", apiPage],
];

const NAVIGATION = [
  ["Overview", "", "h"], ["Blocks", "blocks", "b"], ["Transactions", "transactions", "t"], ["Events", "events", "e"],
  ["Contracts", "contracts", "c"], ["Organisations", "organisations", "o"], ["Network", "network", "n"],
  ["Proposals", "proposals", "p"], ["Verify", "verify", "v"], ["API", "api", "a"],
];

const main = document.getElementById("main");
const field = document.getElementById("search");
const list = document.getElementById("suggestions");
let leaving = new AbortController();

function place() {
  const [route, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: route.split("/").map(decodeURIComponent), query: new URLSearchParams(query ?? "") };
}

function find(parts) {
  for (const [pattern, page] of ROUTES) {
    const names = pattern.split("/");
    if (names.length === parts.length && names.every((name, at) => name === ":" || name === parts[at])) {
      return [page, parts.filter((_, at) => names[at] === ":")];
    }
  }
  return [null, []];
}

async function render() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  closeMenu();
  let parts, query;
  try { ({ parts, query } = place()); } catch { parts = ["unreadable"]; query = new URLSearchParams(); }
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.page === parts[0]) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const [page, values] = find(parts);
  main.setAttribute("aria-busy", "true");
  const wait = setTimeout(() => show(main, h("p", { class: "loading" }, "Loading …")), 250);
  try {
    const { title, content } = page ? await page({ values, query, signal }) : unknown();
    if (signal.aborted) return;
    clearTimeout(wait);
    document.title = `${title} · Tallystick`;
    show(main, content);
  } catch (error) {
    clearTimeout(wait);
    if (signal.aborted || error.name === "AbortError") return;
    if (!(error instanceof ApiError || error instanceof TypeError)) console.error(error);
    document.title = "Not shown · Tallystick";
    show(main, failure(error));
  }
  main.removeAttribute("aria-busy");
  window.scrollTo(0, 0);
  // Who is typing a search already goes on typing.
  if (document.activeElement !== field) main.focus({ preventScroll: true });
}

function unknown() {
  return { title: "No such page", content: [h("h1", {}, "No such page"), h("p", {}, h("a", { href: "#/" }, "To the overview"))] };
}

function failure(error) {
  if (error.status === 401) return tokenForm();
  const titles = { 404: "Not found", 410: "No longer kept here", 503: "The node is not ready" };
  const title = error instanceof ApiError ? titles[error.status] ?? "The node refused" : "The node does not answer";
  return [h("h1", {}, title), notice(error.message, "bad"), button("Try again", render)];
}

function tokenForm() {
  const input = h("input", { class: "text", type: "password", autocomplete: "off", id: "token" });
  const form = h("form", { class: "card" }, h("div", { class: "body" },
    h("label", { class: "field" }, h("span", {}, "Access token"), input), h("button", { class: "plain primary" }, "Go on")));
  form.addEventListener("submit", (event) => { event.preventDefault(); setToken(input.value.trim()); render(); });
  return [h("h1", {}, "This node asks who reads"), h("p", { class: "lead" }, "Its operator gives tokens to readers. It is kept until this tab is closed."), form];
}

// Search: suggestions as one types; Enter takes the chosen one, or the only exact one, or shows the page of results.

let asked = 0;
let found = [];
let chosen = -1;

async function suggest() {
  const text = field.value.trim();
  const mine = ++asked;
  if (text.length < 2) return hideSuggestions();
  await new Promise((resolve) => setTimeout(resolve, 150));
  if (mine !== asked) return undefined;
  try {
    const answer = await get(withQuery("/v1/search", { q: text, limit: 8 }));
    if (mine === asked && document.activeElement === field) showSuggestions(answer.results);
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof TypeError)) throw error;
    hideSuggestions();
  }
  return undefined;
}

function showSuggestions(results) {
  found = results;
  chosen = -1;
  show(list, results.map((result, at) => h("li", { role: "option", id: `suggestion-${at}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); go(result); } },
    h("span", { class: "label" }, result.type), h("b", { title: result.id }, result.id.length === 64 ? short(result.id) : result.id))));
  list.hidden = !results.length;
  field.setAttribute("aria-expanded", String(!list.hidden));
}

function hideSuggestions() {
  asked += 1;
  list.hidden = true;
  chosen = -1;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function choose(step) {
  if (list.hidden) return;
  chosen = (chosen + step + found.length) % found.length;
  [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
  field.setAttribute("aria-activedescendant", `suggestion-${chosen}`);
}

function go(result) {
  field.value = "";
  field.blur();
  location.hash = resultPath(result);
}

field.addEventListener("input", suggest);
field.addEventListener("blur", hideSuggestions);
field.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(event.key === "ArrowDown" ? 1 : -1); }
  if (event.key === "Escape") { hideSuggestions(); field.blur(); }
});
document.getElementById("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (chosen >= 0 && !list.hidden) return go(found[chosen]);
  field.blur();
  if (text) location.hash = `#/search?q=${encodeURIComponent(text)}`;
  return undefined;
});

// Theme: the system's, until somebody chooses.

const dark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const theme = localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "☀" : "☾";
}

dark.addEventListener("change", applyTheme);
document.getElementById("theme").addEventListener("click", () => {
  localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  applyTheme();
});
applyTheme();

// Menu and keyboard.

const menu = document.getElementById("menu");
const nav = document.getElementById("nav");

function closeMenu() {
  nav.classList.remove("open");
  menu.setAttribute("aria-expanded", "false");
}

menu.addEventListener("click", () => menu.setAttribute("aria-expanded", String(nav.classList.toggle("open"))));
show(nav, NAVIGATION.map(([title, page, key]) =>
  h("a", { href: page ? path(page) : "#/", "data-page": page, title: `Keys: g ${key}` }, title)));

let waiting = false;
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (waiting) {
    waiting = false;
    const target = NAVIGATION.find(([, , key]) => key === event.key);
    if (target) { event.preventDefault(); location.hash = `#/${target[1]}`; }
  } else if (event.key === "/") {
    event.preventDefault();
    field.focus();
  } else if (event.key === "g") {
    waiting = true;
    setTimeout(() => { waiting = false; }, 1500);
  }
});

async function footer() {
  const network = await get("/v1/network");
  show(document.getElementById("foot"), h("span", {}, `Ledger ${network.name}`), h("span", {}, `node ${network.node.name}, version ${network.node.version}`),
    h("span", {}, "genesis ", h("a", { href: "#/verify", class: "mono", title: network.genesis_hash }, short(network.genesis_hash))),
    h("span", {}, "Keys: ", h("kbd", {}, "/"), " search, ", h("kbd", {}, "g"), " and a page's letter"));
}

window.addEventListener("hashchange", render);
render();
footer().catch((error) => { if (!(error instanceof ApiError || error instanceof TypeError)) throw error; });
