/** `l2popctl networks`, `tunnels` and `fdb` as text. On a terminal ids are shortened; elsewhere they are whole. */
import type {
  FdbEntryReport,
  FdbReport,
  NetworkReport,
  NetworksReport,
  TunnelsReport,
  VifReport,
} from '../report/types.ts';
import { type Column, type Screen, table, textLine } from './table.ts';
import { ago, shortener, span } from './words.ts';

export function showNetworks({ at, networks, unwired }: NetworksReport, screen: Screen): string {
  if (networks.length + unwired.length === 0) return textLine('no VIF is plugged', screen);
  const short = ids(
    networks.map(({ id }) => id),
    screen,
  );
  const vifs = [
    ...networks.flatMap((network) => network.vifs.map((vif) => ({ ...vif, network: short(network.id) }))),
    ...unwired.map((vif) => ({ ...vif, network: '' })),
  ];
  const first = table(networkColumns(short, at), networks, screen);
  return `${first}${first === '' ? '' : '\n'}${table(VIF_COLUMNS, vifs, screen)}`;
}

function networkColumns(short: (id: string) => string, at: string): Column<NetworkReport>[] {
  return [
    { header: 'NETWORK', cell: ({ id }) => short(id) },
    { header: 'TYPE', cell: ({ type }) => type },
    { header: 'ID', cell: ({ segmentationId }) => segmentationId, align: 'right' },
    { header: 'VLAN', cell: ({ vlan }) => vlan, align: 'right' },
    {
      header: 'SYNC',
      cell: ({ sync }) => `${sync.status} for ${span(sync.since, at)}`,
      style: ({ sync }) => (sync.status === 'synced' ? undefined : 'yellow'),
    },
    { header: 'SNAPSHOT', cell: ({ sync }) => ago(sync.snapshotAt, at) },
    { header: 'SUSPECTS', cell: ({ sync }) => (sync.suspects === 0 ? '' : sync.suspects), align: 'right' },
    { header: 'CONFIRM', cell: ({ sync }) => (sync.confirmAt === null ? '' : `in ${span(at, sync.confirmAt)}`) },
    { header: 'VIFS', cell: ({ vifs }) => vifs.length, align: 'right' },
    { header: 'MACS', cell: ({ macs }) => macs, align: 'right' },
    { header: 'VTEPS', cell: ({ vteps }) => vteps.map(vtepText).join(' ') || '-' },
  ];
}

function vtepText({ ip, ofport }: NetworkReport['vteps'][number]): string {
  return ofport === null ? `${ip}(no ofport)` : ip;
}

const VIF_COLUMNS: readonly Column<VifReport & { readonly network: string }>[] = [
  { header: 'VIF', cell: ({ port }) => port },
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'OFPORT', cell: ({ ofport }) => ofport, align: 'right' },
  { header: 'NETWORK', cell: ({ network }) => network || '-' },
  { header: 'WIRING', cell: ({ wiring }) => wiring, style: ({ wiring }) => (wiring === 'dead' ? 'red' : undefined) },
  {
    header: 'STATUS',
    cell: ({ status }) => status,
    style: ({ status }) => (status === 'ACTIVE' ? undefined : 'yellow'),
  },
  { header: 'MAC', cell: ({ mac }) => mac },
  { header: 'REASON', cell: ({ reason }) => reason },
];

export function showTunnels({ tunnels, localIp }: TunnelsReport, screen: Screen): string {
  if (tunnels.length === 0) return textLine(`no tunnel from ${localIp} is wanted, and none is there`, screen);
  const short = ids(
    tunnels.flatMap(({ networks }) => networks),
    screen,
  );
  return table(
    [
      { header: 'TYPE', cell: ({ type }) => type },
      { header: 'REMOTE', cell: ({ remoteIp }) => remoteIp },
      { header: 'PORT', cell: ({ port }) => port ?? '-', style: ({ port }) => (port === null ? 'yellow' : undefined) },
      {
        header: 'OFPORT',
        cell: ({ ofport }) => ofport ?? '-',
        align: 'right',
        style: ({ ofport }) => (ofport === null ? 'yellow' : undefined),
      },
      {
        header: 'OWNER',
        cell: ({ owner }) => owner ?? '-',
        style: ({ owner }) => (owner === 'foreign' ? 'yellow' : undefined),
      },
      { header: 'WANTED', cell: ({ wanted }) => (wanted ? 'yes' : 'no') },
      { header: 'NETWORKS', cell: ({ networks }) => networks.map(short).join(' ') || '-' },
    ],
    tunnels,
    screen,
  );
}

export function showFdb({ at, networks }: FdbReport, screen: Screen): string {
  const short = ids(
    networks.map(({ id }) => id),
    screen,
  );
  const rows = networks.flatMap((network) => [
    ...network.flooding.map(({ vtep, assertedAt }) => ({
      network: short(network.id),
      ...{ vtep, mac: '(flooding)', rendered: true, located: true, assertedAt, ips: [] },
    })),
    ...network.entries.map((entry) => ({ network: short(network.id), ...entry })),
  ]);
  if (rows.length === 0) return textLine('the FDB has no entry that fits', screen);
  return table<FdbEntryReport & { readonly network: string }>(
    [
      { header: 'NETWORK', cell: ({ network }) => network },
      { header: 'VTEP', cell: ({ vtep }) => vtep },
      { header: 'MAC', cell: ({ mac }) => mac },
      {
        header: 'USED',
        cell: ({ rendered, located }) => (rendered ? 'yes' : located ? 'older' : 'not located'),
        style: ({ rendered }) => (rendered ? undefined : 'dim'),
      },
      { header: 'HEARD', cell: ({ assertedAt }) => ago(assertedAt, at) || 'before the start' },
      { header: 'IPS', cell: ({ ips }) => ips.map(({ ip, rendered }) => (rendered ? ip : `(${ip})`)).join(' ') },
    ],
    rows,
    screen,
  );
}

function ids(all: readonly string[], screen: Screen): (id: string) => string {
  return screen.width === undefined ? (id) => id : shortener(all);
}
