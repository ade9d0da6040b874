import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfigFile, readConfigFile } from "./config-file.ts";

test("keys and values come as TOML has them", () => {
  const { name, values } = parseConfigFile("f.toml", 'data_dir = "x"\ncapture = ["a=b"]\n[table]\nkey = 1\n');
  assert.equal(name, "f.toml");
  assert.deepEqual(Object.keys(values), ["data_dir", "capture", "table"]);
  assert.deepEqual(values["capture"], ["a=b"]);
});

test("a key's line is found", () => {
  const { lineOf } = parseConfigFile("f", '# a = 1\nab = 1\n\n  a = 2\n"c d" = 3\n[table]\n[x.y]\n[[list]]\n');
  const lines = ["a", "ab", "c d", "table", "x", "list", "missing"].map((key) => lineOf?.(key));
  assert.deepEqual(lines, [4, 2, 5, 6, 7, 8, undefined]);
});

test("a syntax error has line, column and frame", () => {
  assert.throws(() => parseConfigFile("f.toml", 'a = 1\nb = "x\nc = 2\n'), {
    code: "config.FILE_SYNTAX",
    message: `f.toml:2:7: control characters are not allowed in strings
1:  a = 1
2:  b = "x
          ^
3:  c = 2`,
  });
});

test("a key given twice is a syntax error", () => {
  assert.throws(() => parseConfigFile("f.toml", "a = 1\na = 2\n"), {
    code: "config.FILE_SYNTAX",
    message: /^f\.toml:2:1: /,
  });
});

test("a missing file is unreadable", () => {
  assert.throws(() => readConfigFile("/nonexistent/polylog.toml"), {
    code: "config.FILE_UNREADABLE",
    message: /^config file \/nonexistent\/polylog\.toml cannot be read: ENOENT/,
  });
});

test("files are read as UTF-8 with or without BOM", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "polylog-config-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "polylog.toml");
  writeFileSync(file, '\uFEFFdata_dir = "é"\n');
  assert.equal(readConfigFile(file).values["data_dir"], "é");
  writeFileSync(file, Buffer.from([0x61, 0x20, 0x3d, 0x20, 0x22, 0xff, 0x22]));
  assert.throws(() => readConfigFile(file), { code: "config.FILE_NOT_UTF8" });
});
