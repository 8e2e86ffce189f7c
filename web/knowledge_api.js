// The administration API, as the knowledge page asks it.
import * as signIn from "./sign_in_flow.js";

const BASE = "/v1/admin";
let token = "";

/** A refusal of the API; `errors` names each mistake. */
export class Problem extends Error {
  constructor(status, body) {
    const more = (body.errors ?? []).slice(0, 5).map((one) => `${one.at} ${one.detail}`.trim());
    super([body.detail ?? `HTTP ${status}`, ...more].join(" · "));
    this.status = status;
  }
}

class Refused extends Error {}

/** Sign in with a password, where pages take them. */
export async function enter(org, login, password) {
  const answer = await fetch("/v1/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ org, login, password }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Problem(answer.status, body);
  token = body.token;
}

export const takesPasswords = signIn.takesPasswords;
export const leaveToSignIn = signIn.leaveToSignIn;
export const isSignedIn = () => token !== "" || signIn.isSignedIn();

/** Ask the API; a change of what was read sends its ETag, which `read` returned beside it. */
export async function ask(method, path, { body, etag, type = "application/json" } = {}) {
  const bearer = token || (await signIn.accessToken(Refused));
  const headers = { authorization: `Bearer ${bearer}` };
  if (body !== undefined) headers["content-type"] = type;
  if (etag) headers["if-match"] = etag;
  const sent = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
  const answer = await fetch(BASE + path, { method, headers, body: sent });
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

/** Return what is there, and its ETag. */
export async function read(path) {
  const answer = await ask("GET", path);
  return { value: await answer.json(), etag: answer.headers.get("etag") };
}

/** Return the JSON that a request is answered with. */
export async function send(method, path, options) {
  const answer = await ask(method, path, options);
  return answer.status === 204 ? null : answer.json();
}
