// Signing in by the authorization server: authorization code with PKCE (RFC 7636), then refresh
// tokens that rotate. All tabs of this browser share one sign-in; a lock lets one of them refresh.

const CLIENT = "raydesk-console";
const KEPT = "raydesk.signed_in"; // {refresh, access, expires_at}
const ASKED = "raydesk.sign_in_asked"; // {verifier, state} of this tab
const EARLY_MS = 30_000;

/** Tell whether this system takes passwords on its pages (the demo), without a sign-in page. */
export async function takesPasswords() {
  const answer = await fetch("/.well-known/oauth-authorization-server");
  return !answer.ok || (await answer.json()).raydesk_password_door === true;
}

/** Leave for the sign-in page; it leads back here. */
export async function leaveToSignIn(org) {
  const verifier = random();
  const state = random();
  sessionStorage.setItem(ASKED, JSON.stringify({ verifier, state }));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT,
    redirect_uri: `${location.origin}/`,
    code_challenge: base64(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
    code_challenge_method: "S256",
    state,
    org,
    ui_locales: document.documentElement.lang,
  });
  location.assign(`/oauth/authorize?${query}`);
}

/** Take the answer of the sign-in page, if the address has one; true: somebody signed in. */
export async function comeBack() {
  const given = new URLSearchParams(location.search);
  if (!given.has("state") || !(given.has("code") || given.has("error"))) return false;
  const asked = JSON.parse(sessionStorage.getItem(ASKED) ?? "{}");
  sessionStorage.removeItem(ASKED);
  history.replaceState(null, "", location.pathname); // no code in the history
  // Whoever sends us a code of their own does not know the state; another server says another iss.
  if (given.get("state") !== asked.state || given.get("iss") !== location.origin) return false;
  if (!given.has("code")) return false;
  const told = await call("token", {
    grant_type: "authorization_code",
    code: given.get("code"),
    redirect_uri: `${location.origin}/`,
    code_verifier: asked.verifier,
  });
  if (!told.error) keep(told);
  return !told.error;
}

export function isSignedIn() {
  return localStorage.getItem(KEPT) !== null;
}

/** Return an access token that lives for a while yet; throws `Refused` once the sign-in has ended. */
export function accessToken(Refused) {
  return navigator.locks.request(KEPT, async () => {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    if (!kept) throw new Refused("bad_token", "");
    if (kept.expires_at - Date.now() > EARLY_MS && !kept.refused) return kept.access;
    const told = await call("token", { grant_type: "refresh_token", refresh_token: kept.refresh });
    if (told.error) {
      localStorage.removeItem(KEPT);
      throw new Refused("bad_token", told.error_description);
    }
    return keep(told);
  });
}

/** The server refused the access token: get another before the next try. */
export function distrust() {
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
  if (kept) localStorage.setItem(KEPT, JSON.stringify({ ...kept, refused: true }));
}

/** End the sign-in, here and at the server. */
export async function signOut() {
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
  localStorage.removeItem(KEPT);
  if (kept) await call("revoke", { token: kept.refresh });
}

function keep({ access_token, refresh_token, expires_in }) {
  const expires_at = Date.now() + expires_in * 1000;
  localStorage.setItem(KEPT, JSON.stringify({ refresh: refresh_token, access: access_token, expires_at }));
  return access_token;
}

async function call(endpoint, fields) {
  const body = new URLSearchParams({ client_id: CLIENT, ...fields });
  const answer = await fetch(`/oauth/${endpoint}`, { method: "POST", body });
  if (answer.status >= 500 || answer.status === 429) throw new Error(answer.statusText);
  return answer.json();
}

function random() {
  return base64(crypto.getRandomValues(new Uint8Array(48)));
}

function base64(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
