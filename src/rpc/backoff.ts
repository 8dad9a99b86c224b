/** How long to wait before brokers are tried again: growing, bounded and jittered, so that a cloud of agents does not come back at once. */

export interface BackoffConfig {
  /** Seconds, all three. */
  readonly retryInterval: number;
  readonly retryBackoff: number;
  readonly intervalMax: number;
}

/**
 * Milliseconds to wait after the `round`th time (1, 2, …) that every broker of the list failed.
 * `random`: 0 up to 1; the wait is between half and all of the step.
 */
export function backoffDelay(config: BackoffConfig, round: number, random: number): number {
  const step = Math.min(config.intervalMax, config.retryInterval + (round - 1) * config.retryBackoff);
  return step * 1000 * (0.5 + random / 2);
}
