/** What the state makes of the duties of `duties.ts`: one is begun, and answered, refused or not answered. */
import type { Duty, DutyOutcome } from './events.ts';
import { settleRestored } from './restore.ts';
import type { State, Vif } from './state.ts';
import type { PortId } from './values.ts';
import type { Facts } from './vif/wiring.ts';
import { refreshVif } from './vif-life.ts';

/** Milliseconds until the server is told again of a port that it could not bring up or down. */
const RETRY_REFUSED = 30_000;

/** Milliseconds until facts that settle nothing are asked for again, doubled each time, and how often. */
const FIRST_UNSETTLED = 2_000;
const MAX_UNSETTLED = 6;

export function onDutyStarted(state: State, duty: Duty, now: number): void {
  if (duty.kind === 'up') state.lastAsk = duty.ask;
  for (const id of duty.ports) {
    const vif = state.vifs.get(id);
    if (duty.kind === 'pull' && vif !== undefined) vif.asking = 'asked';
    if (duty.kind === 'down') {
      state.gone.delete(id);
      // Owed still, should we be killed before the answer.
      state.telling.add(id);
    }
    const network = vif?.network === undefined ? undefined : state.networks.get(vif.network);
    if (duty.kind !== 'up' || network === undefined) continue;
    state.calling.add(network.key);
    state.markUnsaved(network.key);
    if (duty.refresh || network.sync.status === 'unsynced') network.sync.asked(duty.ask, duty.refresh, now);
  }
}

export function onDutyDone(state: State, duty: Duty, outcome: DutyOutcome, now: number): void {
  const failed = new Set(outcome.kind === 'told' ? outcome.failed : outcome.kind === 'facts' ? [] : duty.ports);
  // No end marker follows: nothing can be concluded from what the server did not send.
  if (duty.kind === 'up' && failed.size > 0) {
    for (const { sync } of state.networks.values()) if (sync.status === 'asked') sync.lost(now);
  }
  if (duty.kind === 'up') {
    const called = [...state.calling];
    state.calling.clear();
    for (const key of called) {
      state.markUnsaved(key);
      if (outcome.kind === 'told') continue;
      state.networks.get(key)?.sync.expectLateAnswer(now + state.config.own.snapshotConfirm * 1000);
    }
  }
  for (const id of duty.ports) {
    if (outcome.kind === 'told') {
      if (failed.has(id)) state.deferred.set(id, now + RETRY_REFUSED);
      else state.deferred.delete(id);
    }
    if (outcome.kind === 'refused') state.deferred.set(id, now + RETRY_REFUSED);
    const vif = state.vifs.get(id);
    if (duty.kind === 'down') {
      state.telling.delete(id);
      state.unsavedVifs.add(id);
      if (vif === undefined && failed.has(id)) state.gone.add(id);
    }
    if (vif === undefined) continue;
    // What the server did of a call that it did not answer, the port's facts will tell.
    if (outcome.kind === 'failed' && duty.kind !== 'pull') vif.asking = 'wanted';
    if (duty.kind === 'pull') onFacts(state, id, outcome, now);
    else if (duty.kind === 'plugged') vif.announced = !failed.has(id);
    else if (!failed.has(id) && typeof vif.facts === 'object') {
      vif.facts = { ...vif.facts, status: duty.kind === 'up' ? 'ACTIVE' : 'DOWN' };
    }
  }
  if (duty.kind === 'pull') settleRestored(state);
}

function onFacts(state: State, id: PortId, outcome: DutyOutcome, now: number): void {
  const vif = state.vifs.get(id);
  // Heard meanwhile that the port is deleted: that is newer than the answer.
  if (vif === undefined || vif.asking === 'done') return;
  if (outcome.kind !== 'facts') {
    vif.asking = 'wanted';
    return;
  }
  const answer = outcome.answers.get(id);
  vif.facts = answer ?? vif.facts;
  if (vif.asking === 'asked') vif.asking = 'done';
  askAgainLater(state, vif, answer, now);
  refreshVif(state, id, now);
}

/**
 * A port that is plugged here and that the server does not know, or knows elsewhere, may be newer than what the server
 * read; one whose facts cannot be read may be mended. They are asked for again, a few times and ever more seldom.
 */
function askAgainLater(state: State, vif: Vif, answer: Facts | undefined, now: number): void {
  const isSettled = typeof answer === 'object' && answer.binding !== 'elsewhere';
  if (isSettled) {
    vif.unsettled = 0;
    state.deferred.delete(vif.id);
    return;
  }
  if (vif.asking === 'wanted' || vif.unsettled >= MAX_UNSETTLED) return;
  vif.asking = 'wanted';
  state.deferred.set(vif.id, now + FIRST_UNSETTLED * 2 ** vif.unsettled);
  vif.unsettled++;
}
