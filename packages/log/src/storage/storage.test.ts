import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStorage } from "./file-storage.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { storageContract } from "./storage.contract.ts";

storageContract({
  name: "FileStorage",
  create: async () => {
    const directory = await mkdtemp(join(tmpdir(), "polylog-storage-"));
    const remove = () => rm(directory, { recursive: true });
    return { storage: new FileStorage(join(directory, "not", "there", "yet")), remove };
  },
});

storageContract({
  name: "MemoryStorage",
  create: async () => ({ storage: new MemoryStorage(), remove: async () => undefined }),
});

storageContract({
  name: "MemoryStorage that simulates crashes",
  create: async () => ({ storage: new MemoryStorage({ simulate: true }), remove: async () => undefined }),
});
