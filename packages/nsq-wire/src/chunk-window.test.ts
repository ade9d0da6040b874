import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkWindow } from "./chunk-window.ts";

function unit(window: ChunkWindow, size: number): string {
  return window.bytes.toString("latin1", window.start, window.start + size);
}

test("refers to the chunk while it can", () => {
  const window = new ChunkWindow();
  const chunk = Buffer.from("abcdef");
  window.push(chunk);
  assert.ok(window.ensure(4, 4));
  assert.equal(window.bytes, chunk);
  window.advance(4);
  assert.equal(unit(window, 2), "ef");
});

test("allocates only once more bytes arrive", () => {
  const window = new ChunkWindow();
  const chunk = Buffer.from("abc");
  window.push(chunk);
  assert.equal(window.ensure(1_000_000, 1_000_000), false);
  assert.equal(window.bytes, chunk);
  window.push(Buffer.from("def"));
  assert.equal(window.ensure(1_000_000, 1_000_000), false);
  assert.equal(window.bytes.length, 1_000_000);
  assert.equal(unit(window, 6), "abcdef");
});

test("leaves what follows the unit in its chunk", () => {
  const window = new ChunkWindow();
  window.push(Buffer.from("abc"));
  assert.equal(window.ensure(5, 5), false);
  const behind = Buffer.from("defgh");
  window.push(behind);
  assert.ok(window.ensure(5, 5));
  assert.equal(unit(window, 5), "abcde");
  window.advance(5);
  assert.equal(window.bytes, behind);
  assert.equal(unit(window, 3), "fgh");
});

test("gives back what was pulled too far", () => {
  const window = new ChunkWindow();
  window.push(Buffer.from("abc"));
  assert.equal(window.ensure(4, 4), false);
  window.push(Buffer.from("defgh"));
  assert.equal(window.pull(100, 100), 5);
  assert.equal(window.pull(100, 100), 0);
  window.advance(4);
  assert.equal(window.end - window.start, 4);
  assert.equal(unit(window, 4), "efgh");
});

test("joins chunks that were not read to the end", () => {
  const window = new ChunkWindow();
  for (const text of ["ab", "cd", "", "ef"]) window.push(Buffer.from(text));
  assert.ok(window.ensure(6, 6));
  assert.equal(unit(window, 6), "abcdef");
});

test("forgets everything when told to", () => {
  const window = new ChunkWindow();
  window.push(Buffer.from("ab"));
  assert.equal(window.ensure(3, 3), false);
  window.push(Buffer.from("cd"));
  window.discard();
  window.push(Buffer.from("ef"));
  assert.ok(window.ensure(2, 2));
  assert.equal(unit(window, 2), "ef");
});

test("yields the stream whatever the chunks and units", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(sizes, sizes, fc.array(fc.boolean(), { minLength: 1 }), (chunkSizes, unitSizes, eager) => {
      const text = Buffer.from("abcdefghijklmnopqrstuvwxyz".repeat(10));
      const window = new ChunkWindow();
      let pushed = 0;
      let read = "";
      let next = 0;
      chunkSizes.forEach((chunkSize, index) => {
        window.push(Buffer.from(text.subarray(pushed, pushed + chunkSize)));
        pushed += chunkSize;
        if (!eager[index % eager.length]) return;
        for (;;) {
          const size = 1 + unitSizes[next % unitSizes.length]!;
          window.pull(next % 3, size);
          if (!window.ensure(size, size + (next % 4))) break;
          read += unit(window, size);
          window.advance(size);
          next++;
        }
      });
      assert.equal(read, text.toString("latin1", 0, read.length));
      assert.ok(pushed - read.length === window.end - window.start || !eager.every(Boolean));
    }),
    { numRuns: 500 },
  );
});
