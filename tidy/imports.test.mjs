// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { findCycles, findForbiddenImports, findImportCycles, findManifestProblems } from "./imports.mjs";
import { manifest, plantTree } from "./planted-tree.mjs";
import { expectNone, expectProblems } from "./problems.mjs";
import { Tree } from "./tree.mjs";

const tree = new Tree();

test("imports follow the arrows of layers.json", () => expectNone(findForbiddenImports(tree)));
test("no files import each other in a cycle", () => expectNone(findImportCycles(tree)));
test("manifests name what layers.json allows", () => expectNone(findManifestProblems(tree)));

const layers = {
  arrows: { base: [], wire: ["base"], broker: ["base"], testkit: ["base"] },
  external: { broker: ["ws"] },
  pure: ["wire"],
  testsOnly: { packages: ["testkit"], external: ["fast-check"] },
  wholeSystem: { spec: ["ws"] },
};
const packages = {
  "layers.json": layers,
  "packages/base/package.json": manifest("base"),
  "packages/wire/package.json": manifest("wire", { "@polylog/base": "0" }),
  "packages/broker/package.json": manifest("broker", { "@polylog/base": "0", ws: "0" }),
  "packages/testkit/package.json": manifest("testkit", { "@polylog/base": "0" }),
};

test("finds a planted import without an arrow", (t) => {
  const planted = plantTree(t, {
    ...packages,
    "packages/base/src/up.ts": 'import type { Broker } from "@polylog/broker";\n',
    "packages/wire/src/socket.ts": 'import { connect } from "node:net";\n',
    "packages/wire/src/outside.ts": 'import ws from "ws";\n',
    "packages/broker/src/deep.ts": 'import { x } from "@polylog/base/src/x.ts";\n',
    "packages/broker/src/around.ts": 'import { x } from "../../base/src/x.ts";\n',
    "packages/broker/src/self.ts": 'import { x } from "@polylog/broker";\n',
    "packages/broker/src/kit.ts": 'type X = import("@polylog/testkit").X;\n',
    "packages/broker/src/ending.ts": 'export { x } from "./deep.js";\n',
    "packages/broker/src/bare.ts": 'import "fs";\n',
    "spec/outside.ts": 'import "left-pad";\n',
    "scripts/outside.mjs": 'import "ws";\n',
  });
  expectProblems(findForbiddenImports(planted), [
    /up\.ts:1 .* no arrow base → broker/,
    /socket\.ts:1 .* wire is pure/,
    /outside\.ts:1 .* not listed for wire/,
    /deep\.ts:1 .* no door of @polylog\/base/,
    /around\.ts:1 .* leaves its own folder/,
    /self\.ts:1 .* does not import itself/,
    /kit\.ts:1 .* only tests/,
    /ending\.ts:1 .* ending in \.ts/,
    /bare\.ts:1 .* write node:fs/,
    /spec\/outside\.ts:1 .* not listed in layers\.json for spec/,
    /scripts\/outside\.mjs:1 .* nothing but Node\.js/,
  ]);
});

test("allows what layers.json allows", (t) => {
  const planted = plantTree(t, {
    ...packages,
    "packages/broker/src/index.ts": 'import "@polylog/base";\nimport ws from "ws";\nimport "./testing/kit.ts";\n',
    "packages/broker/src/index.test.ts": 'import "@polylog/testkit";\nimport fc from "fast-check";\n',
    "packages/broker/src/testing/kit.ts": 'import "@polylog/testkit";\n',
    "packages/wire/src/index.ts": 'import { Buffer } from "node:buffer";\n// import "ws";\n',
    "spec/whole.test.ts": 'import "@polylog/broker";\nimport "ws";\n',
  });
  expectNone(findForbiddenImports(planted));
  expectNone(findManifestProblems(planted));
});

test("finds a planted cycle, types included", (t) => {
  const planted = plantTree(t, {
    ...packages,
    "layers.json": { ...layers, arrows: { base: ["broker"], broker: ["base"] } },
    "packages/base/src/a.ts": 'import { b } from "./b.ts";\n',
    "packages/base/src/b.ts": 'import { c } from "./folder/c.ts";\n',
    "packages/base/src/folder/c.ts": 'import type { A } from "../a.ts";\n',
  });
  expectProblems(findImportCycles(planted), [
    /a\.ts → packages\/base\/src\/b\.ts → packages\/base\/src\/folder\/c\.ts → packages\/base\/src\/a\.ts/,
    /cycle of arrows: base → broker → base/,
  ]);
});

test("finds a planted difference between manifest and arrows", (t) => {
  const planted = plantTree(t, {
    ...packages,
    "packages/new/package.json": manifest("new"),
    "packages/wire/package.json": manifest("wire", { ws: "0" }),
    "packages/base/tsconfig.json": { references: [{ path: "../wire" }] },
  });
  expectProblems(findManifestProblems(planted), [
    /no row for packages\/new/,
    /wire\/package\.json .* names ws/,
    /wire\/package\.json .* lacks @polylog\/base/,
    /base\/tsconfig\.json .* names wire/,
  ]);
});

test("finds no cycle where paths only meet again", () => {
  const graph = new Map([
    ["a", ["b", "c"]],
    ["b", ["d"]],
    ["c", ["d"]],
  ]);
  assert.deepEqual(findCycles(graph), []);
});
