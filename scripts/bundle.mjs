// @ts-check
/**
 * Puts the compiled modules of the `polylog` command into one file, so that it starts in a third of the time; what lies in
 * which file says `packages/server/src/launch/bundle.ts`. Run by `prepare.mjs` after compiling; without the bundle everything
 * works as well, only later.
 *
 * - Native modules stay outside. Those that a start does not need are loaded when they are first called.
 * - V8's code is kept from a server that has started and answered once, so that what a start runs is compiled already.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { rootDir } from "./repository.mjs";

const dist = join(rootDir, "packages", "server", "dist");
const entry = join(dist, "main.js");

/** Native modules that wait for the first call of one of their functions. */
const lazyNatives = ["snappy", "@node-rs/crc32", "lz4-napi"];

async function bundle() {
  const { bundleFiles } = await launchModules();
  const file = bundleFiles.source;
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20.19",
    sourcemap: "linked",
    sourcesContent: false,
    minifyWhitespace: true,
    external: ["@napi-rs/blake-hash"],
    plugins: [lazyPlugin, bindingPlugin],
    define: { "import.meta.url": "moduleUrl" },
    banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
  for (const { path, text } of outputFiles) {
    // The map counts lines, and the hash takes the first one.
    const lineFirst = path === file ? `// ${createHash("sha256").update(text).digest("hex")}\n` : "";
    const shifted = path === file ? text : text.replace('"mappings": "', '"mappings": ";');
    writeWhole(path, lineFirst + shifted);
  }
  rmSync(bundleFiles.code, { force: true });
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-bundle-"));
  try {
    const words = [import.meta.filename, "--warm-up", dataDir];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 30_000 });
    if (status !== 0) process.stderr.write(`V8's code was not kept: ${stderr}\n`); // A start takes a little longer.
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Starts a server, asks it once, and keeps what V8 compiled. @param {string} dataDir */
async function warmUp(dataDir) {
  const { bundleFiles, runBundle } = await launchModules();
  const readyFile = join(dataDir, "ready.json");
  const listeners = ["mqtt", "nsq-tcp", "nsq-http", "lookupd-tcp", "lookupd-http", "http"];
  const flags = [`--data-dir=${dataDir}`, `--ready-file=${readyFile}`, "--disk-reserve=0", "--log-level=warn"];
  process.argv = [
    process.execPath,
    entry,
    "serve",
    ...flags,
    ...listeners.map((name) => `--${name}-listen=127.0.0.1:0`),
  ];
  for (const name of Object.keys(process.env)) if (name.startsWith("POLYLOG_")) delete process.env[name];
  const { hash, script } = runBundle(bundleFiles);
  while (!existsSync(readyFile)) await new Promise((resolve) => setTimeout(resolve, 5));
  const { nsqHttp } = JSON.parse(readFileSync(readyFile, "utf8")).listeners;
  await fetch(`http://127.0.0.1:${nsqHttp.port}/ping`);
  writeWhole(bundleFiles.code, Buffer.concat([Buffer.from(hash, "latin1"), script.createCachedData()]));
  process.kill(process.pid, "SIGTERM");
}

/**
 * @typedef {{ source: string, sourceMap: string, code: string }} BundleFiles
 * @typedef {{ bundleFiles: BundleFiles, runBundle: (files: BundleFiles) => { hash: string, script: import("node:vm").Script } }} BundleModule
 */

/** Compiled by now. @returns {Promise<BundleModule>} */
async function launchModules() {
  await import(pathToFileURL(join(dist, "launch", "launch.js")).href); // Sets V8's flags, which are part of what is kept.
  return import(pathToFileURL(join(dist, "launch", "bundle.js")).href);
}

/** A process that starts meanwhile sees the old file or the new one. @param {string} path @param {string | Buffer} content */
function writeWhole(path, content) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

// --- plugins of esbuild --------------------------------------------------------------------------------------------

/** @type {import("esbuild").Plugin} */
const lazyPlugin = {
  name: "lazy natives",
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(${lazyNatives.join("|")})$`);
    onResolve({ filter }, ({ path, namespace }) =>
      namespace === "lazy" ? { path, external: true } : { path, namespace: "lazy" },
    );
    onLoad({ filter, namespace: "lazy" }, ({ path }) => {
      const native = createRequire(entry)(path);
      const functions = Object.keys(native)
        .filter((name) => typeof native[name] === "function" && !/^[A-Z]/.test(name))
        .map((name) => `export const ${name} = (...values) => load().${name}(...values);`);
      const load = `let native; const load = () => (native ??= require(${JSON.stringify(path)}));`;
      return { contents: [load, ...functions].join("\n"), loader: "js" };
    });
  },
};

/** The JavaScript of classic-level is bundled; its native half is found from its own folder only. @type {import("esbuild").Plugin} */
const bindingPlugin = {
  name: "native half of classic-level",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/binding$/ }, () => ({ path: "classic-level/binding.js", external: true }));
  },
};

if (process.argv[2] === "--warm-up") await warmUp(process.argv[3] ?? "");
else await bundle();
