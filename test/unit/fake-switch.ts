/**
 * An Open vSwitch in memory, as far as the daemon uses one: OVSDB rows and transactions, an ovs-vswitchd that gives
 * ofports and reaches `cur_cfg`, flow tables that take bundles. It watches over what must never happen (`violations`).
 */
import { type DumpedFlow, flowKey, parseFlow } from '../../src/flows/flow.ts';
import type { RefusedLine } from '../../src/flows/ofctl.ts';
import type { Row, Value } from '../../src/ovsdb/notation.ts';
import { valuesEqual } from '../../src/ovsdb/notation.ts';
import type { Operation, Where } from '../../src/ovsdb/operations.ts';
import type { SwitchRowChange } from '../../src/vswitch/monitors.ts';
import { DEFAULTS, decode, decodeAtom, decodeRow, difference, mutate } from './fake-wire.ts';

const HIDDEN = new Set(['next_cfg', 'bridges', 'ports']);
const TUNNEL_TYPES = ['vxlan', 'gre', 'geneve', 'patch'];

export interface OperationResult {
  readonly count?: number;
  readonly rows?: readonly Row[];
}

export interface PlugOptions {
  readonly type?: string;
  readonly externalIds?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly tag?: number;
  readonly otherConfig?: Readonly<Record<string, string>>;
}

export class FakeSwitch {
  readonly tables = new Map(Object.keys(DEFAULTS).map((table) => [table, new Map<string, Row>()]));
  readonly violations: string[] = [];
  readonly transactions: (readonly Operation[])[] = [];
  readonly bundles: { readonly bridge: string; readonly lines: readonly string[] }[] = [];
  /** Told of every change, before the transaction that made it is answered. */
  onRows: (changes: readonly SwitchRowChange[]) => void = () => undefined;
  /** Lines of bundles that it does not take; the rest of the bundle goes through. */
  refuses: (line: string) => boolean = () => false;
  readonly #flows = new Map<string, Map<string, DumpedFlow>>();
  readonly #nextOfport = new Map<string, number>();
  #serial = 0;

  constructor() {
    this.#rows('Open_vSwitch').set(this.#newUuid(), { ...DEFAULTS.Open_vSwitch } as Row);
  }

  /** Everything that the monitors show, as the first read of a connection. */
  initial(): SwitchRowChange[] {
    return difference(new Map(), this.#monitored());
  }

  transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    this.transactions.push(operations);
    return Promise.resolve(
      this.change(() => {
        const results = this.#transact(operations);
        this.#collectGarbage((uuid) => this.#checkRetired(uuid));
        return results;
      }),
    );
  }

  dump(bridge: string): Promise<DumpedFlow[]> {
    return Promise.resolve(this.flows(bridge));
  }

  bundle(bridge: string, lines: readonly string[]): Promise<RefusedLine[]> {
    this.bundles.push({ bridge, lines });
    const table = this.#table(bridge);
    const taken = lines.filter((line) => !this.refuses(line));
    for (const line of taken) this.#flowMod(bridge, table, line);
    this.#checkOutputs(bridge, taken);
    return Promise.resolve(lines.filter((line) => !taken.includes(line)).map((line) => ({ line, reason: 'no' })));
  }

  flows(bridge: string): DumpedFlow[] {
    return [...this.#table(bridge).values()];
  }

  /** ovs-vswitchd does what the database says: new ports get their number, `cur_cfg` reaches `next_cfg`. */
  vswitchd(): void {
    this.change(() => {
      for (const [, bridge] of this.#rows('Bridge')) {
        for (const port of bridge.ports as string[]) {
          for (const uuid of (this.#rows('Port').get(port)?.interfaces ?? []) as string[]) {
            const known = this.#rows('Interface').get(uuid);
            if (known === undefined || (known.ofport as number[]).length > 0) continue;
            const ofport = known.name === bridge.name ? 65534 : this.#ofport(String(bridge.name));
            this.#rows('Interface').set(uuid, { ...known, ofport: [ofport] });
          }
        }
      }
      for (const [uuid, root] of this.#rows('Open_vSwitch')) {
        this.#rows('Open_vSwitch').set(uuid, { ...root, cur_cfg: root.next_cfg as number });
      }
    });
  }

  /** ovs-vswitchd died and came back: the tables are empty, the database is as it was. */
  loseFlows(): void {
    this.#flows.clear();
  }

  addFlow(bridge: string, line: string): void {
    const flow = parseFlow(line);
    if (flow === undefined) throw new Error(`no flow: ${line}`);
    this.#table(bridge).set(flowKey(flow), flow);
  }

  plug(bridge: string, name: string, plug: PlugOptions = {}): void {
    this.change(() => {
      const [interfaceUuid, portUuid] = [this.#newUuid(), this.#newUuid()];
      this.#rows('Interface').set(interfaceUuid, {
        ...(DEFAULTS.Interface as Row),
        name,
        type: plug.type ?? '',
        external_ids: new Map(Object.entries(plug.externalIds ?? {})),
        options: new Map(Object.entries(plug.options ?? {})),
      });
      this.#rows('Port').set(portUuid, {
        ...(DEFAULTS.Port as Row),
        name,
        interfaces: [interfaceUuid],
        tag: plug.tag === undefined ? [] : [plug.tag],
        other_config: new Map(Object.entries(plug.otherConfig ?? {})),
      });
      this.#update('Bridge', this.#named('Bridge', bridge), (row) => ({
        ports: [...(row.ports as string[]), portUuid],
      }));
    });
  }

  unplug(name: string): void {
    const uuid = this.#named('Port', name);
    this.change(() => {
      for (const bridge of this.#rows('Bridge').keys()) {
        this.#update('Bridge', bridge, (row) => ({ ports: (row.ports as string[]).filter((port) => port !== uuid) }));
      }
    });
  }

  addBridge(name: string): void {
    this.change(() => {
      const uuid = this.#newUuid();
      this.#rows('Bridge').set(uuid, { ...(DEFAULTS.Bridge as Row), name, fail_mode: ['secure'] });
      for (const root of this.#rows('Open_vSwitch').keys()) {
        this.#update('Open_vSwitch', root, (row) => ({ bridges: [...(row.bridges as string[]), uuid] }));
      }
    });
  }

  deleteBridge(name: string): void {
    const uuid = this.#named('Bridge', name);
    this.#flows.delete(name);
    this.change(() => {
      for (const root of this.#rows('Open_vSwitch').keys()) {
        this.#update('Open_vSwitch', root, (row) => ({
          bridges: (row.bridges as string[]).filter((one) => one !== uuid),
        }));
      }
    });
  }

  set(table: string, name: string, columns: Row): void {
    this.change(() => this.#update(table, this.#named(table, name), () => columns));
  }

  setRoot(columns: Row): void {
    this.change(() => {
      for (const uuid of this.#rows('Open_vSwitch').keys()) this.#update('Open_vSwitch', uuid, () => columns);
    });
  }

  port(name: string): Row {
    return this.#rows('Port').get(this.#named('Port', name)) as Row;
  }

  interface(name: string): Row {
    return this.#rows('Interface').get(this.#named('Interface', name)) as Row;
  }

  portNames(bridge: string): string[] {
    const ports = this.#rows('Bridge').get(this.#named('Bridge', bridge))?.ports as string[];
    return ports.map((uuid) => String(this.#rows('Port').get(uuid)?.name)).sort();
  }

  ofport(name: string): number {
    return (this.interface(name).ofport as number[])[0] ?? 0;
  }

  change<T>(run: () => T): T {
    const before = this.#monitored();
    const result = run();
    this.#collectGarbage();
    const changes = difference(before, this.#monitored());
    if (changes.length > 0) this.onRows(changes);
    return result;
  }

  #transact(operations: readonly Operation[]): OperationResult[] {
    const names = new Map<string, string>();
    for (const operation of operations) {
      if (operation.op === 'insert' && operation['uuid-name'] !== undefined) {
        names.set(operation['uuid-name'], operation.uuid ?? this.#newUuid());
      }
    }
    return operations.map((operation): OperationResult => {
      switch (operation.op) {
        case 'insert': {
          const uuid = names.get(operation['uuid-name'] ?? '') ?? operation.uuid ?? this.#newUuid();
          const row = decodeRow(operation.table, operation.row, names);
          if (
            operation.table === 'Interface' &&
            [...this.#rows('Interface').values()].some(({ name }) => name === row.name)
          ) {
            throw new Error(`constraint violation: two interfaces ${row.name}`);
          }
          this.#rows(operation.table).set(uuid, { ...(DEFAULTS[operation.table] as Row), ...row });
          return {};
        }
        case 'update': {
          const found = this.#find(operation.table, operation.where, names);
          const row = decodeRow(operation.table, operation.row, names);
          for (const uuid of found) this.#update(operation.table, uuid, () => row);
          return { count: found.length };
        }
        case 'mutate': {
          const found = this.#find(operation.table, operation.where, names);
          for (const uuid of found) {
            this.#update(operation.table, uuid, (row) =>
              Object.fromEntries(
                operation.mutations.map(([column, mutator, wire]) => [
                  column,
                  mutate(row[column] as Value, mutator, decode(operation.table, column, wire, names)),
                ]),
              ),
            );
          }
          return { count: found.length };
        }
        case 'select': {
          const found = this.#find(operation.table, operation.where, names);
          return { rows: found.map((uuid) => this.#rows(operation.table).get(uuid) as Row) };
        }
        default:
          throw new Error(`the fake switch knows no ${operation.op}`);
      }
    });
  }

  #flowMod(bridge: string, table: Map<string, DumpedFlow>, line: string): void {
    const [command, rest = ''] = split(line, ' ');
    if (command === 'add') {
      const [head, actions = ''] = split(rest, ',actions=');
      const [, cookie = '', number = '', match = ''] = /^cookie=(\w+),table=(\d+),(.*)$/.exec(head) ?? [];
      const flow = parseFlow(` cookie=${cookie}, table=${number}, ${match} actions=${actions}`);
      if (flow === undefined || cookie === '') throw new Error(`not a flow as the daemon writes it: ${line}`);
      table.set(flowKey(flow), flow);
    } else if (command === 'delete_strict') table.delete(rest);
    else if (command === 'delete') {
      for (const [key, flow] of table) if (matchesLoosely(flow, rest)) table.delete(key);
    } else throw new Error(`${bridge}: unknown command ${line}`);
  }

  /** Nobody but the daemon enforces that a flow's port is there first, and goes last (OVS.md). */
  #checkOutputs(bridge: string, lines: readonly string[]): void {
    const ofports = this.#ofportsOf(bridge);
    for (const line of lines) {
      for (const ofport of portsOf(line.startsWith('add') ? line : '')) {
        if (!ofports.has(ofport)) this.violations.push(`${bridge}: port ${ofport} is not there: ${line}`);
      }
    }
  }

  #ofportsOf(bridge: string): Set<number> {
    const ports = (this.#rows('Bridge').get(this.#named('Bridge', bridge))?.ports ?? []) as string[];
    const interfaces = ports.flatMap((uuid) => (this.#rows('Port').get(uuid)?.interfaces ?? []) as string[]);
    return new Set(interfaces.flatMap((uuid) => (this.#rows('Interface').get(uuid)?.ofport ?? []) as number[]));
  }

  #monitored(): Map<string, Map<string, Row>> {
    const shown = new Map<string, Map<string, Row>>();
    for (const [table, rows] of this.tables) {
      const visible = new Map<string, Row>();
      for (const [uuid, row] of rows) {
        const isOfConcern =
          (row.external_ids as ReadonlyMap<string, string>)?.size > 0 || TUNNEL_TYPES.includes(String(row.type));
        if (table === 'Interface' && !isOfConcern) continue;
        visible.set(uuid, Object.fromEntries(Object.entries(row).filter(([column]) => !HIDDEN.has(column))));
      }
      shown.set(table, visible);
    }
    return shown;
  }

  /** Rows that nothing refers to go. */
  #collectGarbage(goes: (interfaceUuid: string) => void = () => undefined): void {
    const kept = (table: string, column: string) =>
      new Set([...this.#rows(table).values()].flatMap((row) => row[column] as string[]));
    for (const [child, parent, column] of [
      ['Bridge', 'Open_vSwitch', 'bridges'],
      ['Port', 'Bridge', 'ports'],
      ['Interface', 'Port', 'interfaces'],
    ] as const) {
      const referenced = kept(parent, column);
      for (const uuid of this.#rows(child).keys()) {
        if (referenced.has(uuid)) continue;
        if (child === 'Interface') goes(uuid);
        this.#rows(child).delete(uuid);
      }
    }
  }

  #checkRetired(interfaceUuid: string): void {
    const row = this.#rows('Interface').get(interfaceUuid);
    if (row === undefined) return;
    const [ofport] = row.ofport as number[];
    if (ofport === undefined || !(row.external_ids as Map<string, string>).has('l2pop-agent')) return;
    for (const flow of this.#flows.get('br-tun')?.values() ?? []) {
      if (portsOf(`${flow.match},actions=${flow.actions}`).includes(ofport)) {
        this.violations.push(`port ${row.name} goes before its flow ${flowKey(flow)} actions=${flow.actions}`);
      }
    }
  }

  #find(table: string, where: Where, names: ReadonlyMap<string, string>): string[] {
    return [...this.#rows(table)]
      .filter(([uuid, row]) =>
        where.every(([column, test, wire]) => {
          if (column === '_uuid') return uuid === decodeAtom(wire, names);
          if (test === 'includes') return (row[column] as string[]).includes(String(decodeAtom(wire, names)));
          return valuesEqual(row[column] as Value, decode(table, column, wire, names));
        }),
      )
      .map(([uuid]) => uuid);
  }

  #update(table: string, uuid: string, columns: (row: Row) => Row): void {
    const row = this.#rows(table).get(uuid);
    if (row !== undefined) this.#rows(table).set(uuid, { ...row, ...columns(row) });
  }

  #named(table: string, name: string): string {
    for (const [uuid, row] of this.#rows(table)) if (row.name === name) return uuid;
    throw new Error(`no ${table} ${name}`);
  }

  #rows(table: string): Map<string, Row> {
    const rows = this.tables.get(table);
    if (rows === undefined) throw new Error(`no table ${table}`);
    return rows;
  }

  #table(bridge: string): Map<string, DumpedFlow> {
    return this.#flows.getOrInsertComputed(bridge, () => new Map());
  }

  #ofport(bridge: string): number {
    const next = (this.#nextOfport.get(bridge) ?? 0) + 1;
    this.#nextOfport.set(bridge, next);
    return next;
  }

  #newUuid(): string {
    return `00000000-0000-4000-8000-${String(++this.#serial).padStart(12, '0')}`;
  }
}

function split(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The ports that a flow names. */
function portsOf(text: string): number[] {
  return [...text.matchAll(/\b(?:output:|in_port=)(\d+)/g)].map(([, port]) => Number(port));
}

function matchesLoosely(flow: DumpedFlow, filter: string): boolean {
  return filter
    .split(',')
    .filter((part) => part !== '')
    .every((part) => {
      const [field, value = ''] = split(part, '=');
      if (field === 'cookie') return `${flow.cookie}/-1` === value;
      if (field === 'table') return flow.table === Number(value);
      if (field === 'out_port') return flow.actions.split(',').includes(`output:${value}`);
      if (field === 'vlan_tci') {
        const vlan = Number(split(value, '/')[0]);
        const tci = /vlan_tci=(0x[0-9a-f]+)\/0x0fff/.exec(flow.match)?.[1];
        return flow.match.split(',').includes(`dl_vlan=${vlan}`) || Number(tci) === vlan;
      }
      throw new Error(`the fake switch cannot delete by ${part}`);
    });
}
