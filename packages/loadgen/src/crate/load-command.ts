/** `crate-write`: chooses the database, makes the table, loads, counts, prints, keeps. */

import { randomBytes, randomUUID } from "node:crypto";
import { hostClock, systemClock } from "@polylog/base/clock";
import { optionErrors } from "@polylog/base/options";
import type { Environment } from "../commands/command.ts";
import { resultCommands } from "../commands/result-commands.ts";
import { exitCodes } from "../exit-codes.ts";
import { parseThreshold, type Threshold } from "../measure/thresholds.ts";
import { testBalancer } from "./balance.ts";
import type { Connection } from "./database/connection.ts";
import { Database } from "./database/database.ts";
import { EmbeddedDatabase } from "./embedded-database.ts";
import { LoadSession } from "./load-session.ts";
import type { LoadOptions } from "./options/load-options.ts";
import { loadSettings, renderLoadHelp, withDotEnv } from "./options/load-settings.ts";
import { loadProfile } from "./report/load-profile.ts";
import { renderBalance } from "./report/render-balance.ts";
import { nonceOf, nonceOfSeed } from "./rows/row-ids.ts";
import { loadModel } from "./rows/row-models.ts";
import { chooseBatchSize, runSweep } from "./sweep.ts";

export interface LoadEnvironment extends Environment {
  /** Text of `.env`. */
  readonly dotEnv: string;
  /** As Ctrl-C does: the second time ends the process. */
  requestStop(): void;
}

/** Resolves with the exit code. Rejects with `options.USAGE` and the errors of `loadgen`. */
export async function crateWrite(argv: readonly string[], environment: LoadEnvironment): Promise<number> {
  const { env, dotEnv, stdout, stderr } = environment;
  const command = resultCommands.find(({ name }) => name === argv[0]);
  if (command !== undefined) {
    const run = await command.load();
    return run(argv.slice(1), { ...environment, env: withDotEnv(env, dotEnv) });
  }
  if (argv.includes("--help") || argv.includes("-h")) {
    stdout.write(renderLoadHelp());
    return exitCodes.fine;
  }
  const { options, positionals, warnings } = loadSettings(argv, env, dotEnv);
  const [word] = positionals;
  if (word !== undefined && word !== "balance") {
    const names = ["balance", ...resultCommands.map(({ name }) => name)].join(", ");
    const problems = `  ${JSON.stringify(word)}: there are the commands ${names}, each as the first word; options start with --`;
    throw optionErrors.USAGE({ count: 1, problems });
  }
  for (const warning of warnings) stderr.write(`${warning} (${loadProfile.envPrefix}…)\n`);
  const thresholds = options.threshold.map((text) => parseThreshold(loadProfile.metrics, text));
  const model = await loadModel(modelOf(options));
  const isBalance = word === "balance" || options.testBalancer;
  if (isBalance && /^postgres/.test(options.connectionString ?? "")) {
    const problems = "  balance asks GET / over HTTP; give --connection-string http://…";
    throw optionErrors.USAGE({ count: 1, problems });
  }
  const embedded =
    options.connectionString === undefined ? await EmbeddedDatabase.start(options.dataDir, systemClock) : undefined;
  try {
    const connection: Connection = {
      addresses: (options.connectionString ?? embedded!.address).split(",").map((part) => part.trim()),
      verifyTls: !options.tlsInsecure,
    };
    if (isBalance) return await balance(connection, options, environment);
    return await load(
      connection,
      { options, thresholds, shape: model.shape, isEmbedded: embedded !== undefined },
      environment,
    );
  } finally {
    await embedded?.stop();
  }
}

function modelOf({ model, objects, schema }: LoadOptions) {
  return { model, objects, schema };
}

async function load(
  connection: Connection,
  given: {
    readonly options: LoadOptions;
    readonly thresholds: readonly Threshold[];
    readonly shape: Awaited<ReturnType<typeof loadModel>>["shape"];
    readonly isEmbedded: boolean;
  },
  environment: LoadEnvironment,
): Promise<number> {
  const { options, shape } = given;
  const database = new Database(connection, systemClock);
  try {
    const product = await database.product();
    const session = new LoadSession({
      ...given,
      connection,
      database,
      product,
      dialect: await database.dialect(),
      runId: randomUUID(),
      nonces: () => (options.repeatIds ? nonceOfSeed(options.seed) : nonceOf(randomBytes(8))),
      idsAreNew: !options.repeatIds && shape.primaryKey.length > 0,
      clock: systemClock,
      host: hostClock,
      ...environment,
    });
    if (options.sweep.length > 0) return await runSweep(session, environment);
    const batchSize = options.autoBatch ? await chooseBatchSize(session, environment) : options.batchSize;
    return await session.loadAndReport(batchSize);
  } finally {
    await database.close();
  }
}

async function balance(connection: Connection, options: LoadOptions, environment: LoadEnvironment): Promise<number> {
  let isStopped = false;
  void environment.stopRequested.then(() => {
    isStopped = true;
  });
  const result = await testBalancer(connection, options.requests, systemClock, () => isStopped);
  const address = new Database(connection, systemClock).address;
  environment.stdout.write(options.json ? `${JSON.stringify(result)}\n` : renderBalance(result, address));
  if (result.product === undefined) return exitCodes.unreachable;
  return result.isBalanced ? exitCodes.fine : exitCodes.failed;
}
