/** Puts the parts of the daemon together and takes them apart again; `main.ts` gives it a configuration and signals. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Agent } from './agent.ts';
import type { Config } from './config/config.ts';
import { ControlServer } from './control/server.ts';
import { Executor } from './executor.ts';
import { FlowMonitor, spawnWithExeca } from './flows/monitor.ts';
import { Ofctl, runWithExeca } from './flows/ofctl.ts';
import { JournalKeeper } from './journal/keeper.ts';
import type { JournalContents, JournalHeader } from './journal/record.ts';
import { JOURNAL_FILE } from './journal/schema.ts';
import { agentState } from './neutron/agent-state.ts';
import { Registration } from './neutron/registration.ts';
import { NeutronServer } from './neutron/server.ts';
import { L2POPULATION_TOPIC, NOTIFICATION_TOPICS, TUNNEL_DELETE_TOPIC, TUNNEL_UPDATE_TOPIC } from './neutron/topics.ts';
import { OvsdbClient } from './ovsdb/client.ts';
import { OvsdbTransactionError } from './ovsdb/errors.ts';
import { fdbReport } from './report/fdb.ts';
import { flowsReport } from './report/flows.ts';
import { type JournalPlace, journalReport, memorySource } from './report/journal.ts';
import { networksReport } from './report/networks.ts';
import { statusReport } from './report/status.ts';
import { resyncReport, selectForResync } from './report/sync.ts';
import { tunnelsReport } from './report/tunnels.ts';
import type { Vitals } from './report/vitals.ts';
import { unfit } from './restore.ts';
import { RpcClient } from './rpc/client.ts';
import type { LinkEvent } from './rpc/types.ts';
import { ServerLane } from './server-lane.ts';
import { State } from './state.ts';
import { SwitchWatch } from './switch-watch.ts';
import { SystemdNotify } from './systemd-notify.ts';
import { ownInterfaces, switchMonitors } from './vswitch/monitors.ts';

export interface Daemon {
  /** @throws ControlError, JournalError: another daemon has the control socket, or the journal; nothing was done. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** `version`: of the package. `boot`: the kernel's boot id. `notifySocket`: `$NOTIFY_SOCKET`. */
export function createDaemon(
  config: Config,
  log: Logger,
  options: { version: string; boot: string; notifySocket?: string | undefined },
): Daemon {
  const now = () => Date.now();
  const newId = () => randomUUID().replaceAll('-', '');
  const uuid = randomUUID();
  const state = new State(config, Math.random());
  const startedAt = now();
  const links = {
    broker: { up: false, name: undefined, since: undefined, reason: undefined } as Vitals['broker'],
    ovsdbSince: undefined as number | undefined,
  };
  let hasBeenUp = false;
  /** We started with the FDB of our predecessor, and it was complete. */
  let isRestored = false;
  const journal = new JournalKeeper({
    path: join(config.statePath, JOURNAL_FILE),
    header: { host: config.host, localIp: config.ovs.localIp, boot: options.boot },
    limits: { keepMs: config.own.journalKeep * 1000, keepCount: config.own.journalKeepEntries },
    log: log.child({ part: 'journal' }),
    now,
  });

  const patchPorts = [config.ovs.intPeerPatchPort, config.ovs.tunPeerPatchPort];
  const ovsdb = new OvsdbClient({
    remote: config.ovs.ovsdbConnection,
    fallback: config.ovs.ovsdbFallback,
    tls: {
      caFile: config.ovs.sslCaCertFile,
      certFile: config.ovs.sslCertFile,
      keyFile: config.ovs.sslKeyFile,
    },
    database: 'Open_vSwitch',
    monitors: switchMonitors(patchPorts),
    timeoutMs: config.ovs.ovsdbTimeout * 1000,
    log: log.child({ part: 'ovsdb' }),
    onChanges: (changes, kind) => agent.apply({ kind: 'rows', changes, initial: kind === 'initial' }),
    onState: (connection) => {
      links.ovsdbSince = now();
      if (connection === 'disconnected') agent.apply({ kind: 'ovsdb-lost' });
      tellSystemd();
    },
  });
  const ofctl = new Ofctl({ runDir: config.ovs.runDir, timeout: config.own.ofctlTimeout, run: runWithExeca });
  const executor = new Executor({
    state,
    ovsdb,
    ofctl,
    log: log.child({ part: 'switch' }),
    // What the server itself lacks is no fault of the operations.
    isRefusal: (error) => error instanceof OvsdbTransactionError && error.kind !== 'server',
    now,
    onPassed() {
      hearOfFewer();
      registration.retry();
    },
    onRefusedName: (name) => {
      namesToHear.add(name);
      if (state.passed) hearOfFewer();
    },
  });
  /** Patch ports, and tunnel ports that have names of ours without being ours: they are adopted when they are seen. */
  const namesToHear = new Set(patchPorts);

  function hearOfFewer(): void {
    ovsdb.setConditions('Interface', ownInterfaces([...namesToHear], config.ovs.localIp)).catch((error: Error) => {
      log.warn({ reason: error.message }, 'OVSDB goes on to tell of the interfaces that it told of before');
    });
  }
  const agent = new Agent({ state, journal, executor, log, now, offsets: () => rpc.offsets });

  const { runDir, tunnelBridge, integrationBridge } = config.ovs;
  const watch = new SwitchWatch({
    bridges: [
      { name: integrationBridge, ledger: state.int },
      { name: tunnelBridge, ledger: state.tun },
    ],
    monitor: (bridge, { onUp, ...handlers }) =>
      new FlowMonitor({
        ...{ bridge, runDir, spawn: spawnWithExeca, ...handlers },
        onUp() {
          onUp();
          registration.retry();
        },
      }),
    between: (run) => agent.between(run),
    compare: () => agent.compare(),
    log: log.child({ part: 'switch' }),
    now,
  });

  const rpc = new RpcClient({
    config: config.rpc,
    host: config.host,
    log: log.child({ part: 'rpc' }),
    topics: NOTIFICATION_TOPICS,
    byName: [L2POPULATION_TOPIC],
    ids: { uniqueId: newId, requestId: () => `req-${randomUUID()}` },
    now: () => new Date(),
    onDelivery: (delivery) => agent.deliver(delivery),
    onLink,
    onMissing: (topic) => agent.missing(topic),
  });
  const server = new NeutronServer({ rpc, host: config.host, reportTimeout: config.agent.reportInterval * 1000 });
  const lane = new ServerLane({
    state,
    server,
    log: log.child({ part: 'server' }),
    now,
    newId,
    apply: (event) => agent.apply(event),
  });
  const registration = new Registration({
    server,
    log: log.child({ part: 'server' }),
    localIp: config.ovs.localIp,
    tunnelTypes: config.agent.tunnelTypes,
    reportInterval: config.agent.reportInterval * 1000,
    now: () => new Date(),
    // As the reference: a host whose switch is dead is not alive, and gets no ports.
    agentState: () => {
      if (!state.connected || !isSwitchAlive()) return undefined;
      // A start that was through before it could be reported is one all the same.
      const starting = !state.passed || registration.lastReport === undefined;
      return agentState({ config, root: state.view.root, devices: state.vifs.size, uuid, starting });
    },
    onAskEndpoints: (type) => agent.apply({ kind: 'endpoints-asked', type }),
    onEndpoints: (type, vteps) => agent.apply({ kind: 'endpoints', type, vteps }),
    onReady: (ready) => {
      lane.setOpen(ready);
      tellSystemd();
    },
    onRevived: () => agent.apply({ kind: 'gap', l2population: true, ports: true }),
    hasMemory: () => isRestored,
  });

  /** As far as is known: before ovs-vswitchd has shown itself, OVSDB's word is worth nothing. */
  function isSwitchAlive(): boolean {
    return agent.failure === undefined && (state.passed || watch.seesSwitch);
  }

  function onLink(event: LinkEvent): void {
    if (event.kind === 'up') links.broker = { up: true, name: event.broker, since: now(), reason: undefined };
    if (event.kind === 'down') links.broker = { ...links.broker, up: false, since: now(), reason: event.reason };
    if (event.kind === 'down') agent.apply({ kind: 'link-down' });
    else {
      if (event.kind === 'up') agent.apply({ kind: 'link-up' });
      const lost = event.kind === 'up' ? event.lost : event.topics;
      // At the first connection nothing is known yet, unless a checkpoint told: everything is asked for anyway.
      if (lost.length > 0 && (hasBeenUp || isRestored)) agent.gap(lost);
      if (lost.includes(TUNNEL_UPDATE_TOPIC) || lost.includes(TUNNEL_DELETE_TOPIC)) registration.resync();
    }
    if (event.kind === 'up') hasBeenUp = true;
    if (event.kind !== 'gap') registration.setLink(event.kind === 'up');
  }

  const journalPlace = (): JournalPlace => {
    const { database, since, problem } = journal;
    return { path: database?.path, since, reason: problem, source: database ?? memorySource(state.journal.open) };
  };
  const vitals = (): Vitals => ({
    version: options.version,
    pid: process.pid,
    startedAt,
    ...links,
    report: registration.lastReport,
    lastCompare: executor.lastCompare,
    waitsFor: executor.waitingFor === '' ? undefined : executor.waitingFor,
    monitors: watch.monitors,
    switchProblem: agent.problem,
    journal: journalPlace(),
    batches: { total: agent.batches, lastMs: agent.lastMs, lastLatencyMs: agent.lastLatencyMs },
    counters: { ...agent.counters, ...rpc.counters },
    failures: executor.failures,
    refused: executor.refused,
  });
  const control = new ControlServer({
    path: config.own.controlSocket,
    log: log.child({ part: 'control' }),
    handlers: {
      status: () => statusReport(state, vitals(), now()),
      networks: () => networksReport(state, now()),
      tunnels: () => tunnelsReport(state, now()),
      fdb: (query) => fdbReport(state, query, now()),
      flows: (query) =>
        agent.between(() => flowsReport(state, query, (bridge) => ofctl.dump(bridge, { stats: true }), now)),
      journal: (query) => journalReport(journalPlace(), query, now()),
      compare: () => agent.compare(),
      resync(query) {
        const networks = selectForResync(state, query);
        if ('problem' in networks) return networks;
        const report = resyncReport(state, networks, now());
        agent.apply({ kind: 'resync', networks: networks.map(({ key }) => key) });
        return report;
      },
    },
  });
  const systemd = new SystemdNotify({ socket: options.notifySocket, log });

  /** For `systemctl status`: what it waits for, or that all is well. */
  function tellSystemd(): void {
    const waits = [
      ...(state.connected ? (isSwitchAlive() ? [] : ['ovs-vswitchd']) : ['ovsdb-server']),
      ...(links.broker.up ? [] : ['RabbitMQ']),
      ...(registration.isReady ? [] : ['neutron-server']),
    ];
    void systemd.status(waits.length === 0 ? 'connected' : `waiting for ${waits.join(', ')}`);
  }

  /** What our predecessor knew, if it is of use. */
  function openJournal(): JournalContents | undefined {
    const fits = (header: JournalHeader) => {
      const problem = unfit(header, config);
      if (problem !== undefined) log.warn({ reason: problem }, 'the journal is of no use: everything is asked for');
      return problem === undefined;
    };
    const contents = journal.open(fits);
    if (contents === undefined) return undefined;
    isRestored = contents.header.boot === options.boot && contents.networks.some(({ settled }) => settled);
    log.info({ networks: contents.networks.length, open: contents.open.length }, 'the FDB is that of the journal');
    return contents;
  }

  return {
    async start() {
      await control.listen();
      let contents: JournalContents | undefined;
      try {
        contents = openJournal();
      } catch (error) {
        await control.close();
        throw error;
      }
      if (contents !== undefined) agent.apply({ kind: 'restored', contents, boot: options.boot });
      agent.start(lane);
      watch.start();
      ovsdb.start();
      rpc.start(contents?.offsets, contents?.messages);
      registration.start();
      await systemd.ready('started');
    },
    async stop() {
      const told = Promise.all([systemd.stopping(), watch.stop()]);
      registration.stop();
      lane.setOpen(false);
      await agent.stop();
      // Until the connection ends, a queue may be found missing: that is written down still.
      await Promise.all([rpc.close(), ovsdb.close(), control.close(), told]);
      journal.close();
    },
  };
}
