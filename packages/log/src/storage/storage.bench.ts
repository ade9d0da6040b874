/**
 * Writes of a batch's size on the event loop and in the thread pool: why `file-storage.ts` chooses as it does.
 *
 *     node packages/log/dist/storage/storage.bench.js [--smoke] [--directory DIR]
 */

import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, write, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const sizes = [256, 4096, 16_384, 65_536, 262_144];

async function main(): Promise<void> {
  const smoke = process.argv.includes("--smoke");
  const given = process.argv.indexOf("--directory");
  const directory = mkdtempSync(join(given < 0 ? tmpdir() : process.argv[given + 1]!, "polylog-bench-"));
  try {
    for (const size of sizes) {
      const count = smoke ? 5 : Math.min(20_000, Math.floor(256e6 / size));
      const bytes = Buffer.alloc(size, 1);
      await measure(join(directory, "loop"), `${size} bytes, event loop`, count, (fd, position, done) => {
        writeSync(fd, bytes, 0, size, position);
        done();
      });
      await measure(join(directory, "pool"), `${size} bytes, thread pool`, count, (fd, position, done) => {
        write(fd, bytes, 0, size, position, done);
      });
      await measure(join(directory, "sync"), `${size} bytes, loop and fdatasync`, count / 10, (fd, position, done) => {
        writeSync(fd, bytes, 0, size, position);
        fdatasync(fd, done);
      });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One write per turn of the loop. */
async function measure(
  path: string,
  what: string,
  count: number,
  step: (fd: number, position: number, done: () => void) => void,
): Promise<void> {
  const fd = openSync(path, "w");
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const size = Number.parseInt(what, 10);
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => step(fd, i * size, () => setImmediate(resolve)));
  }
  const elapsedUs = (performance.now() - startMs) * 1000;
  const used = process.cpuUsage(cpu);
  const cpuUs = used.user + used.system;
  closeSync(fd);
  const [each, cpuEach] = [elapsedUs / count, cpuUs / count].map((us) => us.toFixed(1));
  process.stdout.write(`${what}: ${each} us each, ${cpuEach} us of CPU\n`);
}

await main();
