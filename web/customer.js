// The left side: a customer.
import { Device, Refused } from "./device.js";
import { Log, ask, duration, showConnection } from "./log.js";
import { word } from "./words.js";

const OVER = new Set(["wrap-up", "closed"]);

/** Run the customer's side in `root`. */
export function runCustomer(root, defaults) {
  const find = (selector) => root.querySelector(selector);
  const welcome = find(".welcome");
  const say = find(".say");
  const rating = find(".rating");
  const notice = find(".notice");
  const ahead = find(".ahead");
  let device = null;
  let session = "";
  let log = null;
  let closed = false;
  let bot = false; // a bot serves: there is a button for a person

  welcome.site.value = defaults.site;
  welcome.queue.value = defaults.queue;

  async function token() {
    const site = welcome.site.value.trim();
    const kept = sessionStorage.getItem(`visitor.${site}`);
    const path = `/v1/sites/${encodeURIComponent(site)}/token`;
    const told = await ask(path, kept ? { token: kept } : {}, Refused).catch((error) => {
      if (!kept || error.code !== "bad_token") throw error;
      return ask(path, {}, Refused);
    });
    sessionStorage.setItem(`visitor.${site}`, told.token);
    return told.token;
  }

  function show() {
    const talking = Boolean(session) && !closed;
    welcome.hidden = Boolean(session);
    say.hidden = !talking;
    find(".end").hidden = !talking;
    find(".human").hidden = find(".unhelpful").hidden = !(talking && bot);
    if (!talking) ahead.replaceChildren();
    rating.hidden = !(session && closed);
  }

  function adopt(id) {
    if (!id || id === session) return;
    session = id;
    closed = false;
    bot = false;
    log = new Log((person) => person.role === "customer", sayText);
    find(".log").replaceChildren(log.node);
    rating.classList.remove("done");
    notice.textContent = "";
    show();
  }

  function onEvent(event) {
    switch (event.t) {
      case "connected":
      case "disconnected":
        showConnection(root, event);
        if (event.t === "connected") adopt(event.welcome.session);
        if (event.final) stop();
        break;
      case "session":
        if (!session && event.you === "customer" && !OVER.has(event.state)) adopt(event.session);
        if (event.session !== session) break;
        bot = event.agent?.kind === "bot";
        show();
        for (const one of event.receipts ?? []) if (one.side === "agent") log.marks(one);
        if (event.position) position(event);
        break;
      case "message":
        if (event.session !== session) break;
        notice.textContent = "";
        addMessage(event);
        break;
      case "event":
        if (event.session === session) journal(event);
        break;
      case "receipt":
        if (event.session === session && event.side === "agent") log.marks(event);
        break;
      case "typing":
        if (event.session === session && event.from.role !== "customer") typing(event.preview);
        break;
      case "suggested":
        suggest(event);
        break;
      case "position":
        if (event.session === session) position(event);
        break;
      case "idle":
        if (event.session === session) notice.textContent = word("idle");
        break;
      case "reset":
        log?.note(word("reset"));
        break;
      case "error":
        notice.textContent = event.detail;
        break;
      default:
    }
  }

  function addMessage(frame) {
    if (frame.from.role !== "customer" && bot !== (frame.from.kind === "bot")) {
      bot = frame.from.kind === "bot";
      show();
    }
    const bubble = log.message(frame);
    const mine = frame.from.role === "customer";
    if (mine && frame.body && Date.now() / 1000 - frame.at < 120) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "recall";
      button.textContent = word("recall");
      button.onclick = () => command({ t: "recall", session, seq: frame.seq });
      bubble.querySelector(".foot").prepend(button);
    } else if (!mine && !document.hidden) {
      device.read(session);
    }
  }

  function journal(frame) {
    log.event(frame);
    if (["assigned", "closed"].includes(frame.kind)) notice.textContent = "";
    if (frame.kind === "assigned") {
      bot = false; // a bot says so itself, by its first word
      show();
    }
    if (["closed", "wrap_up"].includes(frame.kind)) {
      closed = true;
      show();
    }
  }

  function position({ position: place, eta_s: eta }) {
    const name = place <= 1 ? "position_next" : "position";
    notice.textContent = word(name, { n: place - 1, eta: duration(eta) });
  }

  let typingTimer = 0;
  function typing(draft) {
    const shown = draft || word("typing");
    notice.textContent = shown;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(() => {
      if (notice.textContent === shown) notice.textContent = "";
    }, 3000);
  }

  /** Show questions that the text being typed may become. */
  function suggest({ text, topics }) {
    const fits = bot && text === say.text.value.trim();
    const choices = (fits ? topics : []).map(({ question }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = question;
      button.onclick = () => sayText(question);
      return button;
    });
    ahead.replaceChildren(...choices);
  }

  function command(frame) {
    return device.send(frame).catch((error) => {
      notice.textContent = error.message;
      throw error;
    });
  }

  function stop() {
    device = null;
    session = "";
    closed = false;
    show();
  }

  function open() {
    notice.textContent = word("connecting");
    device ??= new Device({ token, onEvent });
    command({ t: "start", queue: welcome.queue.value.trim() }).then(
      (ack) => adopt(ack.session),
      () => {},
    );
  }

  welcome.onsubmit = (event) => {
    event.preventDefault();
    open();
  };
  find(".again").onclick = () => {
    session = "";
    closed = false;
    open();
  };
  find(".end").onclick = () => command({ t: "end", session }).catch(() => {});
  function sayText(text) {
    if (!text || !session || closed) return;
    const id = device.newClientId();
    const here = log;
    here.say(id, text, false);
    command({ t: "say", session, client_id: id, body: { kind: "text", text } }).catch((error) =>
      here.refused(id, error.message),
    );
    say.text.value = "";
    ahead.replaceChildren();
  }

  say.onsubmit = (event) => {
    event.preventDefault();
    sayText(say.text.value.trim());
  };
  find(".human").onclick = () => sayText(word("human"));
  find(".unhelpful").onclick = () => command({ t: "rate", session, score: 1 }).catch(() => {});
  let pause = 0;
  say.text.oninput = () => {
    const text = say.text.value.trim();
    device.typing(session, say.text.value);
    clearTimeout(pause);
    if (!text || !bot) ahead.replaceChildren();
    else pause = setTimeout(() => device?.suggest(text), 150);
  };
  for (let score = 1; score <= 5; score += 1) {
    const star = document.createElement("button");
    star.type = "button";
    star.textContent = "★";
    star.setAttribute("aria-label", String(score));
    star.onclick = () =>
      command({ t: "rate", session, score }).then(
        () => {
          rating.classList.add("done");
          notice.textContent = word("rated");
          rating.querySelectorAll(".stars button").forEach((one, index) => {
            one.classList.toggle("on", index < score);
          });
        },
        () => {},
      );
    rating.querySelector(".stars").append(star);
  }
  show();
}
