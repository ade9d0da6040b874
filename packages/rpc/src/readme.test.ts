import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { methods } from "./methods/index.ts";
import { MemoryClient, type RpcResults } from "./testing/memory-client.ts";

const lines = readFileSync(new URL("../README.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => /^[→←] /.test(line));

test("the README's requests are answered as it says", async () => {
  const client = await MemoryClient.start();
  let answer: unknown;
  for (const line of lines) {
    const [, direction, name, json] = /^(.) ([\w.]+ )?(\{.*)$/.exec(line)!;
    const expected = JSON.parse(json!) as object;
    if (direction === "→") answer = await client.ask(name!.trim() as keyof RpcResults, expected);
    else if (name === undefined) assert.deepEqual(answer, expected, line);
    else {
      const [notification] = await client.notifications();
      assert.deepEqual([`${notification?.method} `, notification?.params], [name, expected]);
    }
  }
});

test("the README shows every method", () => {
  for (const { name } of methods)
    assert.ok(
      lines.some((line) => line.startsWith(`→ ${name} {`)),
      name,
    );
});
