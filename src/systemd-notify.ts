/**
 * Tells systemd how far the daemon is (sd_notify(3)), through systemd-notify(1) because Node has no datagram unix sockets.
 * Does nothing unless systemd started us, and never fails the daemon.
 */
import { execa } from 'execa';
import type { Logger } from 'pino';

export interface SystemdNotifyOptions {
  /** `$NOTIFY_SOCKET`; `undefined`: nobody listens. */
  readonly socket: string | undefined;
  readonly log: Logger;
}

/** Milliseconds one message may take; systemd-notify waits until it was taken. */
const TIMEOUT = 5_000;

export class SystemdNotify {
  readonly #options: SystemdNotifyOptions;
  /** Messages go out one after the other. */
  #last: Promise<void> = Promise.resolve();
  #status: string | undefined;
  #failed = false;

  constructor(options: SystemdNotifyOptions) {
    this.#options = options;
  }

  /** The start is complete. */
  ready(status: string): Promise<void> {
    return this.#send('--ready', `--status=${oneLine(status)}`);
  }

  /** One line for `systemctl status`; the same again is not sent. */
  status(status: string): Promise<void> {
    if (status === this.#status) return this.#last;
    this.#status = status;
    return this.#send(`--status=${oneLine(status)}`);
  }

  stopping(): Promise<void> {
    return this.#send('STOPPING=1', '--status=stopping');
  }

  #send(...args: string[]): Promise<void> {
    if (this.#options.socket === undefined || this.#options.socket === '') return this.#last;
    this.#last = this.#last.then(() => this.#run(args));
    return this.#last;
  }

  async #run(args: readonly string[]): Promise<void> {
    const { socket = '', log } = this.#options;
    const result = await execa('systemd-notify', args, {
      env: { NOTIFY_SOCKET: socket },
      timeout: TIMEOUT,
      reject: false,
      stdin: 'ignore',
    });
    if (!result.failed) this.#failed = false;
    else if (!this.#failed) {
      this.#failed = true;
      log.warn({ reason: result.shortMessage, stderr: result.stderr }, 'systemd cannot be told how far we are');
    }
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
