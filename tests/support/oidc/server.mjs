// An identity provider for tests: `node server.mjs PORT CALLBACK`. Whoever types in any password is
// who the login says; groups follow from the login.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const GROUPS = { boss: ["staff", "raydesk-admins"], ann: ["raydesk-agents"], newcomer: ["raydesk-leaders"] };

function key(type, options, alg, kid) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), alg, kid, use: "sig" };
}

function claims(sub) {
  return { sub, name: `${sub} of the company`, groups: GROUPS[sub] ?? [], email: `${sub}@company.example` };
}

const provider = new Provider(issuer, {
  clients: [
    { client_id: "raydesk", client_secret: "a secret: with & odd = signs", redirect_uris: [callback] },
    { client_id: "app", redirect_uris: ["http://127.0.0.1:9/back"], token_endpoint_auth_method: "none" },
  ],
  jwks: { keys: [
    key("rsa", { modulusLength: 2048 }, "RS256", "one"),
    key("ec", { namedCurve: "P-256" }, "ES256", "two"),
  ] },
  cookies: { keys: ["for tests"] },
  claims: { openid: ["sub", "groups", "name"], profile: ["name"], email: ["email"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
  extraTokenClaims: (_, token) => token.accountId && { name: token.accountId, groups: GROUPS[token.accountId] ?? [] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: "openid",
        audience: resource,
        accessTokenTTL: 300,
        accessTokenFormat: "jwt",
      }),
    },
  },
});
provider.listen(Number(port), "127.0.0.1", () => console.log(issuer));
