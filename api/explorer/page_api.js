// The API's own description as a page: what the node serves at /openapi.json.

import { get } from "./api.js";
import { card, h, label, table } from "./dom.js";

export async function apiPage({ signal }) {
  const document = await get("/openapi.json", signal);
  const groups = new Map();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const [tag] = operation.tags;
      groups.set(tag, [...(groups.get(tag) ?? []), { path, method, ...operation }]);
    }
  }
  return { title: "API", content: [
    h("h1", {}, "HTTP API"), document.info.description.split("\n\n").map((part) => h("p", { class: "lead" }, marked(part))),
    h("p", {}, h("a", { href: "/openapi.json" }, "OpenAPI 3.1 document")),
    [...groups].map(([tag, operations]) => card(tag, h("div", { class: "body" }, operations.map((it) => described(it, document))))),
    card("Schemas", h("div", { class: "body" }, Object.entries(document.components.schemas).map(([name, schema]) =>
      h("details", {}, h("summary", { class: "mono" }, name), h("pre", { class: "small" }, JSON.stringify(schema, null, 2)))))),
  ] };
}

function described(it, document) {
  const columns = [["Parameter", (one) => h("span", { class: "mono" }, one.name)], ["In", (one) => one.in], ["Form", (one) => h("span", { class: "mono small" }, form(one.schema))], ["Meaning", (one) => marked(one.description)]];
  const answers = Object.entries(it.responses).map(([status, response]) => ({ status, ...response }));
  const link = it.method === "get" && !it.path.includes("{") && !it.parameters.some((one) => one.required);
  return h("details", {}, h("summary", {}, label(it.method.toUpperCase(), it.method === "get" ? "accent" : "warn"), " ", h("b", { class: "mono" }, it.path), " ", h("span", { class: "quiet" }, marked(it.summary))),
    it.parameters.length ? table("Parameters", columns, it.parameters) : null,
    table("Answers", [["Status", (one) => one.status], ["Meaning", (one) => marked(one.description)], ["Form", (one) => h("span", { class: "mono small" }, schemas(one))]], answers),
    link ? h("p", {}, h("a", { href: it.path }, "Try it")) : null);
}

/** Show what stands between backticks as code. */
const marked = (text) => (text ?? "").split("`").map((part, place) => place % 2 ? h("code", {}, part) : part);

const schemas = (response) => Object.entries(response.content ?? {}).map(([type, { schema }]) => `${type}: ${form(schema)}`).join("; ");

function form(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.enum) return schema.enum.map((it) => JSON.stringify(it)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(form).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  return schema.type ? String(schema.type) : "any";
}
