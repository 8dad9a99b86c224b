/**
 * Keeps the agent registered: waits for a server, reports the state every `report_interval`, registers our VTEP for
 * each tunnel type. A server that is away is waited for; that is said once, and once when it is back.
 */
import type { Logger } from 'pino';
import type { JsonObject } from '../rpc/types.ts';
import type { IpAddress, TunnelType } from '../values.ts';
import type { NeutronServer, ReportVerdict } from './server.ts';

export interface RegistrationParts {
  readonly server: Pick<NeutronServer, 'isAlive' | 'reportState' | 'tunnelSync'>;
  readonly log: Logger;
  readonly localIp: IpAddress;
  readonly tunnelTypes: readonly TunnelType[];
  /** Milliseconds. */
  readonly reportInterval: number;
  now(): Date;
  /** The body of a report; `undefined`: nothing may be reported now (the switch is away). */
  agentState(): JsonObject | undefined;
  /** Before and after `tunnel_sync`. */
  onAskEndpoints(type: TunnelType): void;
  onEndpoints(type: TunnelType, vteps: readonly IpAddress[]): void;
  /** Registered and answered, or no longer. */
  onReady(ready: boolean): void;
  /** The server had given us up: everything is to be asked anew. */
  onRevived(): void;
  /** We started with what we knew before, and the broker's queues have kept the rest. */
  hasMemory(): boolean;
}

/** Why it is not registered. */
interface Problem {
  readonly reason: string;
  /** Of the call that failed. */
  readonly requestId?: unknown;
}

/** Nothing may be reported yet; what that waits for others have said. */
const NOTHING_TO_REPORT: Problem = { reason: 'there is nothing to report before Open vSwitch can be programmed' };

/** Milliseconds between attempts to find a server. */
const FIRST_RETRY = 500;
const MAX_RETRY = 10_000;

export class Registration {
  readonly #parts: RegistrationParts;
  readonly #stopping = new AbortController();
  /** Resolved when the loop should not wait any longer. */
  #nudge = Promise.withResolvers<void>();
  #isLinkUp = false;
  #synced = false;
  #waiting = false;
  #ready = false;
  /** The last report was not sent: there was nothing to report. */
  #withheld = false;
  /** Milliseconds since the epoch, and what the server made of it. */
  lastReport: { readonly at: number; readonly verdict: ReportVerdict } | undefined;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
    this.#nudge.resolve();
  }

  setLink(up: boolean): void {
    if (up === this.#isLinkUp) return;
    this.#isLinkUp = up;
    if (!up) this.#setReady(false);
    this.#nudge.resolve();
  }

  /** Notifications of VTEPs were lost: `tunnel_sync` is asked again. */
  resync(): void {
    this.#synced = false;
    this.#nudge.resolve();
  }

  /** There may be something to report now: what was withheld is tried again at once. */
  retry(): void {
    if (this.#withheld) this.#nudge.resolve();
  }

  /** Registered, and the server answers. */
  get isReady(): boolean {
    return this.#ready;
  }

  #setReady(ready: boolean): void {
    this.#ready = ready;
    this.#parts.onReady(ready);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let retry = FIRST_RETRY;
    while (!signal.aborted) {
      this.#nudge = Promise.withResolvers<void>();
      let delay = this.#parts.reportInterval;
      if (this.#isLinkUp) {
        const problem = await this.#register();
        if (problem === undefined) retry = FIRST_RETRY;
        else {
          this.#failed(problem);
          delay = Math.min(retry, this.#parts.reportInterval);
          retry = Math.min(retry * 2, MAX_RETRY);
        }
      }
      const timer = setTimeout(this.#nudge.resolve, delay);
      await this.#nudge.promise;
      clearTimeout(timer);
    }
  }

  /** @returns why it did not work, for the log. */
  async #register(): Promise<Problem | undefined> {
    const { server, log } = this.#parts;
    try {
      if ((this.#waiting || this.lastReport === undefined) && !(await server.isAlive())) {
        return { reason: 'it answers that it is not ready' };
      }
      await this.#report();
      // Without a report the server sends us nothing, and counts what we say of devices for nothing.
      if (this.lastReport === undefined) return NOTHING_TO_REPORT;
      if (!this.#synced) await this.#syncTunnels();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return { reason: error.message, requestId: 'requestId' in error ? error.requestId : undefined };
    }
    if (this.#waiting) log.info('neutron-server answers again');
    this.#waiting = false;
    if (this.#isLinkUp && !this.#stopping.signal.aborted) this.#setReady(true);
    return undefined;
  }

  async #syncTunnels(): Promise<void> {
    const { server, log, localIp, tunnelTypes, onAskEndpoints, onEndpoints } = this.#parts;
    this.#synced = true;
    try {
      for (const type of tunnelTypes) {
        onAskEndpoints(type);
        const { vteps, problems } = await server.tunnelSync(type, localIp);
        for (const problem of problems) log.error(problem);
        onEndpoints(type, vteps);
      }
    } catch (error) {
      this.#synced = false;
      throw error;
    }
    log.info({ localIp, tunnelTypes }, 'registered with neutron-server');
  }

  async #report(): Promise<void> {
    const { server, log, agentState, now, onRevived, hasMemory } = this.#parts;
    const state = agentState();
    this.#withheld = state === undefined;
    if (state === undefined) return;
    const at = now();
    const verdict = await server.reportState(state, at);
    const wasKnown = this.lastReport !== undefined;
    this.lastReport = { at: at.getTime(), verdict };
    // Of a process that starts the first word is no news, unless it remembers being known; and of one that remembers it
    // is no news that it was away.
    const isNews = verdict === 'new' ? wasKnown || hasMemory() : verdict === 'revived' && (wasKnown || !hasMemory());
    // `new` to a server that knew us: an operator deleted the agent, and with it our VTEPs.
    if (isNews) {
      this.#synced = false;
      log.warn('neutron-server had given us up: everything is asked anew');
      onRevived();
    }
  }

  #failed(problem: Problem): void {
    if (problem !== NOTHING_TO_REPORT) {
      if (!this.#waiting) this.#parts.log.warn(problem, 'waiting for neutron-server');
      this.#waiting = true;
    }
    this.#setReady(false);
  }
}
