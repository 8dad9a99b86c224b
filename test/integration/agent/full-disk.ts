/** The daemon's `state_path` as a file system of its own, small enough to be filled. Root is needed. */
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../lab/run.ts';

/** Room for the journal of a few networks, its log, and one that was set aside. */
const SIZE = '16m';

export class SmallDisk {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** What was in the directory is hidden until {@link unmount}. */
  static async mount(directory: string): Promise<SmallDisk> {
    mkdirSync(directory, { recursive: true });
    await run(['mount', '-t', 'tmpfs', '-o', `size=${SIZE}`, 'l2pop-agent-test', directory]);
    return new SmallDisk(directory);
  }

  fill(): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    writeFileSync(this.#filler, Buffer.alloc(bavail * bsize));
  }

  empty(): void {
    rmSync(this.#filler);
  }

  async unmount(): Promise<void> {
    await run(['umount', this.#directory]);
  }

  get #filler(): string {
    return join(this.#directory, 'filler');
  }
}
