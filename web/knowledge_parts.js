// Small pieces that the knowledge page is made of.
import { word } from "./words.js";

/** Return an element: `make("td", {className: "number"}, "text", child)`. */
export function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Return a button that does something; what it throws is shown by `show`. */
export function button(name, act, className = "quiet") {
  const node = make("button", { type: "button", className }, word(name));
  node.onclick = () => act(node);
  return node;
}

/** Return a table; each row is an array of texts and elements. Columns named `#...` hold numbers. */
export function table(columns, rows) {
  const isNumber = columns.map((name) => name.startsWith("#"));
  const cell = (tag, content, n) =>
    make(tag, { className: isNumber[n] ? "number" : "" }, content ?? "");
  const head = columns.map((name, n) => cell("th", name && word(name.replace("#", "")), n));
  const lines = rows.map((row) => {
    const line = make("tr", {}, ...row.map((content, n) => cell("td", content, n)));
    return line;
  });
  if (!lines.length) return make("p", { className: "empty" }, word("kb.empty"));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines));
}

export function badge(text, kind = "") {
  return make("span", { className: `badge ${kind}` }, text);
}

export function field(name, input) {
  return make("label", {}, word(name), input);
}

export function when(seconds) {
  return new Date(seconds * 1000).toLocaleString(document.documentElement.lang, { hour12: false });
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(1)} %`;
}

/** Between seconds since 1970 and what an input of a local date and time holds. */
export function toInput(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const local = new Date(seconds * 1000);
  return new Date(local.getTime() - local.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromInput(text) {
  return text ? new Date(text).getTime() / 1000 : null;
}

export function linesOf(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
