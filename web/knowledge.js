// The knowledge page of administrators: `?org=..&login=..&base=..&tab=..` fill it in.
import * as api from "./knowledge_api.js";
import { showInbox, showReport, showTry, showVersions } from "./knowledge_learning.js";
import { make } from "./knowledge_parts.js";
import { showTopics } from "./knowledge_topics.js";
import { EN, ZH } from "./knowledge_words.js";
import { addWords, otherLanguage, switchLanguage, translate, word } from "./words.js";

addWords(ZH, EN);
const given = new URLSearchParams(location.search);
const find = (selector) => document.querySelector(selector);
const view = find("#view");
const tabs = find("#tabs");
const bases = find("#bases");
const notice = find(".notice");
const welcome = find("#sign-in");
const VIEWS = { topics: showTopics, inbox: showInbox, versions: showVersions, report: showReport, try: showTry };
let tab = VIEWS[given.get("tab")] ? given.get("tab") : "topics";

const page = {
  base: given.get("base") ?? "",
  get path() {
    return `/knowledge/bases/${encodeURIComponent(this.base)}`;
  },
  say(text) {
    notice.textContent = text;
  },
  /** Do something and show what goes wrong. */
  async show(work) {
    notice.textContent = "";
    view.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      notice.textContent = error.message || String(error);
      if (error.status === 401) welcome.hidden = false;
    } finally {
      view.removeAttribute("aria-busy");
    }
  },
};

function showTab(name) {
  tab = name;
  for (const one of tabs.children) one.classList.toggle("on", one.dataset.tab === name);
  if (page.base) page.show(() => VIEWS[name](view, page));
}

async function open() {
  const { value } = await api.read("/knowledge/bases?limit=500");
  welcome.hidden = true;
  tabs.hidden = bases.hidden = false;
  find("#new-base").hidden = false;
  const select = bases.querySelector("select");
  select.replaceChildren(...value.items.map((one) => make("option", { value: one.id }, one.name)));
  if (!value.items.some((one) => one.id === page.base)) page.base = value.items[0]?.id ?? "";
  select.value = page.base;
  select.onchange = () => {
    page.base = select.value;
    showTab(tab);
  };
  if (page.base) showTab(tab);
  else view.replaceChildren(make("p", { className: "empty" }, word("kb.empty")));
}

async function begin() {
  if (api.isSignedIn()) return open();
  welcome.org.value = given.get("org") ?? "demo";
  welcome.login.value = given.get("login") ?? "admin";
  if (!(await api.takesPasswords())) {
    welcome.password.closest("label").remove();
    welcome.login.closest("label").remove();
  }
  welcome.hidden = false;
}

welcome.onsubmit = (event) => {
  event.preventDefault();
  page.show(async () => {
    const { org, login, password } = welcome;
    if (!password) return api.leaveToSignIn(org.value.trim());
    await api.enter(org.value.trim(), login.value.trim(), password.value);
    await open();
  });
};
find("#new-base").onclick = () => {
  const name = prompt(word("kb.new_base"))?.trim();
  if (!name) return;
  page.show(async () => {
    const id = `b${Date.now().toString(36)}`;
    await api.send("POST", "/knowledge/bases", { body: { id, name } });
    page.base = id;
    await open();
  });
};
for (const one of tabs.children) one.onclick = () => showTab(one.dataset.tab);
const language = find("#language");
language.onclick = () => {
  language.textContent = switchLanguage();
  if (!tabs.hidden) showTab(tab);
};
translate();
language.textContent = otherLanguage();
page.show(begin);
