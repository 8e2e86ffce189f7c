// The whole page: both sides, and the language switch. `?site=..&org=..&login=..&queue=..` fill the
// forms.
import { runAgent } from "./agent.js";
import { runCustomer } from "./customer.js";
import { otherLanguage, switchLanguage, translate } from "./words.js";

const given = new URLSearchParams(location.search);
const defaults = {
  site: given.get("site") ?? "demo-site",
  org: given.get("org") ?? "demo",
  login: given.get("login") ?? "alice",
  queue: given.get("queue") ?? "",
};

translate();
const language = document.getElementById("language");
language.textContent = otherLanguage();
language.onclick = () => {
  language.textContent = switchLanguage();
  document.dispatchEvent(new Event("languagechange"));
};
runCustomer(document.getElementById("customer"), defaults);
runAgent(document.getElementById("agent"), defaults);
