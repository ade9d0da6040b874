// @ts-check
/**
 * Today's exceptions from the budgets, with their sizes, in `tidy/ratchet.json`. They may only shrink: a larger size
 * fails, a smaller one must be written down (`npm run fix` does it), and an entry nobody needs must go.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { measure } from "./budgets.mjs";
import { Tree } from "./tree.mjs";

/** @typedef {Record<string, Record<string, number>>} Ratchet budget → what it is about → size */
/** @typedef {import("./budgets.mjs").Measure} Measure */

export const ratchetFile = "tidy/ratchet.json";

/** @param {string} root @returns {Ratchet} */
export function readRatchet(root) {
  const file = join(root, ratchetFile);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

/**
 * @param {readonly Measure[]} measures
 * @param {Ratchet} ratchet
 * @returns {string[]}
 */
export function compareWithRatchet(measures, ratchet) {
  /** @type {string[]} */
  const problems = [];
  const found = new Map(measures.map((each) => [`${each.budget} ${each.subject}`, each]));
  for (const { budget, subject, size, max, where, help } of measures) {
    const allowed = ratchet[budget]?.[subject];
    if (size > (allowed ?? max)) problems.push(`${where}: ${size} ${budget}, at most ${allowed ?? max}; ${help}`);
    else if (allowed !== undefined && size > max && size < allowed)
      problems.push(`${where}: shrank to ${size} ${budget}; lower its entry in ${ratchetFile} (npm run fix)`);
  }
  for (const [budget, entries] of Object.entries(ratchet)) {
    for (const subject of Object.keys(entries)) {
      const current = found.get(`${budget} ${subject}`);
      if (current === undefined || current.size <= current.max)
        problems.push(`${ratchetFile}: ${budget} of ${subject} keep the budget now; remove the entry (npm run fix)`);
    }
  }
  return problems;
}

/** Lowers entries to today's sizes and removes those nobody needs; raises and adds none. @param {string} root */
export function shrinkRatchet(root) {
  const ratchet = readRatchet(root);
  const found = new Map(measure(new Tree(root)).map((each) => [`${each.budget} ${each.subject}`, each]));
  /** @type {Ratchet} */
  const shrunk = {};
  for (const [budget, entries] of Object.entries(ratchet)) {
    const kept = Object.entries(entries).flatMap(([subject, allowed]) => {
      const current = found.get(`${budget} ${subject}`);
      return current === undefined || current.size <= current.max ? [] : [[subject, Math.min(allowed, current.size)]];
    });
    shrunk[budget] = Object.fromEntries(kept);
  }
  const text = `${JSON.stringify(shrunk, null, 2)}\n`;
  const file = join(root, ratchetFile);
  if (existsSync(file) && readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}
