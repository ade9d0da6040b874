/**
 * Which nodes answer: the same question many times over fresh connections, then over kept ones, beside what the cluster says of
 * its nodes. Fresh connections show what a balancer does; kept ones what it leaves a client with that keeps its connections.
 */

import type { Clock } from "@polylog/base/clock";
import { InsertFault } from "@polylog/crate-writer";
import { type Connection, clientOf } from "./database/connection.ts";
import { httpProduct, type Product } from "./database/database.ts";

export interface NodeCount {
  readonly name: string;
  readonly hits: number;
  readonly share: number;
  /** False: it answers and stands not in `sys.nodes`. */
  readonly isKnown: boolean;
}

export interface Distribution {
  readonly requests: number;
  /** The most frequent first; nodes that were never reached with 0. */
  readonly nodes: readonly NodeCount[];
  readonly failures: readonly { readonly code: string; readonly count: number; readonly sample: string }[];
  readonly neverReached: readonly string[];
  /** Against an even distribution over all nodes. */
  readonly skew: Skew | undefined;
}

export interface Skew {
  readonly chiSquare: number;
  readonly degrees: number;
  /** How often chance alone is as uneven. */
  readonly p: number;
}

export interface BalanceResult {
  readonly product: Product | undefined;
  /** As `sys.nodes` has them; undefined: it could not be asked. */
  readonly members: readonly string[] | undefined;
  readonly membersProblem: string | undefined;
  readonly fresh: Distribution;
  readonly kept: Distribution;
  /** Fresh connections reach every node of the cluster, or it has one only. */
  readonly isBalanced: boolean;
}

/** `isStopped`: ends it early. */
export async function testBalancer(
  connection: Connection,
  requests: number,
  clock: Clock,
  isStopped: () => boolean = () => false,
): Promise<BalanceResult> {
  const client = clientOf(connection, clock);
  try {
    let product: Product | undefined;
    const ask = async (fresh: boolean): Promise<Tally> => {
      const tally: Tally = { hits: new Map(), failures: new Map() };
      for (let i = 0; i < requests && !isStopped(); i++) {
        try {
          const node = await client.node(fresh);
          product ??= httpProduct(node.product, node.version?.number ?? "");
          tally.hits.set(node.name, (tally.hits.get(node.name) ?? 0) + 1);
        } catch (error) {
          const { code, message } = faultOf(error);
          const known = tally.failures.get(code);
          tally.failures.set(code, { count: (known?.count ?? 0) + 1, sample: known?.sample ?? message });
        }
      }
      return tally;
    };
    const fresh = await ask(true);
    const kept = await ask(false);
    const { members, problem } = await membersOf(client);
    const result = { fresh: distributionOf(fresh, members), kept: distributionOf(kept, members) };
    const reached = fresh.hits.size;
    const isWhole = members !== undefined && members.length === 1 ? reached === 1 : reached > 1;
    const isBalanced = isWhole && result.fresh.neverReached.length === 0;
    return { product, members, membersProblem: problem, ...result, isBalanced };
  } finally {
    client.close();
  }
}

interface Tally {
  readonly hits: Map<string, number>;
  readonly failures: Map<string, { readonly count: number; readonly sample: string }>;
}

async function membersOf(
  client: ReturnType<typeof clientOf>,
): Promise<{ readonly members: readonly string[] | undefined; readonly problem: string | undefined }> {
  try {
    const fault = ({ status, text }: { status: number; text: string }) =>
      new InsertFault("refused", String(status), text.slice(0, 300));
    const { rows } = await client.sql("SELECT name, id, hostname FROM sys.nodes ORDER BY name", [], fault);
    return { members: rows.map(([name]) => String(name)), problem: undefined };
  } catch (error) {
    const { code, message } = faultOf(error);
    return { members: undefined, problem: `${code} ${message}` };
  }
}

function faultOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof InsertFault) return error;
  if (error instanceof SyntaxError) return { code: "EANSWER", message: "the answer is no JSON" };
  throw error;
}

export function distributionOf(
  { hits, failures }: { readonly hits: ReadonlyMap<string, number>; readonly failures: Tally["failures"] },
  members: readonly string[] | undefined,
): Distribution {
  const names = new Set([...hits.keys(), ...(members ?? [])]);
  const answered = [...hits.values()].reduce((a, b) => a + b, 0);
  const failed = [...failures.values()].reduce((sum, { count }) => sum + count, 0);
  const nodes = [...names]
    .map((name) => {
      const own = hits.get(name) ?? 0;
      const isKnown = members === undefined || members.includes(name);
      return { name, hits: own, share: answered === 0 ? 0 : own / answered, isKnown };
    })
    .sort((a, b) => b.hits - a.hits || (a.name < b.name ? -1 : 1));
  return {
    requests: answered + failed,
    nodes,
    failures: [...failures].map(([code, { count, sample }]) => ({ code, count, sample })),
    neverReached: nodes.filter((node) => node.hits === 0).map(({ name }) => name),
    skew: skewOf(nodes.map((node) => node.hits)),
  };
}

/** Undefined for fewer than two nodes, or no answers. */
export function skewOf(hits: readonly number[]): Skew | undefined {
  const total = hits.reduce((a, b) => a + b, 0);
  if (hits.length < 2 || total === 0) return undefined;
  const expected = total / hits.length;
  const chiSquare = hits.reduce((sum, own) => sum + (own - expected) ** 2 / expected, 0);
  const degrees = hits.length - 1;
  return { chiSquare, degrees, p: chiSquareTail(chiSquare, degrees) };
}

/** Wilson and Hilferty's approximation, good to about 0.01: the cube root is nearly normal. */
function chiSquareTail(chiSquare: number, degrees: number): number {
  const spread = 2 / (9 * degrees);
  const z = (Math.cbrt(chiSquare / degrees) - (1 - spread)) / Math.sqrt(spread);
  return normalTail(z);
}

/** Abramowitz and Stegun 26.2.17. */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? tail : 1 - tail;
}
