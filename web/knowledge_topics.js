// Topics of the draft: list, edit, files in and out, check.
import { ask, read, send } from "./knowledge_api.js";
import { badge, button, field, fromInput, linesOf, make, table, toInput, when } from "./knowledge_parts.js";
import { word } from "./words.js";

const FORMATS = { xlsx: "xlsx", csv: "csv", yaml: "yaml", yml: "yaml" };

/** Show the topics of a base in `view`. `page` offers `path`, `say` and `show`. */
export async function showTopics(view, page, asked = { q: "", cursor: "" }) {
  const search = make("input", { type: "search", value: asked.q, placeholder: word("kb.search") });
  search.setAttribute("aria-label", word("kb.search"));
  const query = new URLSearchParams({ limit: 50 });
  if (asked.q) query.set("q", asked.q);
  if (asked.cursor) query.set("cursor", asked.cursor);
  const { value } = await read(`${page.path}/topics?${query}`);
  search.onchange = () => page.show(() => showTopics(view, page, { q: search.value, cursor: "" }));
  const rows = value.items.map((topic) => [
    topic.question,
    topic.id,
    topic.category,
    String(topic.similar.length + 1),
    topic.enabled ? (topic.hot ? badge(`★ ${topic.hot}`) : "") : badge("–", "bad"),
    button("kb.edit", () => page.show(() => showTopic(view, page, topic.id))),
  ]);
  const columns = ["kb.question", "kb.id", "kb.category", "#kb.phrasings", "", ""];
  const more = value.next
    ? button("kb.more", () => page.show(() => showTopics(view, page, { q: asked.q, cursor: value.next })))
    : null;
  view.replaceChildren(make("div", { className: "tools" }, search, ...tools(view, page)), table(columns, rows), more ?? "");
}

function tools(view, page) {
  const file = make("input", { type: "file", accept: ".xlsx,.csv,.yaml,.yml", hidden: true });
  const strict = make("input", { type: "checkbox" });
  file.onchange = () => page.show(() => importFile(view, page, file.files[0], strict.checked));
  return [
    button("kb.new_topic", () => page.show(() => showTopic(view, page, null)), ""),
    button("kb.import", () => file.click()),
    file,
    make("label", {}, strict, word("kb.all_or_none")),
    button("kb.export", () => page.show(() => exportFile(page))),
    button("kb.check", () => page.show(() => check(view, page))),
    button("kb.weak", () => page.show(() => showWeak(view, page))),
  ];
}

async function importFile(view, page, file, strict) {
  const format = FORMATS[file.name.split(".").pop().toLowerCase()] ?? "xlsx";
  const query = new URLSearchParams({ format, all_or_none: strict });
  const options = { body: new Blob([file]), type: "application/octet-stream" };
  const done = await send("POST", `${page.path}/import?${query}`, options);
  const told = done.imported ? "kb.imported" : "kb.not_imported";
  await showTopics(view, page);
  const bad = done.bad.map((row) => make("li", {}, word("kb.bad_row", row)));
  if (bad.length) view.prepend(make("div", { className: "card" }, make("ul", {}, ...bad)));
  page.say(word(told, { ...done, bad: done.bad.length }));
}

async function exportFile(page) {
  const answer = await ask("GET", `${page.path}/export?format=xlsx`);
  const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: "knowledge.xlsx" });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function check(view, page) {
  const { value } = await read(`${page.path}/check`);
  const rows = value.findings.map((one) => [
    badge(one.code, one.severity === "error" ? "bad" : ""),
    one.topic,
    one.detail,
  ]);
  await showTopics(view, page);
  if (rows.length) view.prepend(make("div", { className: "card" }, table(["", "kb.topic", "kb.why"], rows)));
  page.say(value.publishable ? word("kb.fine") : `${rows.length}`);
}

async function showWeak(view, page) {
  page.say(word("kb.learning"));
  const { value } = await read(`${page.path}/weak-topics`);
  const rows = value.topics.map((one) => [
    one.question,
    one.topic,
    String(one.wordings_n),
    one.found === null ? "–" : `${Math.round(100 * one.found)} %`,
    button("kb.edit", () => page.show(() => showTopic(view, page, one.topic))),
  ]);
  await showTopics(view, page);
  const columns = ["kb.question", "kb.id", "#kb.phrasings", "#kb.found", ""];
  if (rows.length) view.prepend(make("div", { className: "card" }, table(columns, rows)));
  page.say(word(rows.length ? "kb.weak_n" : "kb.none_weak", { n: value.total }));
}

const NEW = { question: "", similar: [], answers: [], category: "", related: [], enabled: true, hot: 0 };

async function showTopic(view, page, id) {
  const found = id ? await read(`${page.path}/topics/${encodeURIComponent(id)}`) : { value: NEW, etag: "" };
  const topic = found.value;
  const plain = (audience) => topic.answers.find((one) => (one.kind ?? "text") === "text" && (one.audience ?? "customer") === audience);
  const inputs = {
    question: make("input", { value: topic.question, required: true, maxLength: 2000 }),
    similar: make("textarea", { value: topic.similar.join("\n") }),
    customer: make("textarea", { value: plain("customer")?.text ?? "" }),
    agent: make("textarea", { value: plain("agent")?.text ?? "" }),
    category: make("input", { value: topic.category, maxLength: 300 }),
    related: make("input", { value: topic.related.join(" ") }),
    from: make("input", { type: "datetime-local", value: toInput(topic.valid_from) }),
    until: make("input", { type: "datetime-local", value: toInput(topic.valid_until) }),
    hot: make("input", { type: "number", min: 0, value: topic.hot }),
    enabled: make("input", { type: "checkbox", checked: topic.enabled }),
  };
  const form = make("form", { className: "edit" });
  form.append(
    field("kb.question", inputs.question),
    field("kb.similar", inputs.similar),
    field("kb.answer", inputs.customer),
    field("kb.agent_answer", inputs.agent),
    make("div", { className: "row" }, field("kb.category", inputs.category), field("kb.related", inputs.related)),
    make("div", { className: "row" }, field("kb.from", inputs.from), field("kb.until", inputs.until)),
    field("kb.hot", inputs.hot),
    make("label", { className: "check" }, inputs.enabled, word("kb.enabled")),
    make("div", { className: "tools" }, make("button", {}, word("kb.save")), ...acts(view, page, found, id)),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    page.show(() => save(view, page, id, found, inputs));
  };
  const past = id ? await history(page, id) : "";
  view.replaceChildren(form, past);
}

function acts(view, page, found, id) {
  const back = button("kb.cancel", () => page.show(() => showTopics(view, page)));
  if (!id) return [back];
  const gone = button("kb.delete", () => confirm(word("kb.sure")) && page.show(async () => {
    await send("DELETE", `${page.path}/topics/${encodeURIComponent(id)}`, { etag: found.etag });
    await showTopics(view, page);
  }), "danger");
  return [back, gone];
}

async function save(view, page, id, found, inputs) {
  const texts = [["customer", inputs.customer.value.trim()], ["agent", inputs.agent.value.trim()]];
  const firsts = new Set();
  // Pictures and cards, and further texts, stay as they are: this form shows the first text of each.
  const others = found.value.answers.filter((one) => {
    const key = one.audience ?? "customer";
    if ((one.kind ?? "text") !== "text" || firsts.has(key)) return true;
    firsts.add(key);
    return false;
  });
  const written = texts.filter(([, text]) => text).map(([audience, text]) => ({ kind: "text", text, audience }));
  const body = {
    question: inputs.question.value.trim(),
    similar: linesOf(inputs.similar.value),
    answers: [...written, ...others],
    category: inputs.category.value.trim(),
    related: inputs.related.value.split(/\s+/).filter(Boolean),
    valid_from: fromInput(inputs.from.value),
    valid_until: fromInput(inputs.until.value),
    enabled: inputs.enabled.checked,
    hot: Number(inputs.hot.value),
    source: found.value.source ?? "",
  };
  if (id) await send("PUT", `${page.path}/topics/${encodeURIComponent(id)}`, { body, etag: found.etag });
  else await send("POST", `${page.path}/topics`, { body });
  await showTopics(view, page);
  page.say(word("kb.saved"));
}

async function history(page, id) {
  const { value } = await read(`${page.path}/topics/${encodeURIComponent(id)}/history?limit=20`);
  const rows = value.items.map((one) => [when(one.at), one.actor, one.action, one.before?.question ?? ""]);
  return make("div", {}, make("h2", { className: "part" }, word("kb.history")), table(["kb.when", "kb.who", "", "kb.question"], rows));
}
