// The messages and events of one session, as a list of bubbles.
import { word } from "./words.js";

/**
 * One session's list. `mine(person)` tells whose bubbles stand on the right; `pick(text)` is called
 * when a card's button is pressed (without it, buttons are shown and do nothing).
 */
export class Log {
  constructor(mine, pick = null) {
    this.pick = pick;
    this.node = document.createElement("div");
    this.node.className = "lines";
    this.mine = mine;
    this.pending = new Map(); // client_id -> bubble not yet in the journal
    this.bySeq = new Map(); // seq of the main track -> bubble
    this.receipt = { delivered: 0, read: 0 };
  }

  /** Show what was just typed, before the server has it. */
  say(clientId, text, aside) {
    const bubble = this.#bubble({ text, aside, mine: true, name: word("me") });
    this.#tick(bubble, "sending");
    this.pending.set(clientId, bubble);
    this.#append(bubble);
    return bubble;
  }

  refused(clientId, reason) {
    const bubble = this.pending.get(clientId);
    this.pending.delete(clientId);
    bubble?.classList.add("failed");
    if (bubble) bubble.querySelector(".tick").textContent = reason;
  }

  message(frame) {
    const waiting = this.pending.get(frame.client_id);
    if (waiting && this.mine(frame.from)) {
      this.pending.delete(frame.client_id);
      waiting.remove();
    }
    const { text, name } = { text: textOf(frame.body), name: nameOf(frame.from) };
    const mine = this.mine(frame.from);
    const bubble = this.#bubble({ text, aside: frame.aside, mine, name: mine ? word("me") : name });
    if (frame.body && frame.body.kind !== "text") this.#dress(bubble, frame.body);
    if (mine && !frame.aside) this.#settleCards();
    bubble.classList.toggle("bot", frame.from.kind === "bot");
    bubble.querySelector("time").textContent = clock(frame.at);
    bubble.dataset.seq = frame.seq;
    if (!frame.aside) this.bySeq.set(frame.seq, bubble);
    if (frame.recalled || !frame.body) recall(bubble);
    if (mine) this.#tick(bubble, "sent");
    this.#append(bubble);
    this.marks(this.receipt);
    return bubble;
  }

  event(frame) {
    if (frame.kind === "recalled") {
      const bubble = this.bySeq.get(frame.of);
      if (bubble) recall(bubble);
      return;
    }
    const target = frame.agent_name || frame.agent || frame.queue || "";
    const agent = frame.agent_name || frame.agent || frame.by?.name || frame.by?.id || "";
    this.note(word(`event.${frame.kind}`, { ...frame, agent, target }), frame.note);
  }

  note(text, more = "") {
    const line = document.createElement("p");
    line.className = "event";
    line.textContent = more ? `${text}：${more}` : text;
    this.#append(line);
  }

  /** Mark the own messages that the other side has got or read. */
  marks(receipt) {
    const { delivered, read } = this.receipt;
    this.receipt = {
      delivered: Math.max(delivered, receipt.delivered ?? 0),
      read: Math.max(read, receipt.read ?? 0),
    };
    for (const [seq, bubble] of this.bySeq) {
      if (!bubble.classList.contains("mine")) continue;
      const { read: upto, delivered: got } = this.receipt;
      this.#tick(bubble, seq <= upto ? "read" : seq <= got ? "delivered" : "sent");
    }
  }

  #bubble({ text, aside, mine, name }) {
    const bubble = document.createElement("article");
    bubble.className = "bubble";
    bubble.classList.toggle("mine", mine);
    bubble.classList.toggle("aside", Boolean(aside));
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = aside ? `${name} · ${word("note")}` : name;
    const body = document.createElement("p");
    body.textContent = text;
    const foot = document.createElement("span");
    foot.className = "foot";
    foot.append(document.createElement("time"), document.createElement("span"));
    foot.lastChild.className = "tick";
    bubble.append(who, body, foot);
    return bubble;
  }

  /** Add what a card, a picture or a file has beside its text. */
  #dress(bubble, body) {
    const more = document.createElement("div");
    more.className = "more";
    if (body.title && body.text) {
      const title = document.createElement("strong");
      title.textContent = body.title;
      bubble.querySelector("p").before(title);
    }
    if (body.url) {
      const link = document.createElement("a");
      link.href = body.url;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      link.textContent = body.name || body.url;
      more.append(link);
    }
    for (const label of body.buttons ?? []) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "choice";
      button.textContent = label;
      button.disabled = !this.pick;
      button.onclick = () => this.pick?.(label);
      more.append(button);
    }
    bubble.classList.add(body.kind);
    bubble.querySelector(".foot").before(more);
  }

  /** The choices of cards that have been answered are over. */
  #settleCards() {
    for (const button of this.node.querySelectorAll(".choice")) button.disabled = true;
  }

  #tick(bubble, state) {
    const tick = bubble.querySelector(".tick");
    tick.dataset.state = state;
    tick.title = word(state);
    tick.textContent = { sending: "○", sent: "✓", delivered: "✓✓", read: "✓✓" }[state];
  }

  #append(node) {
    const waiting = [...this.pending.values()].find((bubble) => bubble.isConnected && bubble !== node);
    if (waiting && !this.pending.has(node)) this.node.insertBefore(node, waiting);
    else this.node.append(node);
    const scroller = this.node.parentElement;
    if (scroller) scroller.scrollTop = scroller.scrollHeight;
  }
}

function textOf(body) {
  if (!body) return "";
  return body.text || body.title || body.name || body.url || "";
}

function recall(bubble) {
  bubble.classList.add("recalled");
  bubble.querySelector("p").textContent = word("recalled");
  bubble.querySelector(".recall")?.remove();
}

function clock(at) {
  return new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Return what to call a person: a visitor without a name by the end of the id. */
export function nameOf(person) {
  if (person.name) return person.name;
  return person.role === "customer" ? `${word("visitor")} ${person.id.slice(-4)}` : person.id;
}

/** Return a duration in words. */
export function duration(seconds) {
  if (!(seconds >= 0)) return word("eta_unknown");
  if (seconds < 90) return word("seconds", { n: Math.round(seconds) });
  return word("minutes", { n: Math.round(seconds / 60) });
}

/** Ask the HTTP API; rejects with the API's code and sentence. */
export async function ask(path, body, Refused) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok && answer.status < 500) throw new Refused(told.code ?? "bad_request", told.detail);
  if (!answer.ok) throw new Error(told.detail ?? answer.statusText);
  return told;
}

/** Show on a side whether it is connected. */
export function showConnection(root, event) {
  const light = root.querySelector(".connection");
  const notice = root.querySelector(".notice");
  if (event.t === "connected") {
    light.dataset.state = "on";
    light.textContent = word("on");
    notice.textContent = "";
  } else {
    light.dataset.state = event.final ? "off" : "wait";
    light.textContent = word("off");
    notice.textContent =
      event.final?.message ?? word("again_in", { n: Math.max(1, Math.round(event.retry_s)) });
  }
}
