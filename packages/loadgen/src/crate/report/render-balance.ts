/** The balancer test as text. */

import type { BalanceResult, Distribution } from "../balance.ts";

const barLength = 50;
/** Rarer than this is called uneven. */
const chance = 0.01;

export function renderBalance(result: BalanceResult, address: string): string {
  const { product, members, membersProblem, fresh, kept } = result;
  const others = result.members === undefined ? [] : fresh.nodes.filter(({ isKnown }) => !isKnown);
  return [
    `${address}: ${product === undefined ? "no answer" : `${product.name}; version ${product.version}`}`,
    "",
    `NODE DISTRIBUTION: ${fresh.requests} requests, each over a connection of its own`,
    ...rows(fresh),
    verdict(fresh),
    ...skewLines(fresh),
    "",
    `NODE DISTRIBUTION: ${kept.requests} requests over kept connections`,
    ...rows(kept),
    ...(kept.nodes.filter(({ hits }) => hits > 0).length === 1
      ? ["A client that keeps its connections stays with one node."]
      : []),
    "",
    members === undefined
      ? `sys.nodes could not be asked: ${membersProblem}`
      : `sys.nodes has ${members.length}: ${members.join(", ")}`,
    ...(fresh.neverReached.length > 0 ? [`Never reached: ${fresh.neverReached.join(", ")}`] : []),
    ...(others.length > 0 ? [`Not in sys.nodes: ${others.map(({ name }) => name).join(", ")}`] : []),
    "",
  ].join("\n");
}

function rows({ nodes, failures }: Distribution): readonly string[] {
  const width = Math.max(15, ...nodes.map(({ name }) => name.length));
  return [
    ...nodes.map(({ name, hits, share }) => {
      const bar = "█".repeat(Math.round(share * barLength));
      return `   ${name.padEnd(width)} | ${String(hits).padStart(3)} hits | ${(share * 100).toFixed(1).padStart(5)}% | ${bar}`.trimEnd();
    }),
    ...failures.map(({ code, count, sample }) => `   ${count} failed: ${code}: ${sample}`),
  ];
}

function verdict({ nodes }: Distribution): string {
  const reached = nodes.filter(({ hits }) => hits > 0).length;
  if (reached > 1) return `Load balancer IS distributing across ${reached} nodes`;
  return `Load balancer is NOT distributing: ${reached === 0 ? "no node answered" : "one node answered every request"}`;
}

function skewLines({ skew }: Distribution): readonly string[] {
  if (skew === undefined) return [];
  const { chiSquare, degrees, p } = skew;
  const word = p < chance ? "uneven" : "as even as chance makes it";
  return [`Skew: chi-square ${chiSquare.toFixed(2)} with ${degrees} degrees of freedom, p = ${p.toFixed(3)}: ${word}`];
}
