/**
 * Brings the switch in line with the state: asks what is not known of it, then carries out one plan, in the order that
 * makes before it breaks. Called by the agent's loop, one run at a time; says what it did through the state.
 */
import type { Logger } from 'pino';
import { addLine, deleteLine } from './flows/flow.ts';
import type { FlowChanges, FlowLedger } from './flows/ledger.ts';
import type { Ofctl, RefusedLine } from './flows/ofctl.ts';
import type { Operation } from './ovsdb/operations.ts';
import {
  type BoundVif,
  type BundlePlan,
  bundleLines,
  makePlan,
  type OperationGroup,
  type Plan,
  replan,
} from './plan.ts';
import { reduce } from './reduce.ts';
import type { Drift } from './report/types.ts';
import type { State } from './state.ts';
import type { TunnelKey } from './tunnel/ports.ts';
import { parseTunnelKey, tunnelPortName } from './tunnel/ports.ts';
import type { PortId } from './values.ts';
import { membershipQuery, readMembership } from './vswitch/monitors.ts';
import { bridgeOperations, bumpNextCfg, readNextCfg } from './vswitch/transact.ts';

/** What a transaction gives; `src/ovsdb`'s client is one. */
export interface Ovsdb {
  transact(
    operations: readonly Operation[],
  ): Promise<readonly { readonly count?: number; readonly rows?: readonly Readonly<Record<string, unknown>>[] }[]>;
}

export interface ExecutorParts {
  readonly state: State;
  readonly ovsdb: Ovsdb;
  readonly ofctl: Pick<Ofctl, 'dump' | 'bundle'>;
  readonly log: Logger;
  /** The switch refused the transaction itself: trying it again as it is will not help. */
  isRefusal(error: unknown): boolean;
  now(): number;
  /** Once, when the first plan is carried out: nothing of a predecessor's is left to be looked for. */
  onPassed(): void;
  /** The switch would not make a tunnel port of this name: somebody else's has it, perhaps one that OVSDB does not tell us of. */
  onRefusedName(name: string): void;
}

/** `again`: there is more to do at once. `waiting`: for something to happen first. `done`: a plan was carried out. */
export type Progress = 'again' | 'waiting' | 'done';

export class Executor {
  readonly #parts: ExecutorParts;
  #dropFlows: boolean;
  /** VIFs of the plan under way whose row was gone. */
  readonly #missedVifs = new Set<PortId>();
  /** What the next step waits for; empty: nothing. */
  waitingFor = '';
  /** Milliseconds since the epoch, and what the last comparison found. */
  lastCompare: { readonly at: number; readonly drift: Drift } | undefined;
  /** The last few flows that the switch refused, and the last few other failures; oldest first. */
  readonly refused: { readonly at: number; readonly bridge: string; readonly line: string; readonly reason: string }[] =
    [];
  readonly failures: { readonly at: number; readonly what: string; readonly reason: string }[] = [];

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#dropFlows = parts.state.config.agent.dropFlowsOnStart;
  }

  /** @throws OfctlError, OvsdbConnectionError: the switch is away; what was planned is dirty again. */
  async advance(): Promise<Progress> {
    const { state, now } = this.#parts;
    if (!state.connected) return this.#waitFor('');
    if (state.view.root?.restoring === true) {
      // What is restored meanwhile is compared afterwards.
      state.compareWanted = true;
      return this.#waitFor('other_config:flow-restore-wait to be cleared');
    }
    const [controller] = state.view.connectedControllers();
    if (!state.passed && controller !== undefined) {
      return this.#waitFor(`the controller ${controller} to leave our bridges: is another agent still running?`);
    }
    const unplaced = state.view.portsWithoutBridge();
    if (unplaced.length > 0) return this.#askMembership(unplaced);
    if (state.dirty.bridges && (await this.#makeBridges())) return 'waiting';
    if ((state.view.root?.curCfg ?? 0) < state.bridgesCfg) return this.#waitFor('ovs-vswitchd to make the bridges');
    const patch = state.config.ovs.tunPeerPatchPort;
    if (state.view.patch(patch)?.interface.ofport === undefined)
      return this.#waitFor(`ovs-vswitchd to give ${patch} its ofport`);
    this.#waitFor('');
    const comparing = state.compareWanted;
    if (comparing) await this.#compare();
    this.#readmit();
    const plan = makePlan(state);
    state.journal.begin((subject) => state.blockedOn(subject), now());
    if (comparing) this.#noteDrift(plan);
    await this.#carryOut(plan);
    return 'done';
  }

  /** Said once per reason. */
  #waitFor(what: string): Progress {
    if (what !== '' && what !== this.waitingFor) this.#parts.log.info(`waiting for ${what}`);
    this.waitingFor = what;
    return 'waiting';
  }

  async #askMembership(ports: readonly string[]): Promise<Progress> {
    const { state, ovsdb, now } = this.#parts;
    const bridges = readMembership(ports, await ovsdb.transact(membershipQuery(ports)));
    reduce(state, { kind: 'membership', bridges }, now());
    return 'again';
  }

  async #makeBridges(): Promise<boolean> {
    const { state, ovsdb, log } = this.#parts;
    const operations = bridgeOperations(state.view, state.config.ovs);
    state.dirty.bridges = false;
    if (operations.length === 0) return false;
    try {
      state.bridgesCfg = readNextCfg(await ovsdb.transact([...operations, ...bumpNextCfg()]));
    } catch (error) {
      state.dirty.bridges = true;
      throw error;
    }
    const { integrationBridge, tunnelBridge } = state.config.ovs;
    log.info({ bridges: [integrationBridge, tunnelBridge], operations: operations.length }, 'bridges set up');
    return true;
  }

  async #compare(): Promise<void> {
    const { state } = this.#parts;
    // A wish that comes while the dumps are made is one for new dumps.
    state.compareWanted = false;
    try {
      await this.#dump();
    } catch (error) {
      state.compareWanted = true;
      throw error;
    }
  }

  async #dump(): Promise<void> {
    const { state, ofctl, log, now } = this.#parts;
    const { tunnelBridge, integrationBridge } = state.config.ovs;
    if (this.#dropFlows) {
      log.info('drop_flows_on_start: all flows of both bridges are deleted');
      for (const bridge of [integrationBridge, tunnelBridge]) await ofctl.bundle(bridge, ['delete']);
      this.#dropFlows = false;
    }
    const [tun, int] = await Promise.all([
      ofctl.dump(tunnelBridge, { stats: false }),
      ofctl.dump(integrationBridge, { stats: false }),
    ]);
    reduce(state, { kind: 'dump', tun, int }, now());
  }

  /** What was refused and is to be tried again by now. */
  #readmit(): void {
    const { state, now } = this.#parts;
    for (const subject of state.journal.takeDue(now())) {
      const [kind, ...name] = subject.split(' ');
      if (kind === 'tunnel') state.dirty.tunnels.add(name.join(' ') as TunnelKey);
      if (kind === 'vif') state.dirty.vifs.add(name.join(' ') as PortId);
      for (const ledger of [state.int, state.tun]) ledger.readmit(subject);
    }
  }

  async #carryOut(plan: Plan): Promise<void> {
    const { state, now } = this.#parts;
    this.#missedVifs.clear();
    try {
      await this.#transact(plan.create, []);
      await this.#bundle(plan.bundles.int, state.int);
      await this.#bundle(plan.bundles.tun, state.tun);
      const results = await this.#transact(plan.finish, bumpNextCfg());
      const configured = results === undefined ? 0 : readNextCfg(results);
      for (const vif of plan.bound) {
        if (!state.refused.vifs.has(vif.id) && !this.#missedVifs.has(vif.id)) markConfigured(state, vif, configured);
      }
      for (const vif of plan.alreadyBound) markConfigured(state, vif, 0);
      for (const ofport of plan.retiring) state.retired.set(ofport, configured);
      state.journal.done(now());
    } catch (error) {
      state.journal.notNow(error instanceof Error ? error.message : String(error), now());
      replan(state, plan);
      throw error;
    }
    if (state.passed) return;
    state.passed = true;
    this.#parts.onPassed();
  }

  async #bundle(bundle: BundlePlan, ledger: FlowLedger): Promise<void> {
    const lines = bundleLines(bundle);
    if (lines.length === 0) return;
    const { state, ofctl, log, now } = this.#parts;
    const refused = await ofctl.bundle(bundle.bridge, lines);
    const { taken, left } = partition(bundle.changes, refused);
    ledger.applied(taken);
    const [{ reason: why = '' } = {}] = refused;
    for (const subject of ledger.refused(left)) state.journal.rejected(subject, why, now());
    for (const { line, reason } of refused) {
      remember(this.refused, { at: now(), bridge: bundle.bridge, line, reason });
    }
    for (const { line, reason } of refused.slice(0, LOGGED)) {
      log.error({ bridge: bundle.bridge, line, reason }, 'the switch refuses a flow; it is left out for now');
    }
    const more = refused.length - LOGGED;
    if (more > 0)
      log.error({ bridge: bundle.bridge, more }, 'the switch refuses more flows; they are left out for now');
    const facts = { bridge: bundle.bridge, adds: taken.adds.length, deletes: taken.deletes.length };
    log.info(facts, 'flows programmed');
  }

  /** All groups in one transaction; if it is refused, each by itself, so that a bad one does not hold up the rest. */
  async #transact(
    groups: readonly OperationGroup[],
    tail: readonly Operation[],
  ): Promise<Awaited<ReturnType<Ovsdb['transact']>> | undefined> {
    if (groups.length === 0) return undefined;
    const { state, ovsdb, log, isRefusal, now } = this.#parts;
    try {
      const results = await ovsdb.transact([...groups.flatMap((group) => group.operations), ...tail]);
      let done = 0;
      for (const group of groups) {
        const { facts, what, tunnel, vif, operations } = group;
        if (tunnel !== undefined) state.refused.tunnels.delete(tunnel);
        if (vif !== undefined) state.refused.vifs.delete(vif);
        const ofGroup = results.slice(done, done + operations.length);
        done += operations.length;
        if (ofGroup.some(({ count }) => count === 0)) this.#missed(group);
        else log.info(facts, what);
      }
      return results;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const [group, ...others] = groups;
      if (group === undefined) return undefined;
      if (others.length === 0) {
        if (group.tunnel !== undefined) {
          state.creating.delete(group.tunnel);
          state.refused.tunnels.add(group.tunnel);
          this.#parts.onRefusedName(tunnelPortName(parseTunnelKey(group.tunnel)));
        }
        if (group.vif !== undefined) state.refused.vifs.add(group.vif);
        const reason = error instanceof Error ? error.message : String(error);
        const subject = group.vif === undefined ? `tunnel ${group.tunnel}` : `vif ${group.vif}`;
        state.journal.rejected(subject, reason, now());
        log.error({ ...group.facts, reason }, `${group.what}: refused, left out for now`);
        remember(this.failures, { at: now(), what: `${group.what}: ${Object.values(group.facts).join(' ')}`, reason });
        return undefined;
      }
    }
    let last: Awaited<ReturnType<Ovsdb['transact']>> | undefined;
    for (const group of groups) last = (await this.#transact([group], tail)) ?? last;
    return last;
  }

  /** A bridge or port that went meanwhile: OVSDB has changed nothing, and that is no error there (RFC 7047 §5.2.3). To be planned again as things are now. */
  #missed({ facts, what, tunnel, vif }: OperationGroup): void {
    const { state, log } = this.#parts;
    log.warn(facts, `${what}: no, its row in OVSDB is gone`);
    if (tunnel !== undefined) {
      state.creating.delete(tunnel);
      state.dirty.tunnels.add(tunnel);
    }
    if (vif !== undefined) {
      state.dirty.vifs.add(vif);
      this.#missedVifs.add(vif);
    }
  }

  /** Between the dump and its repair. A start finds differences by nature; later ones are somebody's doing. */
  #noteDrift({ bundles: { int, tun } }: Plan): void {
    const { state, log, now } = this.#parts;
    const drift = {
      adds: int.changes.adds.length + tun.changes.adds.length,
      deletes: int.changes.deletes.length + tun.changes.deletes.length,
      foreign: state.int.foreign().length + state.tun.foreign().length,
    };
    this.lastCompare = { at: now(), drift };
    log.info({ ...drift, flows: state.tun.size + state.int.size }, 'compared with the switch');
  }
}

/** A VIF is reported up once `cur_cfg` has reached this; it may have gone or moved meanwhile. */
function markConfigured(state: State, { id, network }: BoundVif, configured: number): void {
  const vif = state.vifs.get(id);
  if (vif?.network !== network) return;
  vif.configured ??= configured;
  state.unconfirmed.delete(id);
}

const REMEMBERED = 50;
/** Refused lines of one bundle that the log has one by one. */
const LOGGED = 5;

function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > REMEMBERED) list.shift();
}

function partition(changes: FlowChanges, refused: readonly RefusedLine[]): { taken: FlowChanges; left: FlowChanges } {
  const lines = new Set(refused.map(({ line }) => line));
  const isLeft = (line: string) => lines.has(line);
  return {
    taken: {
      adds: changes.adds.filter((flow) => !isLeft(addLine(flow))),
      deletes: changes.deletes.filter((key) => !isLeft(deleteLine(key))),
    },
    left: {
      adds: changes.adds.filter((flow) => isLeft(addLine(flow))),
      deletes: changes.deletes.filter((key) => isLeft(deleteLine(key))),
    },
  };
}
