// The right side: an agent.
import { Device, Refused } from "./device.js";
import { Log, ask, duration, nameOf, showConnection } from "./log.js";
import * as signIn from "./sign_in_flow.js";
import { word } from "./words.js";

// Who has one of these statuses and no session reads what to do.
const IDLE = ["available", "break", "offline"];
// An attachment that came after the session was let go: nothing is wrong.
const LATE = new Set(["not_your_session", "session_closed"]);

/** Run the agent's side in `root`. */
export function runAgent(root, defaults) {
  const find = (selector) => root.querySelector(selector);
  const welcome = find(".welcome");
  const say = find(".say");
  const wrap = find(".wrap");
  const desk = find(".desk");
  const notice = find(".notice");
  const talks = new Map(); // session -> {log, customer, state, open, unread, preview}
  const offers = new Map();
  let device = null;
  let chosen = "";
  let status = "";
  let following = true; // the end of the conversation, until its reader scrolls up

  find(".log").onscroll = ({ target }) => {
    following = target.scrollHeight - target.scrollTop - target.clientHeight < 40;
  };

  welcome.org.value = defaults.org;
  welcome.login.value = defaults.login;

  let passwords = true; // on this page; else by the sign-in page
  let worn = false; // the last token was not welcomed, or ended

  async function token() {
    if (!passwords) {
      if (worn) signIn.distrust();
      worn = true;
      return signIn.accessToken(Refused);
    }
    const { org, login, password } = welcome;
    const body = { org: org.value.trim(), login: login.value.trim(), password: password.value };
    return (await ask("/v1/token", body, Refused)).token;
  }

  function onEvent(event) {
    switch (event.t) {
      case "connected":
      case "disconnected":
        showConnection(root, event);
        if (event.t === "connected") welcome.hidden = true;
        if (event.t === "connected") worn = false;
        if (event.final) stop();
        break;
      case "agent":
        status = event.status;
        break;
      case "offer":
        if (!event.auto) offers.set(event.offer, event);
        break;
      case "offer_over":
        offers.delete(event.offer);
        break;
      case "session": {
        const talk = talkOf(event.session);
        Object.assign(talk, { customer: event.customer, state: event.state, open: true });
        talk.about = event;
        for (const one of event.receipts ?? []) if (one.side === "customer") talk.log.marks(one);
        chosen ||= event.session;
        break;
      }
      case "message":
        addMessage(event);
        break;
      case "event": {
        const talk = talkOf(event.session);
        talk.log.event(event);
        if (event.kind === "wrap_up") talk.state = "wrap-up";
        break;
      }
      case "receipt":
        if (event.side === "customer") talkOf(event.session).log.marks(event);
        break;
      case "assist":
        if (talks.has(event.session)) talks.get(event.session).assist = event;
        break;
      case "typing":
        typing(event);
        break;
      case "detached":
        talkOf(event.session).open = false;
        if (talkOf(event.session).state !== "wrap-up") talks.delete(event.session);
        if (!talks.has(chosen)) chosen = [...talks.keys()].at(-1) ?? "";
        break;
      case "error":
        if (event.code === "bad_token") worn = true;
        if (!LATE.has(event.code)) notice.textContent = event.detail;
        break;
      default:
    }
    show();
  }

  function talkOf(session) {
    let talk = talks.get(session);
    if (!talk) {
      const me = (person) => person.id === device?.you?.id;
      talk = { log: new Log(me), customer: null, state: "", open: true, unread: 0, preview: "" };
      talks.set(session, talk);
    }
    return talk;
  }

  function addMessage(frame) {
    const talk = talkOf(frame.session);
    talk.log.message(frame);
    if (!frame.aside) talk.assist = null; // about what was said before
    if (frame.from.role === "customer") talk.preview = "";
    if (frame.session === chosen && !document.hidden) device.read(frame.session);
    else if (frame.from.role === "customer") talk.unread += 1;
  }

  function typing(frame) {
    if (frame.from.role !== "customer") return;
    const talk = talkOf(frame.session);
    talk.preview = frame.preview ? word("typing_preview", { text: frame.preview }) : word("typing");
    clearTimeout(talk.timer);
    talk.timer = setTimeout(() => {
      talk.preview = "";
      show();
    }, 5000);
  }

  function choose(session) {
    chosen = session;
    const talk = talks.get(session);
    if (talk) {
      talk.unread = 0;
      device.read(session);
    }
    show();
  }

  function show() {
    const talk = talks.get(chosen);
    const talking = Boolean(talk?.open) && talk.state !== "wrap-up";
    find(".status").hidden = !device || welcome.hidden === false;
    find(".out").hidden = passwords || find(".status").hidden;
    for (const button of find(".status").children) {
      button.classList.toggle("on", button.dataset.status === status);
    }
    say.hidden = desk.hidden = !talking;
    wrap.hidden = talk?.state !== "wrap-up";
    const shown = find(".log");
    find(".preview").textContent = talk?.preview ?? "";
    find(".about").textContent = talk?.about ? about(talk) : "";
    if (talk && talk.log.node.parentElement !== shown) {
      shown.replaceChildren(talk.log.node);
      following = true;
    } else if (!talk) {
      shown.replaceChildren(...(device && IDLE.includes(status) ? [idle()] : []));
    }
    find(".assist").replaceChildren(...(talking ? (talk.assist?.topics ?? []) : []).map(suggestion));
    find(".tabs").replaceChildren(...[...talks].map(tab));
    find(".offers").replaceChildren(...[...offers.values()].map(offerCard));
    if (status === "missed") notice.textContent = word("missed");
    // What is shown below the log takes room away from it.
    if (following) shown.scrollTop = shown.scrollHeight;
  }

  function about({ about: { customer, queue, subject, vip } }) {
    const parts = [nameOf(customer), queue, vip ? `VIP ${vip}` : "", subject];
    return parts.filter(Boolean).join(" · ");
  }

  /** One suggested answer: sent by one click, or put into the line to be changed first. */
  function idle() {
    const line = document.createElement("p");
    line.className = "nothing";
    line.textContent = word(`idle_${status}`);
    return line;
  }

  function suggestion(topic) {
    const { session, seq } = talks.get(chosen).assist;
    const card = document.createElement("article");
    const question = document.createElement("strong");
    question.textContent = topic.question;
    const answer = document.createElement("p");
    answer.textContent = topic.answer ?? "";
    card.append(question, answer);
    if (topic.inside) {
      const inside = document.createElement("p");
      inside.className = "inside";
      inside.textContent = `${word("inside")}: ${topic.inside}`;
      card.append(inside);
    }
    const use = (how, act) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = how === "use" ? "" : "quiet";
      button.textContent = word(how);
      button.onclick = () => {
        device.used(session, seq, topic.topic);
        act();
      };
      return button;
    };
    if (topic.answer) {
      card.append(
        use("use", () => sayText(topic.answer, false)),
        use("edit", () => {
          say.text.value = topic.answer;
          say.text.focus();
        }),
      );
    }
    return card;
  }

  function tab([session, talk]) {
    const button = document.createElement("button");
    button.type = "button";
    button.classList.toggle("on", session === chosen);
    button.textContent = talk.customer ? nameOf(talk.customer) : session.slice(-6);
    if (talk.unread) {
      const badge = document.createElement("b");
      badge.textContent = talk.unread;
      button.append(badge);
    }
    button.onclick = () => choose(session);
    return button;
  }

  function offerCard(offer) {
    const card = document.createElement("article");
    card.className = "offer";
    const text = document.createElement("p");
    const who = nameOf(offer.customer);
    const waited = `${word("waited")} ${duration(offer.waited_s ?? 0)}`;
    text.textContent = [word("offer"), who, offer.queue, offer.summary || offer.subject, waited]
      .filter(Boolean)
      .join(" · ");
    const left = document.createElement("span");
    left.className = "left";
    left.dataset.deadline = offer.deadline ?? 0;
    card.append(text, left, answer(offer, "accept"), answer(offer, "decline"));
    return card;
  }

  function answer(offer, how) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = how === "accept" ? "" : "quiet";
    button.textContent = word(how);
    button.onclick = () => {
      offers.delete(offer.offer);
      if (how === "accept") chosen = offer.session;
      command({ t: how, offer: offer.offer }).catch(() => {});
      show();
    };
    return button;
  }

  function command(frame) {
    notice.textContent = "";
    return device.send(frame).catch((error) => {
      notice.textContent = error.message;
      throw error;
    });
  }

  function stop() {
    device = null;
    welcome.hidden = false;
    talks.clear();
    offers.clear();
    chosen = status = "";
  }

  function start() {
    notice.textContent = word("connecting");
    device = new Device({ token, onEvent });
  }

  async function prepare() {
    passwords = await signIn.takesPasswords();
    for (const name of passwords ? [] : ["login", "password"]) {
      welcome[name].required = false;
      welcome[name].closest("label").hidden = true;
    }
    if (!passwords && ((await signIn.comeBack()) || signIn.isSignedIn())) start();
  }

  welcome.onsubmit = (event) => {
    event.preventDefault();
    if (passwords) start();
    else signIn.leaveToSignIn(welcome.org.value.trim());
  };
  find(".out").onclick = async () => {
    await signIn.signOut();
    device?.close();
    stop();
    show();
  };
  find(".status").onclick = ({ target }) => {
    if (target.dataset.status) command({ t: "status", status: target.dataset.status }).catch(() => {});
  };
  say.onsubmit = (event) => {
    event.preventDefault();
    const text = say.text.value.trim();
    if (!text) return;
    sayText(text, say.aside.checked);
    say.text.value = "";
  };

  function sayText(text, aside) {
    const id = device.newClientId();
    const { log } = talks.get(chosen);
    log.say(id, text, aside);
    const frame = { t: "say", session: chosen, client_id: id, body: { kind: "text", text }, aside };
    command(frame).catch((error) => log.refused(id, error.message));
  }
  say.text.oninput = () => device.typing(chosen, "");
  desk.querySelector(".end").onclick = () => command({ t: "end", session: chosen }).catch(() => {});
  find(".transfer").onsubmit = (event) => {
    event.preventDefault();
    const { kind, to } = event.target;
    const frame = { t: "transfer", session: chosen, [kind.value]: to.value.trim() };
    command(frame).then(() => (to.value = ""), () => {});
  };
  wrap.onsubmit = (event) => {
    event.preventDefault();
    const session = chosen;
    const done = () => {
      talks.delete(session);
      if (chosen === session) chosen = [...talks.keys()].at(-1) ?? "";
      show();
    };
    const disposition = wrap.disposition.value.trim();
    command({ t: "wrap_up", session, disposition }).then(done, done);
    wrap.disposition.value = "";
  };
  setInterval(() => {
    for (const left of root.querySelectorAll(".left")) {
      const seconds = Number(left.dataset.deadline) - Date.now() / 1000;
      left.textContent = seconds > 0 ? word("seconds", { n: Math.ceil(seconds) }) : "";
    }
  }, 500);
  document.addEventListener("languagechange", show);
  show();
  prepare().catch((error) => (notice.textContent = error.message));
}
