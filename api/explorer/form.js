// Input fields made from the types of an interface (ABI), and the values that they stand for.

import { h } from "./dom.js";

const optional = (type) => type.split("|").map((part) => part.trim()).includes("None");
const base = (type) => type.split("|").map((part) => part.trim()).find((part) => part !== "None");

/** Return the field for one parameter. */
export function inputFor({ name, type }, abi) {
  const kind = base(type);
  if (kind === "bool") return h("select", { class: "text", name }, optional(type) && h("option", { value: "" }, "none"), h("option", {}, "true"), h("option", {}, "false"));
  if (kind === "int") return h("input", { class: "text", name, inputmode: "numeric", pattern: "-?[0-9]+", required: !optional(type), autocomplete: "off" });
  if (kind === "str" || kind === "bytes") {
    return h("input", { class: "text", name, autocomplete: "off", placeholder: kind === "bytes" ? "hexadecimal digits" : "", pattern: kind === "bytes" ? "([0-9a-fA-F]{2})*" : null });
  }
  const record = abi.records.find((it) => it.name === kind);
  const example = record ? `{"map": {${record.fields.map((field) => `"${field.name}": …`).join(", ")}}}` : kind.startsWith("list") ? "[ ]" : '{"map": { }}';
  return h("textarea", { class: "text", name, rows: 3, placeholder: example, spellcheck: "false" });
}

/**
 * Return the contract value in a field, in the JSON form of the API.
 * Throws SyntaxError for a text that is not the JSON of a value.
 */
export function read(input, { type }) {
  const kind = base(type);
  const text = input.value;
  if (text === "" && optional(type)) return null;
  if (kind === "bool") return text === "true";
  if (kind === "int") return { int: String(BigInt(text.trim() || "0")) };
  if (kind === "str") return text;
  if (kind === "bytes") return { bytes: text.toLowerCase() };
  return JSON.parse(text || (kind.startsWith("list") ? "[]" : '{"map": {}}'));
}
