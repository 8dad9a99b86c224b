import { describe, expect, it, test, vi } from 'vitest';
import type { ControlHandlers } from '../../../src/control/api.ts';
import { answer } from '../../../src/control/routes.ts';

/** Each handler answers with its name and what it was asked. */
function handlers(more: Partial<ControlHandlers> = {}): ControlHandlers {
  const echo = (name: string) => (query?: object) => ({ name, query }) as never;
  return {
    status: echo('status'),
    networks: echo('networks'),
    tunnels: echo('tunnels'),
    fdb: echo('fdb'),
    flows: (query) => Promise.resolve(echo('flows')(query)),
    compare: () => Promise.resolve(echo('compare')()),
    resync: echo('resync'),
    journal: echo('journal'),
    ...more,
  };
}

it.each([
  ['GET', '/status', { name: 'status' }],
  ['GET', '/networks', { name: 'networks' }],
  ['GET', '/tunnels', { name: 'tunnels' }],
  ['POST', '/compare', { name: 'compare' }],
  ['GET', '/fdb', { name: 'fdb', query: {} }],
  [
    'GET',
    '/fdb?network=1A2b&mac=FA:16:3E:00:00:01',
    { name: 'fdb', query: { network: '1A2b', mac: 'fa:16:3e:00:00:01' } },
  ],
  ['GET', '/journal', { name: 'journal', query: { limit: 100 } }],
  [
    'GET',
    '/journal?state=failed&network=1A2b&key=FA:16&limit=7',
    { name: 'journal', query: { state: 'failed', network: '1a2b', key: 'fa:16', limit: 7 } },
  ],
  ['POST', '/resync', { name: 'resync', query: {} }],
  ['POST', '/resync?network=1a2b', { name: 'resync', query: { network: '1a2b' } }],
  ['POST', '/resync?vtep=172.30.0.12', { name: 'resync', query: { vtep: '172.30.0.12' } }],
  ['GET', '/flows', { name: 'flows', query: { view: 'actual' } }],
  ['GET', '/flows?actual', { name: 'flows', query: { view: 'actual' } }],
  ['GET', '/flows?diff=1&bridge=br-int', { name: 'flows', query: { view: 'diff', bridge: 'br-int' } }],
  [
    'GET',
    '/flows?desired=true&table=UCAST_TO_TUN',
    { name: 'flows', query: { view: 'desired', table: 'UCAST_TO_TUN' } },
  ],
])('%s %s', async (method, target, body) => {
  expect(await answer(handlers(), method, target)).toEqual({ status: 200, body });
});

describe('what cannot be answered has a status and a sentence', () => {
  it.each([
    [
      'GET',
      '/',
      404,
      'nothing at /: there are /status, /networks, /tunnels, /fdb, /flows, /journal, /compare, /resync',
    ],
    ['GET', '/status/', 404, 'nothing at /status/'],
    ['GET', '/constructor', 404, 'nothing at /constructor'],
    ['GET', '/../../etc/passwd', 404, 'nothing at /etc/passwd'],
    ['GET', 'http://elsewhere/status', 400, 'no path'],
    ['OPTIONS', '*', 400, 'no path'],
    ['POST', '/status', 405, '/status takes GET, not POST'],
    ['GET', '/compare', 405, '/compare takes POST, not GET'],
    ['HEAD', '/status', 405, '/status takes GET, not HEAD'],
    ['GET', '/status?x=1', 400, "unknown parameter 'x': there are none here"],
    ['POST', '/compare?now', 400, "unknown parameter 'now'"],
    ['GET', '/resync', 405, '/resync takes POST, not GET'],
    ['POST', '/resync?vtep=x', 400, "vtep 'x' is no IP address"],
    ['POST', '/resync?vtep=10.0.0.1&network=1', 400, 'network and vtep do not go together'],
    ['POST', '/resync?all=1', 400, "unknown parameter 'all': there are network, vtep"],
    ['GET', '/fdb?table=20', 400, "unknown parameter 'table': there are network, mac"],
    ['GET', '/fdb?mac=fa:16:3e', 400, "mac 'fa:16:3e' is no MAC address"],
    ['GET', '/fdb?network=$(reboot)', 400, "network '$(reboot)' is no network id and no beginning of one"],
    ['GET', '/journal?state=done', 400, "state 'done' is none of pending, processing, completed, failed"],
    ['GET', '/journal?state=', 400, "state '' is none of pending"],
    ['GET', '/journal?network=%25', 400, "network '%' is no network id and no beginning of one"],
    ['GET', '/journal?limit=0', 400, "limit '0' is no number from 1 to 10000"],
    ['GET', '/journal?limit=1e3', 400, "limit '1e3' is no number from 1 to 10000"],
    ['GET', '/journal?limit=10001', 400, "limit '10001' is no number"],
    ['GET', '/journal?mac=x', 400, "unknown parameter 'mac': there are state, network, key, limit"],
    ['GET', '/fdb?network=', 400, "network '' is no network id"],
    ['GET', '/flows?mac=', 400, "mac '' is no MAC address"],
    ['GET', '/flows?actual&diff', 400, 'actual and diff do not go together'],
    ['GET', '/flows?diff=no', 400, 'diff is a flag'],
    ['GET', '/flows?table=1&table=2', 400, 'parameter table is given more than once'],
  ])('%s %s', async (method, target, status, sentence) => {
    const { body, ...reply } = await answer(handlers(), method, target);
    expect(reply.status).toBe(status);
    expect(body).toEqual({ error: expect.stringContaining(sentence) });
    expect(reply.allow).toBe(status === 405 ? (method === 'GET' ? 'POST' : 'GET') : undefined);
  });
});

test('a wrong query reaches no handler', async () => {
  const flows = vi.fn<ControlHandlers['flows']>();
  await answer(handlers({ flows }), 'GET', '/flows?mac=x');
  expect(flows).not.toHaveBeenCalled();
});

test('a problem of the handler is the caller’s, an I/O error is not, a mistake is nobody’s', async () => {
  const problem = handlers({ fdb: () => ({ problem: 'no such network' }) });
  expect(await answer(problem, 'GET', '/fdb')).toEqual({ status: 400, body: { error: 'no such network' } });
  const away = handlers({
    flows: () => Promise.reject(Object.assign(new Error('the switch is away'), { code: 'unreachable' })),
  });
  expect(await answer(away, 'GET', '/flows')).toEqual({ status: 503, body: { error: 'the switch is away' } });
  const broken = handlers({
    status() {
      throw new TypeError('x is undefined');
    },
  });
  await expect(answer(broken, 'GET', '/status')).rejects.toThrow(TypeError);
});
