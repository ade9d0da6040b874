import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { acquireDataDirLock, acquireLock, type LockHost } from "./data-dir-lock.ts";

async function temporaryDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "polylog-lock-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A record as a holder with the given fields would have left it. */
async function leaveLock(directory: string, fields: object, name = "LOCK"): Promise<void> {
  const lock = await acquireDataDirLock(directory);
  const own = JSON.parse(await readFile(join(directory, "LOCK"), "utf8")) as object;
  await lock.release();
  await writeFile(join(directory, name), JSON.stringify({ ...own, ...fields }));
}

const endedPid = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

test("makes the directory and names its holder", async (context) => {
  const directory = join(await temporaryDirectory(context), "a", "b");
  const lock = await acquireDataDirLock(directory);
  const record = JSON.parse(await readFile(join(directory, "LOCK"), "utf8")) as { pid: number };
  assert.equal(record.pid, process.pid);
  await lock.release();
  await lock.release();
  assert.deepEqual(await readdir(directory), []);
});

test("refuses a second lock in the same process", async (context) => {
  const directory = await temporaryDirectory(context);
  const lock = await acquireDataDirLock(directory);
  await assert.rejects(acquireDataDirLock(directory), (error: unknown) => {
    assert.ok(isCodedError(error, "log.DATA_DIR_LOCKED"));
    assert.match(error.message, new RegExp(`"${directory}" is in use by process ${process.pid}; stop that process`));
    return true;
  });
  assert.deepEqual(await readdir(directory), ["LOCK"]);
  await lock.release();
  await (await acquireDataDirLock(directory)).release();
});

test("takes over what an ended process left", async (context) => {
  const directory = await temporaryDirectory(context);
  const staleFields = { ended: { pid: endedPid() }, reused: { startTime: "1" }, rebooted: { bootId: "another" } };
  for (const fields of Object.values(staleFields)) {
    await leaveLock(directory, fields);
    const lock = await acquireDataDirLock(directory);
    assert.deepEqual(await readdir(directory), ["LOCK"]);
    await lock.release();
  }
});

test("takes over from a takeover that ended", async (context) => {
  const directory = await temporaryDirectory(context);
  const [first, second] = ["1".repeat(16), "2".repeat(16)];
  await leaveLock(directory, { pid: endedPid(), token: second }, `LOCK.${first}`);
  await writeFile(
    join(directory, "LOCK"),
    JSON.stringify({ pid: endedPid(), bootId: "", startTime: "", token: first }),
  );
  const lock = await acquireDataDirLock(directory);
  assert.deepEqual(await readdir(directory), ["LOCK"]);
  await lock.release();
});

test("leaves alone what is no lock of ours", async (context) => {
  const directory = await temporaryDirectory(context);
  for (const content of ["", "4711\n", '{"pid": -1, "token": "0000000000000000"}', '{"pid": 4711}']) {
    await writeFile(join(directory, "LOCK"), content);
    await assert.rejects(acquireDataDirLock(directory), { code: "log.DATA_DIR_UNUSABLE" });
    assert.equal(await readFile(join(directory, "LOCK"), "utf8"), content);
  }
});

test("releases only its own lock", async (context) => {
  const directory = await temporaryDirectory(context);
  const lock = await acquireDataDirLock(directory);
  await rm(join(directory, "LOCK"));
  const other = await acquireDataDirLock(directory);
  await lock.release();
  assert.deepEqual(await readdir(directory), ["LOCK"]);
  await other.release();
});

test("says why a directory cannot be used", async (context) => {
  const file = join(await temporaryDirectory(context), "file");
  await writeFile(file, "");
  await assert.rejects(acquireDataDirLock(join(file, "below")), { code: "log.DATA_DIR_UNUSABLE" });
});

const starterScript = `
  import { acquireDataDirLock } from ${JSON.stringify(new URL("./data-dir-lock.js", import.meta.url).href)};
  console.log("ready");
  process.stdin.once("data", () => {
    acquireDataDirLock(process.argv[1]).then(() => console.log("held"), (error) => console.log(error.code, error.details.pid));
  });
`;

test("lets one of many processes take over", async (context) => {
  const directory = await temporaryDirectory(context);
  await leaveLock(directory, { pid: endedPid() });
  const starters = Array.from({ length: 6 }, () => {
    const args = ["--input-type=module", "-e", starterScript, directory];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  });
  context.after(() => Promise.all(starters.map(({ child }) => end(child))));
  for (const { lines } of starters) assert.equal((await lines.next()).value, "ready");
  for (const { child } of starters) child.stdin.write("go\n");
  const answers: string[] = [];
  for (const { lines } of starters) answers.push(String((await lines.next()).value));
  const holder = starters[answers.indexOf("held")]?.child;
  assert.ok(holder);
  assert.equal(answers.filter((answer) => answer.startsWith("log.DATA_DIR_LOCKED ")).length, 5);
  await assert.rejects(acquireDataDirLock(directory), { code: "log.DATA_DIR_LOCKED" });
  await end(holder);
  await (await acquireDataDirLock(directory)).release();
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Processes that share a directory in memory. Each of their file operations waits until the schedule lets it happen. */
class Machine {
  readonly files = new Map<string, string>();
  readonly starters: Starter[] = [];
  waiting: { readonly starter: Starter; readonly run: () => void }[] = [];

  /** Pids are used again: there are five. */
  start(): void {
    const living = this.starters.filter(({ ended }) => !ended);
    const pid = [1, 2, 3, 4, 5].find((each) => living.every((starter) => starter.pid !== each));
    if (pid !== undefined) this.starters.push(new Starter(this, pid, this.starters.length));
  }

  get holders(): Starter[] {
    return this.starters.filter(({ ended, release }) => !ended && release !== undefined);
  }

  async step(choice: number): Promise<void> {
    this.waiting.splice(choice % this.waiting.length, 1)[0]?.run();
    await new Promise((resolve) => setImmediate(resolve)); // Until every process waits again.
  }

  end(starter: Starter): void {
    starter.ended = true;
    this.waiting = this.waiting.filter((each) => each.starter !== starter);
  }
}

class Starter implements LockHost {
  readonly machine: Machine;
  readonly pid: number;
  readonly bootId = "boot";
  readonly startTime: string;
  ended = false;
  release: (() => Promise<void>) | undefined;
  refusal: unknown;

  constructor(machine: Machine, pid: number, index: number) {
    this.machine = machine;
    this.pid = pid;
    this.startTime = `start ${index}`;
    acquireLock(this, "data").then(
      (release) => {
        this.release = release;
      },
      (error: unknown) => {
        this.refusal = error;
        machine.end(this);
      },
    );
  }

  stop(): void {
    const release = this.release;
    this.release = undefined;
    void release?.().then(() => this.machine.end(this));
  }

  startTimeOf(pid: number): Promise<string | undefined> {
    return this.#wait(() => this.machine.starters.find((each) => each.pid === pid && !each.ended)?.startTime);
  }

  read(name: string): Promise<string | undefined> {
    return this.#wait(() => this.machine.files.get(name));
  }

  create(name: string, content: string): Promise<void> {
    return this.#wait(() => void this.machine.files.set(name, content));
  }

  link(from: string, to: string): Promise<boolean> {
    return this.#wait(() => {
      if (this.machine.files.has(to)) return false;
      this.machine.files.set(to, this.machine.files.get(from)!);
      return true;
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#wait(() => {
      this.machine.files.set(to, this.machine.files.get(from)!);
      this.machine.files.delete(from);
    });
  }

  remove(name: string): Promise<void> {
    return this.#wait(() => void this.machine.files.delete(name));
  }

  #wait<Result>(operation: () => Result): Promise<Result> {
    return new Promise((resolve) => {
      this.machine.waiting.push({ starter: this, run: () => resolve(operation()) });
    });
  }
}

const action = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("step" as const), choice: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("start" as const), choice: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), choice: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stop" as const), choice: fc.nat(100) }) },
);

test("never has two holders under any schedule", async () => {
  const property = fc.asyncProperty(fc.array(action, { maxLength: 150, size: "max" }), async (actions) => {
    const machine = new Machine();
    for (const { kind, choice } of actions) {
      const living = machine.starters.filter(({ ended }) => !ended);
      if (kind === "start") machine.start();
      else if (kind === "stop") machine.holders[0]?.stop();
      else if (kind === "kill" && living.length > 0) machine.end(living[choice % living.length]!);
      else if (kind === "step" && machine.waiting.length > 0) await machine.step(choice);
      assert.ok(machine.holders.length < 2, "two holders");
    }
    while (machine.waiting.length > 0) await machine.step(0);
    const holder = machine.holders[0];
    machine.start();
    while (machine.waiting.length > 0) await machine.step(0);
    assert.equal(machine.holders.length, 1);
    assert.ok(holder === undefined || machine.holders[0] === holder);
    for (const { refusal } of machine.starters)
      assert.ok(refusal === undefined || isCodedError(refusal, "log.DATA_DIR_LOCKED"));
  });
  await fc.assert(property, { numRuns: 500 });
});
