/** `l2popctl status` and `compare` as text. */
import type { CompareReport, Drift, JournalStatus, StatusReport } from '../report/types.ts';
import { journalText } from './show-journal.ts';
import { paint, type Screen, type Style, textLine } from './table.ts';
import { ago, plural, seconds, span } from './words.ts';

type Fact = readonly [name: string, text: string, style?: Style | undefined];

export function showStatus(report: StatusReport, screen: Screen): string {
  const { at, links, counts, batches, blocked, failures, refused } = report;
  const facts: Fact[] = [
    [
      'agent',
      `l2pop-agent ${report.version} on ${report.host}, pid ${report.pid}, up ${seconds(report.uptimeSeconds)}`,
    ],
    broker(report),
    server(report),
    links.ovsdb.connected
      ? ['ovsdb', `connected${since(links.ovsdb.since, at)}`]
      : ['ovsdb', `not connected${since(links.ovsdb.since, at)}`, 'red'],
    ...switchFacts(report),
    [
      'vifs',
      `${counts.vifs.wired} wired, ${counts.vifs.dead} dead, ${counts.vifs.awaited} awaited; ${plural(counts.networks, 'network')}`,
    ],
    syncFact(report),
    ['tunnels', `${counts.tunnels.wanted} wanted, ${counts.tunnels.withOfport} of them with an ofport`],
    ['fdb', `${plural(counts.fdb.local, 'MAC')} of networks here, ${counts.fdb.elsewhere} of others`],
    ...Object.entries(counts.flows).map(
      ([bridge, { wanted, actual, foreign }]): Fact => [
        'flows',
        `${bridge}: ${wanted} wanted, ${actual} there, ${foreign} foreign`,
        wanted === actual ? undefined : 'yellow',
      ],
    ),
    ['journal', journalText(report.journal, at), journalStyle(report.journal)],
    ['batches', batchText(batches)],
    [
      'blocked',
      blocked.length === 0 ? 'nothing' : plural(blocked.length, 'subject'),
      blocked.length > 0 ? 'yellow' : undefined,
    ],
  ];
  const entries = Object.entries(report.counters);
  if (entries.length > 0) facts.push(['counters', entries.map(([name, count]) => `${name} ${count}`).join(', ')]);
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    ...facts.map(([name, text, style]) => paint(textLine(`${name.padEnd(width)}  ${text}`, screen), style, screen)),
    ...section(
      'blocked',
      blocked.map(({ subject, waitsFor }) => `${subject} waits for the ${waitsFor}`),
      screen,
    ),
    ...section(
      'failures',
      failures.map((one) => `${ago(one.at, at)}: ${one.what}: ${one.reason}`),
      screen,
    ),
    ...section(
      'refused flows',
      refused.map((one) => `${ago(one.at, at)}: ${one.bridge}: ${one.line}: ${one.reason}`),
      screen,
    ),
  ].join('');
}

function journalStyle({ reason, counts }: JournalStatus): Style | undefined {
  if (reason !== null) return 'red';
  return counts.failed === 0 ? undefined : 'yellow';
}

export function showCompare({ drift }: CompareReport, screen: Screen): string {
  return textLine(driftText(drift), screen);
}

function broker({ at, links: { broker } }: StatusReport): Fact {
  const name = broker.name === null ? '' : ` ${broker.name}`;
  if (broker.up) return ['broker', `connected to${name}${since(broker.since, at)}`];
  const reason = broker.reason === null ? '' : `: ${broker.reason}`;
  return ['broker', `not connected${since(broker.since, at)}${reason}`, 'red'];
}

function server({ at, links: { server } }: StatusReport): Fact {
  if (!server.registered) return ['server', 'not registered: no report was taken yet', 'yellow'];
  const said =
    server.lastVerdict === null ? 'the server said nothing to it' : `the server said "${server.lastVerdict}"`;
  return ['server', `registered; last report ${ago(server.lastReportAt, at)}, ${said}`];
}

function switchFacts({ at, switch: facts }: StatusReport): Fact[] {
  const absent = facts.bridges.filter(({ there }) => !there).map(({ name }) => name);
  const version = facts.ovsVersion === null ? 'version not known' : `Open vSwitch ${facts.ovsVersion}`;
  const bridges = absent.length > 0 ? `; ${absent.join(' and ')} not there` : '';
  const restoring = facts.restoring ? '; flow-restore-wait: nothing is programmed' : '';
  const { lastCompare: compare } = facts;
  const compared =
    compare !== null
      ? `${ago(compare.at, at)}: ${driftText(compare.drift)}`
      : facts.compared
        ? 'yes'
        : 'not yet: nothing is programmed before';
  return [
    ['switch', `${version}${bridges}${restoring}`, absent.length > 0 || facts.restoring ? 'yellow' : undefined],
    ...(facts.problem === null ? [] : [['problem', `cannot be programmed now: ${facts.problem}`, 'red'] as const]),
    ...(facts.waitsFor === null ? [] : [['waits', `for ${facts.waitsFor}`, 'yellow'] as const]),
    ...facts.monitors.map(
      ({ bridge, up, since: from }): Fact => [
        'monitor',
        `${bridge}: ${up ? 'connected' : 'not connected'}${since(from, at)}`,
        up ? undefined : 'yellow',
      ],
    ),
    ['compared', compared, facts.compared ? undefined : 'yellow'],
  ];
}

function syncFact({ at, counts: { networks, sync } }: StatusReport): Fact {
  if (networks === 0) return ['sync', 'no network is here'];
  const open = (['asked', 'unsynced'] as const).filter((status) => sync[status] > 0);
  const parts = [`${sync.synced} of ${networks} synced`, ...open.map((status) => `${sync[status]} ${status}`)];
  const suspects =
    sync.suspects === 0 ? '' : `; ${plural(sync.suspects, 'entry', 'entries')} in doubt, kept until confirmed`;
  return ['sync', `${parts.join(', ')}${since(sync.since, at)}${suspects}`, open.length > 0 ? 'yellow' : undefined];
}

function batchText({ total, lastMs, lastLatencyMs }: StatusReport['batches']): string {
  const last = lastMs === null ? '' : `, the last took ${lastMs} ms`;
  return `${total}${last}${lastLatencyMs === null ? '' : `; last notification done in ${lastLatencyMs} ms`}`;
}

function driftText({ adds, deletes, foreign }: Drift): string {
  const found =
    adds + deletes === 0 ? 'all flows as they should be' : `${adds} missing or different, ${deletes} too many`;
  return foreign === 0 ? found : `${found}; ${foreign} foreign, left alone`;
}

function since(from: string | null, at: string): string {
  return from === null ? '' : ` for ${span(from, at)}`;
}

function section(title: string, lines: readonly string[], screen: Screen): string[] {
  if (lines.length === 0) return [];
  return ['\n', paint(textLine(title, screen), 'bold', screen), ...lines.map((line) => textLine(`  ${line}`, screen))];
}
