/** Where the checkpoint is kept. It is taken once: whoever starts with it answers for it, and a crash has none to leave. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export class CheckpointFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What the last stop has left; `undefined`: nothing. It is gone afterwards. Rejects with the file system's error. */
  async take(): Promise<string | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    await rm(this.#path);
    return text;
  }

  /** There whole or not at all, also after a power loss. Rejects with the file system's error. */
  async put(text: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o750 });
    const draft = `${this.#path}.new`;
    const file = await open(draft, 'w', 0o640);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.#path);
  }
}
