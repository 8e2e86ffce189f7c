// One device on the wire of docs/protocol.md: reconnects, resumes by cursors, hides repeats, and
// sends a command until it is answered, always under the same client_id.

const ACK_TIMEOUT_MS = 10_000;
const RECEIPT_MS = 200;
const TYPING_MS = 1_000;
const BASE_MS = 200;
const CAP_MS = 15_000;
const STABLE_MS = 5_000;
const PONG_MS = 15_000;
const FINAL = new Set(["bad_token", "blacklisted", "duplicate_login", "forbidden"]);
const JOURNAL = new Set(["message", "event"]);

/** Raised by a command that was refused; `code` is one of the protocol's. */
export class Refused extends Error {
  constructor(code, detail) {
    super(detail || code);
    this.code = code;
  }
}

/**
 * `token` is an async function that returns a fresh token before every connection; `onEvent` gets
 * frames, and {t: "connected"}, {t: "disconnected", retry_s, final} and {t: "reset", session}.
 */
export class Device {
  constructor({ token, onEvent }) {
    this.token = token;
    this.onEvent = onEvent;
    this.you = null;
    this.sessions = new Map(); // session -> {seq, aside, attached, you, delivered, read}
    this.pending = new Map(); // client_id -> {text, resolve, reject, dueAt, sent}
    this.offers = new Set();
    this.receipts = new Set();
    this.name = [...crypto.getRandomValues(new Uint8Array(6))].map((b) => b.toString(16)).join("");
    this.counter = 0;
    this.attempt = 0;
    this.badTokens = 0;
    this.closed = false;
    this.timer = setInterval(() => this.#tick(), 500);
    this.#connect();
  }

  /** Return an id unique to a command. */
  newClientId() {
    return `${this.name}-${++this.counter}`;
  }

  /** Send a command; resolves to its ack or rejects with `Refused`. */
  send(frame) {
    const client_id = frame.client_id ?? this.newClientId();
    const text = JSON.stringify({ ...frame, client_id });
    return new Promise((resolve, reject) => {
      const command = { text, resolve, reject, dueAt: Infinity, sent: 0 };
      this.pending.set(client_id, command);
      if (this.you) this.#transmit(command);
    });
  }

  /** Show that this side types; at most once a second. */
  /** Ask what this may become, which is being typed; answered by a `suggested` event, or not. */
  suggest(text) {
    this.#post({ t: "suggest", text: text.slice(0, 500) });
  }

  /** Tell that the agent has sent what was suggested. */
  used(session, seq, topic) {
    this.#post({ t: "used", session, seq, topic });
  }

  typing(session, preview) {
    const now = Date.now();
    if (!this.you || now - (this.typedAt ?? 0) < TYPING_MS) return;
    this.typedAt = now;
    this.#post({ t: "typing", session, preview: preview.slice(0, 2000) });
  }

  /** Everything this device has of the session was read. */
  read(session) {
    const line = this.#line(session);
    if (line.seq > line.read) {
      line.read = line.delivered = line.seq;
      this.#noteReceipt(session);
    }
  }

  close(reason = new Refused("closed", "")) {
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.retry);
    this.socket?.close();
    for (const command of this.pending.values()) command.reject(reason);
    this.pending.clear();
  }

  async #connect() {
    let token;
    try {
      token = await this.token();
    } catch (error) {
      this.#lost(error);
      return;
    }
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.socket = socket;
    this.heardAt = Date.now();
    this.pinged = false;
    socket.onopen = () => this.#post({ t: "hello", token, cursors: this.#cursors(), batch: true });
    socket.onmessage = ({ data }) => {
      if (socket === this.socket) this.#received(data);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.#lost();
    };
  }

  #cursors() {
    const attached = [...this.sessions].filter(([, line]) => line.attached).slice(-500);
    return Object.fromEntries(attached.map(([id, { seq, aside }]) => [id, { seq, aside }]));
  }

  #lost(error) {
    if (this.closed) return;
    if (this.you && Date.now() - this.welcomedAt > STABLE_MS) this.attempt = 0;
    this.you = null;
    this.socket = null;
    for (const command of this.pending.values()) {
      command.dueAt = Infinity;
      command.sent = 0;
    }
    // A refusal of the HTTP API (wrong password) is final; a server that is away is not.
    const final = this.final ?? (error instanceof Refused && error.code !== "overloaded" ? error : null);
    if (final) {
      this.close(final);
      this.onEvent({ t: "disconnected", retry_s: 0, final });
      return;
    }
    // Exponential back-off with full jitter (M. Brooker, AWS Architecture Blog, 2015).
    const wait = Math.max(
      Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** this.attempt++),
      (this.toldRetry ?? 0) * 1000 * (1 + Math.random() / 2),
    );
    this.toldRetry = 0;
    this.retry = setTimeout(() => this.#connect(), wait);
    this.onEvent({ t: "disconnected", retry_s: wait / 1000, final: null });
  }

  /** Leave a connection that cannot be trusted; the next one resumes from the cursors. */
  #drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.#lost();
  }

  #received(data) {
    this.heardAt = Date.now();
    this.pinged = false;
    const frames = JSON.parse(data);
    for (const frame of Array.isArray(frames) ? frames : [frames]) {
      if (!this.socket) return;
      this.#take(frame);
    }
  }

  #take(frame) {
    if (JOURNAL.has(frame.t)) return this.#journal(frame);
    switch (frame.t) {
      case "welcome":
        return this.#welcome(frame);
      case "ack":
        return this.#settle(frame.client_id, (command) => command.resolve(frame));
      case "error":
        return this.#error(frame);
      case "session":
        return this.#snapshot(frame);
      case "offer":
        return this.#offer(frame);
      case "agent":
        this.onEvent(frame);
        for (const offer of frame.offers ?? []) this.#offer({ t: "offer", ...offer });
        return;
      case "detached":
        this.#line(frame.session).attached = false;
        return this.onEvent(frame);
      case "pong":
        return;
      default:
        this.onEvent(frame);
    }
  }

  #welcome(frame) {
    this.you = frame.you;
    this.pingMs = (frame.ping_s ?? 25) * 1000;
    this.welcomedAt = Date.now();
    this.badTokens = 0;
    this.onEvent({ t: "connected", welcome: frame });
    for (const command of this.pending.values()) this.#transmit(command);
  }

  #journal(frame) {
    const line = this.#line(frame.session);
    const track = frame.aside ? "aside" : "seq";
    if (frame.seq <= line[track]) return;
    if (frame.seq !== line[track] + 1) return this.#drop();
    line[track] = frame.seq;
    const foreign = frame.t === "message" && frame.from.id !== this.you?.id && !frame.aside;
    if (foreign && !["watching", "none"].includes(line.you)) {
      line.delivered = frame.seq;
      this.#noteReceipt(frame.session);
    }
    this.onEvent(frame);
  }

  #snapshot(frame) {
    const line = this.#line(frame.session);
    const from = frame.from_seq ?? 0;
    const asideFrom = frame.aside_from_seq ?? 0;
    line.attached = true;
    line.you = frame.you ?? "none";
    this.onEvent(frame);
    if (from > line.seq || asideFrom > line.aside) {
      if (!frame.reset) return this.#drop();
      line.seq = Math.max(line.seq, from);
      line.aside = Math.max(line.aside, asideFrom);
      this.onEvent({ t: "reset", session: frame.session });
    }
    if (line.delivered && line.you !== "watching") this.#noteReceipt(frame.session);
  }

  #offer(frame) {
    if (this.offers.has(frame.offer)) return;
    this.offers.add(frame.offer);
    this.onEvent(frame);
  }

  #error(frame) {
    if (frame.client_id) {
      if (frame.code !== "overloaded") {
        const refused = new Refused(frame.code, frame.detail);
        return this.#settle(frame.client_id, (command) => command.reject(refused));
      }
      const command = this.pending.get(frame.client_id);
      if (command) {
        command.dueAt = Date.now() + (frame.retry_s || 1) * 1000 * (1 + Math.random() / 2);
        command.sent = 0;
      }
      return;
    }
    if (FINAL.has(frame.code) && (!this.you || frame.code === "duplicate_login")) {
      const again = frame.code === "bad_token" && ++this.badTokens < 2;
      if (!again) this.final = new Refused(frame.code, frame.detail);
    } else if (!this.you) {
      this.toldRetry = frame.retry_s ?? 0;
    } else {
      this.onEvent(frame);
    }
  }

  #settle(clientId, how) {
    const command = this.pending.get(clientId);
    this.pending.delete(clientId);
    if (command) how(command);
  }

  #transmit(command) {
    command.dueAt = Date.now() + ACK_TIMEOUT_MS;
    command.sent += 1;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(command.text);
  }

  #post(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  #noteReceipt(session) {
    this.receipts.add(session);
    this.receiptTimer ??= setTimeout(() => {
      this.receiptTimer = undefined;
      if (!this.you) return;
      for (const id of this.receipts) {
        const { delivered, read } = this.#line(id);
        this.#post({ t: "receipt", session: id, delivered, read });
      }
      this.receipts.clear();
    }, RECEIPT_MS);
  }

  #line(session) {
    let line = this.sessions.get(session);
    if (!line) {
      line = { seq: 0, aside: 0, attached: false, you: "none", delivered: 0, read: 0 };
      this.sessions.set(session, line);
    }
    return line;
  }

  #tick() {
    if (!this.socket) return;
    const now = Date.now();
    const silentMs = now - this.heardAt;
    if (!this.you) {
      if (silentMs > ACK_TIMEOUT_MS) this.#drop();
      return;
    }
    if (silentMs > this.pingMs + PONG_MS) return this.#drop();
    if (silentMs > this.pingMs && !this.pinged) {
      this.pinged = true;
      this.#post({ t: "ping" });
    }
    for (const command of this.pending.values()) {
      if (now < command.dueAt) continue;
      if (command.sent >= 2) return this.#drop();
      this.#transmit(command);
    }
  }
}
