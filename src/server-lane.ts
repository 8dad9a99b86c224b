/**
 * Tells and asks neutron-server what the state owes it, one duty at a time. Independent of the switch's loop: a slow
 * server holds up nothing but itself.
 */
import type { Logger } from 'pino';
import { Backoff } from './backoff.ts';
import { nextDuty } from './duties.ts';
import type { Duty, DutyOutcome, Event } from './events.ts';
import type { NeutronServer } from './neutron/server.ts';
import type { State } from './state.ts';

export interface ServerLaneParts {
  readonly state: State;
  readonly server: Pick<NeutronServer, 'pullPorts' | 'updateDevices' | 'sendMarker'>;
  readonly log: Logger;
  now(): number;
  newId(): string;
  apply(event: Event): void;
}

/** One bad port among a hundred is found after eight refusals in a row. */
const MAX_REFUSALS = 10;

export class ServerLane {
  readonly #parts: ServerLaneParts;
  readonly #backoff = new Backoff(1000, 30_000);
  #open = false;
  #busy = false;
  #retry: NodeJS.Timeout | undefined;
  #failing = false;
  /** In a row. */
  #refusals = 0;

  constructor(parts: ServerLaneParts) {
    this.#parts = parts;
  }

  /** The server can be talked to, or not. */
  setOpen(open: boolean): void {
    this.#open = open;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (open) this.kick();
  }

  /** Something may be owed. */
  kick(): void {
    if (!this.#open || this.#busy || this.#retry !== undefined) return;
    this.#busy = true;
    void this.#work().finally(() => {
      this.#busy = false;
    });
  }

  async #work(): Promise<void> {
    const { state, now, newId } = this.#parts;
    for (let duty = nextDuty(state, now(), newId); duty !== undefined && this.#open; ) {
      if ((await this.#carryOut(duty)) === 'failed') {
        this.#retryLater();
        return;
      }
      this.#backoff.reset();
      duty = nextDuty(state, now(), newId);
    }
  }

  /** A duty that the server refuses is tried in halves, so that one port does not hold up the others. */
  async #carryOut(duty: Duty): Promise<DutyOutcome['kind']> {
    const { apply, newId } = this.#parts;
    apply({ kind: 'duty-started', duty });
    let outcome = await this.#perform(duty);
    this.#refusals = outcome.kind === 'refused' ? this.#refusals + 1 : 0;
    // It refuses whatever is asked: that is the server's trouble, not a port's, and halving would only add to it.
    if (outcome.kind === 'refused' && this.#refusals > MAX_REFUSALS) {
      outcome = { kind: 'failed', reason: outcome.reason };
    }
    if (outcome.kind !== 'refused' || duty.ports.length === 1 || !this.#open) {
      apply({ kind: 'duty-done', duty, outcome });
      return outcome.kind;
    }
    apply({ kind: 'duty-done', duty, outcome: { kind: 'failed', reason: outcome.reason } });
    const middle = Math.ceil(duty.ports.length / 2);
    for (const ports of [duty.ports.slice(0, middle), duty.ports.slice(middle)]) {
      const half = duty.kind === 'up' ? { ...duty, ports, ask: newId() } : { ...duty, ports };
      const kind = await this.#carryOut(half);
      if (kind === 'failed') return kind;
    }
    return 'told';
  }

  async #perform(duty: Duty): Promise<DutyOutcome> {
    const { log } = this.#parts;
    const started = this.#parts.now();
    try {
      const outcome = await this.#call(duty);
      const facts = { duty: duty.kind, ports: duty.ports.length, ms: this.#parts.now() - started };
      log.info(duty.kind === 'up' ? { ...facts, refresh: duty.refresh } : facts, 'neutron-server answered');
      if (outcome.kind === 'told' && outcome.failed.length > 0) {
        log.warn({ duty: duty.kind, ports: outcome.failed }, 'neutron-server could not do it for these ports');
      }
      this.#failing = false;
      return outcome;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      const reason = error.message;
      // An outage is said once; the link's own lines say the rest.
      log[this.#failing ? 'debug' : 'warn'](
        {
          duty: duty.kind,
          ports: duty.ports.length,
          reason,
          requestId: 'requestId' in error ? error.requestId : undefined,
        },
        'call failed, to be tried again',
      );
      this.#failing = true;
      return { kind: isRefusal(error.code) ? 'refused' : 'failed', reason };
    }
  }

  async #call(duty: Duty): Promise<DutyOutcome> {
    const { server, log } = this.#parts;
    switch (duty.kind) {
      case 'pull': {
        const { answers, problems } = await server.pullPorts(duty.ports);
        if (problems.length > 0) log.error({ problems: problems.slice(0, 5) }, 'port facts cannot be read');
        return { kind: 'facts', answers };
      }
      case 'down': {
        const { failedDown } = await server.updateDevices({ up: [], down: duty.ports, refreshTunnels: false });
        return { kind: 'told', failed: failedDown };
      }
      case 'plugged': {
        const { failedUp } = await server.updateDevices({ up: duty.ports, down: [], refreshTunnels: false });
        return { kind: 'told', failed: failedUp };
      }
      case 'up': {
        await server.sendMarker(duty.ask, 'start');
        const { failedUp } = await server.updateDevices({ up: duty.ports, down: [], refreshTunnels: duty.refresh });
        // A port that failed may have got no snapshot: without the end, its absence proves nothing.
        if (failedUp.length === 0) await server.sendMarker(duty.ask, 'end');
        return { kind: 'told', failed: failedUp };
      }
    }
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.kick();
    }, this.#backoff.next());
  }
}

/** Codes of `RpcError` that mean "not this" rather than "not now". */
function isRefusal(code: unknown): boolean {
  return code === 'remote' || code === 'bad-reply';
}
