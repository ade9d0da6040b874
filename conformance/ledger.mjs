// @ts-check
/**
 * The ledger of conformance: every statement of a specification, and what shows that it holds.
 *
 *     mqtt-5.0.tsv, mqtt-3.1.1.tsv   id, whose duty it is, the duty in our words, and if need be why it does not apply
 *
 * A statement is **tested** when a test's name begins with its id and version (`MQTT-3.1.2-3 v5: …`, several joined by
 * commas), or when a row of the codec's test vectors names it. It is **not applicable** when its row says why, or when it
 * is a duty of clients alone, which a server cannot keep for them. Otherwise it is **open**, and `open.json` lists it.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compiledPath, listFiles, rootDir } from "../scripts/repository.mjs";

/** @typedef {"v3" | "v5"} Version */
/** @typedef {{ id: string, side: "client" | "server" | "both", duty: string, reason: string | undefined }} Statement */
/** @typedef {Statement & { tests: number, vectors: number, files: string[], status: "tested" | "not applicable" | "open" }} LedgerRow */

/** @type {readonly { version: Version, title: string, file: string, statements: number, vectors: string, exported: string }[]} */
export const specifications = [
  {
    version: "v5",
    title: "MQTT 5.0",
    file: "mqtt-5.0.tsv",
    statements: 251,
    vectors: "packages/mqtt-wire/src/testing/mqtt5-vectors.ts",
    exported: "vectors5",
  },
  {
    version: "v3",
    title: "MQTT 3.1.1",
    file: "mqtt-3.1.1.tsv",
    statements: 144,
    vectors: "packages/mqtt-wire/src/testing/vectors.ts",
    exported: "vectors",
  },
];

/** @param {string} file @returns {Statement[]} */
export function readStatements(file) {
  const lines = readFileSync(join(rootDir, "conformance", file), "utf8")
    .trimEnd()
    .split("\n")
    .slice(1);
  return lines.map((line) => {
    const [id = "", side = "", duty = "", reason] = line.split("\t");
    if (side !== "client" && side !== "server" && side !== "both") throw new Error(`${file}: ${id} has side "${side}"`);
    return { id, side, duty, reason };
  });
}

/**
 * Ids and versions at the beginning of the names of tests, with the files they stand in.
 *
 * @returns {Map<string, string[]>} by `id version`
 */
export function findTestedStatements() {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  const tests = listFiles("").filter((path) => /\.test\.(ts|mjs)$/.test(path) && !path.includes("/dist/"));
  for (const path of tests) {
    const text = readFileSync(join(rootDir, path), "utf8");
    for (const [, ids = ""] of text.matchAll(/["'`]((?:MQTT-[\d.]+-\d+ v[35](?:, )?)+): /g))
      for (const id of ids.split(", ")) found.set(id, [...(found.get(id) ?? []), path]);
  }
  return found;
}

/**
 * How often each statement stands in the codec's vectors. They must be compiled.
 *
 * @param {string} source @param {string} exported @returns {Promise<Map<string, number>>} by id
 */
async function countVectors(source, exported) {
  const file = join(rootDir, compiledPath(source));
  if (!existsSync(file)) throw new Error(`${source} is not compiled; run npm run build`);
  /** @type {Record<string, readonly { clause?: string }[]>} */
  const module = await import(pathToFileURL(file).href);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { clause } of module[exported] ?? [])
    if (clause?.startsWith("MQTT-")) counts.set(clause, (counts.get(clause) ?? 0) + 1);
  return counts;
}

/** @param {typeof specifications[number]} specification @returns {Promise<LedgerRow[]>} */
export async function readLedger({ version, file, vectors, exported }) {
  const tested = findTestedStatements();
  const counts = await countVectors(vectors, exported);
  return readStatements(file).map((statement) => {
    const files = tested.get(`${statement.id} ${version}`) ?? [];
    const vectorCount = counts.get(statement.id) ?? 0;
    const isTested = files.length > 0 || vectorCount > 0;
    const applies = statement.reason === undefined && statement.side !== "client";
    const status = isTested ? "tested" : applies ? "open" : "not applicable";
    return { ...statement, tests: files.length, vectors: vectorCount, files: [...new Set(files)], status };
  });
}

/** @returns {Promise<string>} the page of the reference */
export async function renderConformance() {
  const parts = [
    "# Conformance",
    "",
    "Every statement of MQTT 5.0 and 3.1.1, in our words, and what shows that it holds: tests whose names begin with its id,",
    "and rows of the codec's test vectors, each of which is read whole, byte by byte and cut at every place. A duty of",
    "clients alone does not apply to a server. What is open has no test of its own yet.",
    "",
  ];
  for (const specification of specifications) {
    const rows = await readLedger(specification);
    const count = (/** @type {string} */ status) => rows.filter((row) => row.status === status).length;
    parts.push(
      `## ${specification.title}`,
      "",
      `${rows.length} statements: ${count("tested")} tested, ${count("not applicable")} not applicable, ${count("open")} open.`,
      "",
      "| id | duty | shown by |",
      "|---|---|---|",
      ...rows.map((row) => `| ${row.id} | ${row.duty.replaceAll("|", "\\|")} | ${evidenceOf(row)} |`),
      "",
    );
  }
  return parts.join("\n");
}

/** @param {LedgerRow} row */
function evidenceOf({ status, tests, vectors, reason }) {
  if (status === "open") return "**open**";
  if (status === "not applicable") return reason ?? "the client's duty";
  const parts = [];
  if (tests > 0) parts.push(tests === 1 ? "1 test" : `${tests} tests`);
  if (vectors > 0) parts.push(vectors === 1 ? "1 vector" : `${vectors} vectors`);
  return parts.join(", ");
}
