// The certified provider, for tests: people come in by a name alone, as login_hint or typed on its page, and what they are is changed by POST /test/….
// One argument, JSON: {clients: [...], accounts: {sub: {…claims}}}. Prints {"issuer": …} when it listens.
import './compat.mjs';
import * as http from 'node:http';
import { once } from 'node:events';

const { Provider } = await import('oidc-provider'); // after compat.mjs has run
const { clients, accounts } = JSON.parse(process.argv[2]);
const server = http.createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  cookies: { keys: ['a key for tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups', 'realm_access'] },
  scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'],
  // The provider asks no inside addresses either; ours is one.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    userinfo: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = `<!DOCTYPE html><title>Log out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>`; },
    },
  },
  ttl: { AccessToken: 600, IdToken: 600, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid email profile groups offline_access');
    await grant.save();
    return grant;
  },
  findAccount: (_ctx, sub) => (accounts[sub] ? { accountId: sub, claims: () => ({ sub, ...accounts[sub] }) } : undefined),
});
provider.on('backchannel.error', (_ctx, err) => console.error('back-channel:', err.message));
provider.on('grant.error', (_ctx, err) => console.error('grant:', err.error_detail ?? err, err.cause ?? ''));
provider.on('server_error', (_ctx, err) => console.error('server error:', err));

// The session of each account that was saved last, to end it from here.
const sessions = new Map();
provider.on('session.saved', (session) => { if (session.accountId) sessions.set(session.accountId, session.uid); });

// logOut ends an account's session and tells its clients by the back channel, as the provider's own page for it does.
async function logOut(sub) {
  const session = await provider.Session.findByUid(sessions.get(sub) ?? '');
  if (!session) throw new Error(`${sub} has no session`);
  for (const clientId of Object.keys(session.authorizations ?? {})) {
    const client = await provider.Client.find(clientId);
    if (client?.backchannelLogoutUri) await client.backchannelLogout(sub, session.sidFor(clientId));
  }
  await session.destroy();
  sessions.delete(sub);
}

async function read(req) {
  let body = '';
  for await (const chunk of req) body += chunk;
  return body;
}

async function control(req, res) {
  const what = JSON.parse(await read(req) || '{}');
  switch (req.url) {
    case '/test/account': // {sub, claims}; claims null: the person is gone
      if (what.claims === null) delete accounts[what.sub];
      else accounts[what.sub] = what.claims;
      break;
    case '/test/logout': // {sub}
      await logOut(what.sub);
      break;
    default:
      res.statusCode = 404;
  }
  res.end();
}

const serve = provider.callback();
server.on('request', async (req, res) => {
  try {
    if (req.url.startsWith('/test/')) return await control(req, res);
    if (req.url.startsWith('/interaction/')) {
      const { params } = await provider.interactionDetails(req, res);
      let name = params.login_hint;
      if (!name && req.method === 'POST') name = new URLSearchParams(await read(req)).get('name');
      if (!name) {
        res.setHeader('content-type', 'text/html; charset=utf-8');
        return res.end('<!DOCTYPE html><title>Campus</title><form method="post"><label>Name <input name="name" autofocus></label> <button>Sign in</button></form>');
      }
      return await provider.interactionFinished(req, res, { login: { accountId: name } }, { mergeWithLastSubmission: false });
    }
    return serve(req, res);
  } catch (err) {
    console.error(err);
    res.statusCode = 500;
    return res.end();
  }
});
// Whoever started this closes its end when the test is over, or dies.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
console.log(JSON.stringify({ issuer }));
