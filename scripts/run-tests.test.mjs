// @ts-check
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { rootDir } from "./repository.mjs";
import { runCommand } from "./run-command.mjs";

/**
 * Runs files with these contents as `npm test` would.
 * @param {{ after(callback: () => void): void }} t
 * @param {Readonly<Record<string, string>>} files name → text; `.bench.mjs` runs as a bench
 */
async function runPlanted(t, files) {
  const folder = mkdtempSync(join(tmpdir(), "polylog-runner-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const tests = Object.entries(files).map(([name, text]) => {
    const file = join(folder, name);
    writeFileSync(file, `import test from "node:test";\n${text}\n`);
    return { group: "planted", source: name, file, ...(name.endsWith(".bench.mjs") ? { smoke: ["--smoke"] } : {}) };
  });
  const url = (/** @type {string} */ name) => JSON.stringify(pathToFileURL(join(rootDir, "scripts", name)).href);
  const program = `
    import { runTests } from ${url("run-tests.mjs")};
    import { finish } from ${url("tally.mjs")};
    finish(await runTests(${JSON.stringify(tests)}, { fileTimeoutMs: 2000 }));
  `;
  return runCommand(process.execPath, ["--input-type=module", "-e", program]);
}

test("counts what passes and what is skipped", async (t) => {
  const { code, output } = await runPlanted(t, {
    "good.test.mjs":
      'test("a", () => {});\ntest("b", { skip: "no tool" }, () => {});\ntest("c", (t) => t.test("d", () => {}));',
    "good.bench.mjs": 'if (process.argv[2] !== "--smoke") process.exitCode = 1;',
  });
  assert.equal(code, 0, output);
  assert.match(output, /good\.test\.mjs › b: no tool/);
  assert.match(output, /^4 passed, 0 failed, 1 skipped\n$/m);
});

test("shows a failing test and ends with code 1", async (t) => {
  const { code, output } = await runPlanted(t, {
    "bad.test.mjs":
      'test("adds", () => {});\ntest("breaks", () => { throw new Error("boom", { cause: "a reason" }); });',
  });
  assert.equal(code, 1);
  assert.match(output, /FAILED bad\.test\.mjs › breaks/);
  assert.match(output, /Error: boom[\s\S]*caused by: a reason/);
  assert.match(output, /^1 passed, 1 failed, 0 skipped\n$/m);
});

test("fails a file that crashes, hangs, is empty or ends badly", async (t) => {
  const { code, output } = await runPlanted(t, {
    "crash.test.mjs": 'test("a", () => {});\nthrow new Error("while loading");',
    "hang.test.mjs": 'test("a", () => {});\nsetInterval(() => {}, 1000);',
    "empty.test.mjs": "",
    "late.test.mjs": 'test("a", () => {});\nprocess.on("exit", () => { process.exitCode = 9; });',
    "bad.bench.mjs": 'process.stdout.write("half done");\nprocess.exitCode = 3;',
  });
  assert.equal(code, 1);
  assert.match(output, /crash\.test\.mjs › ended with exit code[\s\S]*while loading/);
  assert.match(output, /hang\.test\.mjs › did not end within/);
  assert.match(output, /empty\.test\.mjs › holds no test/);
  assert.match(output, /late\.test\.mjs › ended with exit code 9/);
  assert.match(output, /bad\.bench\.mjs › with --smoke it ended with exit code 3\n\s+half done/);
  assert.match(output, /^2 passed, 5 failed, 0 skipped\n$/m);
});
