import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "@polylog/base/clock";
import { FileStorage, LevelStateStore } from "@polylog/log/embedded";
import { settle, temporaryDirectory } from "@polylog/testkit";
import { roomyLimits } from "../testing/session-rig.ts";
import { Delivery } from "./delivery.ts";
import { DurableSessionStore } from "./durable-session-store.ts";
import type { StoredSession } from "./stored-session.ts";

const rounds = 4;

/** Runs the child until it said `lines` lines, kills it, and returns what it said. */
function runAndKill(directory: string, lines: number): Promise<string[]> {
  const path = fileURLToPath(new URL("../testing/session-kill-child.js", import.meta.url));
  const child = spawn(process.execPath, [path, directory], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    said += text;
    if (said.split("\n").length > lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal !== "SIGKILL") reject(new Error(`the child ended with ${code}`));
      resolve(said.slice(0, said.lastIndexOf("\n")).split("\n"));
    });
  });
}

/** What the session gives out, all of it: message numbers, and sequences of releases. */
async function takeAll(session: StoredSession): Promise<{ messages: Map<number, number>; releases: Set<number> }> {
  const messages = new Map<number, number>();
  const releases = new Set<number>();
  const delivery = new Delivery();
  session.attach({ onDeliverable: () => undefined });
  for (let outcome = session.next(delivery); outcome !== "none"; outcome = session.next(delivery)) {
    const { bytes, payloadStart, payloadEnd, sequence } = delivery;
    if (outcome === "reading") await settle(1);
    else if (outcome === "release") releases.add(sequence);
    else messages.set(sequence, Number.parseInt(bytes.toString("latin1", payloadStart, payloadEnd), 10));
  }
  session.detach();
  return { messages, releases };
}

test(`a process that is killed has what it promised, ${rounds} times over`, async (context) => {
  const directory = temporaryDirectory(context);
  let storedCount = 0;
  const received = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    for (const line of await runAndKill(directory, 50 + round * 700)) {
      const [what, number] = line.split(" ");
      if (what === "stored") storedCount = Math.max(storedCount, Number(number) + 1);
      else received.add(Number(number));
    }
  }
  const state = new LevelStateStore(join(directory, "state"));
  await state.open();
  const storage = new FileStorage(join(directory, "sessions"));
  const store = new DurableSessionStore({ storage, state, clock: systemClock, limits: roomyLimits });
  await store.open();
  const away = await takeAll(store.get("away")!);
  assert.ok(away.messages.size >= storedCount, `${away.messages.size} of ${storedCount}`);
  assert.deepEqual([...away.messages.values()], [...away.messages.keys()]);
  const here = await takeAll(store.get("here")!);
  for (const [sequence, number] of here.messages) {
    assert.equal(number, sequence);
    assert.ok(!received.has(sequence), `PUBLISH ${sequence} is repeated after its PUBREC`);
  }
  await store.close();
  await state.close();
});
