// The learning loop: inbox, versions and roll-outs, report, and trying a question.
import { read, send } from "./knowledge_api.js";
import { badge, button, make, percent, table, when } from "./knowledge_parts.js";
import { word } from "./words.js";

/** Show the inbox, clustered. */
export async function showInbox(view, page) {
  const { value } = await read(`${page.path}/inbox`);
  const cards = value.clusters.map((one) => cluster(view, page, one));
  const empty = make("p", { className: "empty" }, word("kb.empty"));
  view.replaceChildren(make("p", {}, word("kb.waiting", value)), ...(cards.length ? cards : [empty]));
}

function cluster(view, page, one) {
  const topic = make("input", { value: one.topic, placeholder: word("kb.topic_id"), maxLength: 128 });
  topic.setAttribute("aria-label", word("kb.topic_id"));
  const questions = one.questions.map((question) => question.id);
  const decide = (name, decision) => button(name, () => page.show(async () => {
    const body = { questions, decision };
    if (decision === "similar" || decision === "topic") body.topic = topic.value.trim();
    if (decision === "topic") body.question = one.name.trim().split(/\s+/).join(" ");
    const done = await send("POST", `${page.path}/inbox/reviews`, { body });
    await showInbox(view, page);
    page.say(word("kb.reviewed", done));
  }));
  return make(
    "div",
    { className: "card" },
    make("h3", {}, one.name, badge(String(one.size))),
    make("ul", {}, ...one.questions.slice(1, 6).map((question) => make("li", {}, question.text))),
    make(
      "div",
      { className: "tools" },
      topic,
      decide("kb.as_similar", "similar"),
      decide("kb.as_topic", "topic"),
      decide("kb.as_stranger", "stranger"),
      decide("kb.ignore", "ignore"),
    ),
  );
}

/** Show published versions, and how trained ones come out. */
export async function showVersions(view, page) {
  const { value } = await read(`${page.path}/versions`);
  const trained = (await read(`${page.path}/rollouts`)).value;
  const note = make("input", { placeholder: word("kb.note"), maxLength: 500 });
  const act = (path, body) => page.show(async () => {
    const done = await send("POST", page.path + path, { body });
    await showVersions(view, page);
    if (done.number && done.digest) page.say(word("kb.published", done));
  });
  const tools = make(
    "div",
    { className: "tools" },
    note,
    button("kb.publish", () => act("/versions", { note: note.value }), ""),
    button("kb.train", () => act("/rollouts", { note: note.value })),
  );
  const versions = value.items.map((one) => [
    String(one.number),
    when(one.at),
    one.by,
    one.restored ? word("kb.restored", { n: one.restored }) : one.note,
    String(one.topics),
    one.live ? badge(word("kb.live"), "good") : button("kb.restore", () => act(`/versions/${one.number}/restore`, {})),
  ]);
  const rollouts = trained.items.map((one) => [
    String(one.number),
    badge(word(`kb.${one.stage}`), STAGES[one.stage] ?? ""),
    when(one.steps.at(-1).at),
    why(one),
    make("span", { className: "tools" }, ...moves(one, act)),
  ]);
  view.replaceChildren(
    tools,
    table(["#kb.version", "kb.when", "kb.who", "kb.note", "#kb.topics", ""], versions),
    make("h2", { className: "part" }, word("kb.rollouts")),
    table(["#", "", "kb.when", "kb.why", ""], rollouts),
  );
}

const STAGES = { all: "good", rejected: "bad", failed: "bad", rolled_back: "bad" };

function why(one) {
  const told = one.steps.at(-1).why;
  if (told || !one.gate) return told;
  const { items, accuracy, live_accuracy } = one.gate;
  return word("kb.gate", { items, accuracy: percent(accuracy), live: percent(live_accuracy) });
}

function moves(one, act) {
  const move = (to) => () => act(`/rollouts/${one.number}/moves`, { to });
  const on = ["shadow", "tenth"].includes(one.stage) ? [button("kb.advance", move("advance"))] : [];
  const back = ["queued", "training", "shadow", "tenth", "all"].includes(one.stage);
  return back ? [...on, button("kb.roll_back", move("roll_back"), "danger")] : on;
}

/** Show how well the bots do. */
export async function showReport(view, page) {
  const zone = -new Date().getTimezoneOffset();
  const query = new URLSearchParams({ base: page.base, offset_minutes: zone });
  const { value } = await read(`/bot/report?${query}`);
  const { total } = value;
  const figure = (name, text) => make("div", {}, make("b", {}, text), make("span", {}, word(name)));
  const topics = (rows) => table(
    ["kb.topic", "#kb.shown", "#kb.failures"],
    rows.map((one) => [one.topic, String(one.shown), String(one.failed)]),
  );
  const days = value.days.map((one) => [
    one.day, String(one.questions), percent(one.answer_rate), percent(one.clarify_rate),
    percent(one.fallback_rate), String(one.sessions), String(one.handed_off), percent(one.containment),
  ]);
  view.replaceChildren(
    make(
      "div",
      { className: "figures" },
      figure("kb.questions", String(total.questions)),
      figure("kb.answer_rate", percent(total.answer_rate)),
      figure("kb.clarify_rate", percent(total.clarify_rate)),
      figure("kb.fallback_rate", percent(total.fallback_rate)),
      figure("kb.sessions", String(total.sessions)),
      figure("kb.containment", percent(total.containment)),
      figure("kb.pending", String(total.pending)),
    ),
    part("kb.by_day", table(
      ["kb.day", "#kb.questions", "#kb.answer_rate", "#kb.clarify_rate", "#kb.fallback_rate",
        "#kb.sessions", "#kb.handed_off", "#kb.containment"],
      days,
    )),
    part("kb.handoffs", table(["kb.why", "#kb.sessions"], value.handoffs.map((one) => [one.reason, String(one.sessions)]))),
    part("kb.top", topics(value.top_topics)),
    part("kb.failing", topics(value.failing_topics)),
  );
}

function part(name, content) {
  return make("div", {}, make("h2", { className: "part" }, word(name)), content);
}

/** Try a question: what the bot would say, and why. */
export function showTry(view, page) {
  const question = make("input", { className: "grow", required: true, maxLength: 10_000, placeholder: word("write") });
  question.setAttribute("aria-label", word("write"));
  const what = make("select", {}, make("option", { value: "draft" }, word("kb.draft")), make("option", { value: "live" }, word("kb.live")));
  const found = make("div", {});
  const form = make("form", { className: "tools" }, question, what, make("button", {}, word("kb.ask")));
  form.onsubmit = (event) => {
    event.preventDefault();
    page.show(async () => {
      const body = { question: question.value, what: what.value };
      const { decision } = await send("POST", `${page.path}/search-test`, { body });
      found.replaceChildren(...explain(decision));
    });
  };
  view.replaceChildren(form, found);
}

function explain(decision) {
  const nearest = (decision.explanation?.nearest ?? []).map(([text, topic, score]) => [text, topic, score.toFixed(2)]);
  const offered = (decision.suggestions ?? []).map((one) => [one.question, one.topic, percent(one.confidence)]);
  return [
    make(
      "div",
      { className: "card" },
      make("h3", {}, word(`kb.${decision.band}_band`), badge(decision.why)),
      make("p", {}, `${word("kb.topic")}: ${decision.topic || "–"}`),
      make("p", {}, `${word("kb.confidence")}: ${percent(decision.confidence ?? 0)}`),
    ),
    offered.length ? table(["kb.question", "kb.topic", "#kb.confidence"], offered) : "",
    make("h2", { className: "part" }, word("kb.nearest")),
    table(["kb.question", "kb.topic", "#kb.score"], nearest),
  ];
}
